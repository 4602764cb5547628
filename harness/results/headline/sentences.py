"""What a headline says: sentences made of estimates and tests, of doubts and failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from harness.contract.estimates import Estimate
from harness.contract.rows import Row, Status
from harness.results.comparison.table import p_text, signed_interval
from harness.results.expectations import ExpectationResult
from harness.results.headline.headline import MAX_SENTENCES, Contrast, HeadlineRow
from harness.results.headline.words import context_of, isolated_text, label_of, listed, of_row, shortened
from harness.results.table import interval, name_of, number

_MAX_NAMED, _MAX_FURTHER = 3, 2
_MAX_REASON = 400
"""Characters of a reason; a longer one, such as that of a library, is cut in its middle."""


def sentences_of(
    rows: Sequence[Row],
    shown: Sequence[HeadlineRow],
    contrasts: Sequence[Contrast],
    problems: Sequence[str],
    expectations: Sequence[ExpectationResult],
    units: Mapping[tuple[str, str], str],
    of_groups: Sequence[tuple[str, str]] = (),
) -> tuple[str, ...]:
    """Return at most `MAX_SENTENCES` sentences: what went wrong, what differs, what is doubtful, what is not resolved.

    Args:
        rows: all rows of the run.
        shown: the rows of the headline.
        contrasts: their tests.
        problems: what the suite asked for and no row has.
        expectations: the result of each expectation.
        units: (experiment, metric) to its unit.
        of_groups: (experiment, sentence) on which subgroups the gaps are between.
    """
    first = [*_failures(rows), *problems]
    rest = [*_doubts(rows), *_expectations(expectations), *_unresolved(contrasts, shown)]
    room = max(MAX_SENTENCES - len(first) - len(rest), 1)
    findings = list(_resolved(contrasts, shown, units))
    findings = findings or list(_estimates(shown, contrasts, units))
    return (*first, *_in_turn([*of_groups, *findings])[:room], *rest)[:MAX_SENTENCES]


def _failures(rows: Sequence[Row]) -> Iterator[str]:
    """Yield how many rows have no numbers, and why."""
    broken = [row for row in rows if not row.status.is_measured]
    if broken and len(broken) == len(rows):
        counts = Counter(str(row.status) for row in rows)
        many = ", ".join(f"{n} {status}" for status, n in counts.items())
        yield f"No row has a number: {many}; {_reason(broken)}."
        return
    for status in dict.fromkeys(row.status for row in broken if row.status is not Status.SKIPPED):
        those = [row for row in broken if row.status is status]
        ended = status if status in (Status.FAILED, Status.CRASHED) else f"ended as {status}"
        yield f"{_rows(len(those))} {ended}: {_reason(those)} ({_names(those)})."


def _reason(rows: Sequence[Row]) -> str:
    """The most common reason, on one line, and how many others there are."""
    reasons = Counter(_short_reason(row.reason) for row in rows)
    (first, _), more = reasons.most_common(1)[0], len(reasons) - 1
    return f"{first or 'no reason is known'}{f' and {more} more' if more else ''}"


def _short_reason(reason: str) -> str:
    text = " ".join(reason.split()).rstrip(".")
    # What to do about it stands at the end of a reason.
    return shortened(text, _MAX_REASON)


def _doubts(rows: Sequence[Row]) -> Iterator[str]:
    suspect = [row for row in rows if row.status is Status.SUSPECT]
    if suspect:
        signs = dict.fromkeys(doubt.partition(": ")[0] for row in suspect for doubt in row.reason.split("; "))
        treated = "attack " if all(row.labels.get("attack", "none") != "none" for row in suspect) else ""
        yield f"{_rows(len(suspect), treated)} {_is(suspect)} suspect: {listed(list(signs), _MAX_NAMED)}."


def _expectations(results: Sequence[ExpectationResult]) -> Iterator[str]:
    failed = [result for result in results if result.verdict == "failed"]
    if failed:
        at = f" at {failed[0].row}" if failed[0].row else ""
        more = f"; and {len(failed) - 1} more" if len(failed) > 1 else ""
        many = f"{len(failed)} of {len(results)} expectations"
        yield f"{many} failed: {failed[0].expectation}{at}, {failed[0].told}{more}."


def _resolved(
    contrasts: Sequence[Contrast], shown: Sequence[HeadlineRow], units: Mapping[tuple[str, str], str]
) -> Iterator[tuple[str, str]]:
    """Yield (experiment, sentence) on each setting of which a difference is resolved: the smallest one that is."""
    for those in _by_setting(contrasts):
        resolved = [each for each in those if each.is_resolved]
        if not resolved:
            continue
        closest = min(resolved, key=lambda each: abs(each.difference.value))
        yield closest.a.experiment, _difference(closest, resolved, shown, units)


def _difference(
    each: Contrast, resolved: Sequence[Contrast], shown: Sequence[HeadlineRow], units: Mapping[tuple[str, str], str]
) -> str:
    """The sentence on a difference. The number of the other row stands without its interval, which the table has."""
    unit = units.get((each.a.experiment, each.metric), "")
    one, other = _interval(each.b.estimates[each.metric], unit), number(each.a.estimates[each.metric].value, unit)
    metric, context = each.metric.replace("_", " "), context_of(each.b, each.role, shown)
    rest = [label_of(further.a, further.role) for further in resolved if further is not each]
    more = f", and further from {listed(rest, _MAX_FURTHER, ', ')}" if rest else ""
    tested = f"{signed_interval(each.difference, unit)}, p {p_text(each.p_holm, equals=True)}"
    return (
        f"{label_of(each.b, each.role)} has {metric} {one}, {label_of(each.a, each.role)} {other}"
        f"{f' ({context})' if context else ''}: {tested}{more}."
    )


def _estimates(
    shown: Sequence[HeadlineRow], contrasts: Sequence[Contrast], units: Mapping[tuple[str, str], str]
) -> Iterator[tuple[str, str]]:
    """Yield (experiment, sentence) on the rows themselves, where no difference is resolved."""
    for each in shown:
        for metric in each.metrics:
            estimate: Estimate | None = each.row.estimates.get(metric)
            if estimate is None or estimate.value is None:
                continue
            doubt = ", which is suspect" if each.row.status is Status.SUSPECT else ""
            value = _interval(estimate, units.get((each.row.experiment, metric), ""))
            yield each.row.experiment, f"{of_row(each.row, shown)} has {metric.replace('_', ' ')} {value}{doubt}."


def _interval(estimate: Estimate, unit: str) -> str:
    """An estimate with its interval alone: what it would be of nothing is told by the table."""
    return interval(replace(estimate, null=None, p=None), unit)


def _unresolved(contrasts: Sequence[Contrast], shown: Sequence[HeadlineRow]) -> Iterator[str]:
    """Yield one sentence on all pairs that the examples do not settle."""
    open_pairs: dict[tuple[str, str], list[str]] = {}
    for each in contrasts:
        if not each.is_resolved and each.p_holm is not None:
            names = [context_of(each.b, each.role, shown), *_metric_if_several(each, shown)]
            about = label_of(each.b, each.role), ", ".join(filter(None, names))
            open_pairs.setdefault(about, []).append(label_of(each.a, each.role))
    pairs = [
        f"{name} against {listed(others, _MAX_NAMED, ', ')}{f' ({context})' if context else ''}"
        for (name, context), others in open_pairs.items()
    ]
    if pairs:
        yield f"Not resolved: {listed(pairs, _MAX_NAMED)}."


def _metric_if_several(each: Contrast, shown: Sequence[HeadlineRow]) -> list[str]:
    """The metric of a contrast, where the headline is about several in its experiment."""
    metrics = {name for one in shown if one.row.experiment == each.a.experiment for name in one.metrics}
    return [each.metric.replace("_", " ")] if len(metrics) > 1 else []


def _by_setting(contrasts: Sequence[Contrast]) -> list[list[Contrast]]:
    groups: dict[int, list[Contrast]] = {}
    for each in contrasts:
        groups.setdefault(each.group, []).append(each)
    return list(groups.values())


def _in_turn(findings: Sequence[tuple[str, str]]) -> list[str]:
    """The sentences, one of each experiment before the second of any."""
    turns: Counter[str] = Counter()
    ordered = []
    for position, (experiment, text) in enumerate(findings):
        ordered.append((turns[experiment], position, text))
        turns[experiment] += 1
    return [text for _, _, text in sorted(ordered)]


def _rows(n: int, what: str = "") -> str:
    return f"{n} {what}row{'s' if n != 1 else ''}"


def _is(rows: Sequence[Row]) -> str:
    return "is" if len(rows) == 1 else "are"


def _names(rows: Sequence[Row]) -> str:
    return listed(list(dict.fromkeys(isolated_text(shortened(name_of(row))) for row in rows)), 2)
