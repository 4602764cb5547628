"""A comparison as text for a terminal, as Markdown, CSV and JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness.contract.cells import CONSTANT_ROLES, SHOWN_LABELS, SHOWN_ROLES, TREATMENTS
from harness.contract.estimates import Estimate
from harness.escaping import json_text as as_json
from harness.escaping import markdown_cell, markdown_line, on_a_line
from harness.results.comparison.compare import SIGNIFICANCE, VERDICTS, Compared, Comparison, Verdict
from harness.results.table import csv_of, display_text, interval, metric_heading, number, text_table
from harness.statistics.paired import Difference

_MAX_ROWS_NAMED = 2
_MAX_UNRESOLVED_SHOWN = 12
_SMALLEST_P_SHOWN = 0.001

Style = Callable[[Verdict], str]


def terminal_text(comparison: Comparison, width: int, *, everything: bool = False, style: Style = str) -> str:
    """The comparison as text of at most this width, if it can be: how many verdicts of each kind, then what differs.

    Args:
        comparison: what to show.
        width: of the terminal; if it is too small the intervals of A and B are left out.
        everything: show also what is not resolved, and every row that is not comparable.
        style: a verdict as the terminal shows it.
    """
    shown = _table_rows(comparison, everything)
    parts = ["\n".join(map(on_a_line, [summary(comparison), *comparison.notes])), "\n".join(_head(comparison, shown))]
    if shown:
        for intervals in (True, False):
            lines = text_table(*_columns(shown, intervals=intervals)).splitlines()
            if max(map(len, lines)) <= width:
                break
        styled = [_styled(line, entry.verdict, style) for line, entry in zip(lines[2:], shown, strict=True)]
        parts.append("\n".join([*lines[:2], *styled]))
    refused = _not_comparable(comparison, everything)
    if refused:
        parts.append("\n".join(f"{style('not comparable')}: {on_a_line(line)}" for line in refused))
    hidden = sum(entry.verdict == "not resolved" and entry not in shown for entry in comparison.compared)
    return "\n\n".join([*parts, *([f"{hidden} not resolved; --all shows them"] if hidden else [])])


def _styled(line: str, verdict: Verdict, style: Style) -> str:
    """A line of the table with its verdict, which stands in the last column, in its colour."""
    before, _, after = line.rpartition(verdict)
    return f"{before}{style(verdict)}{after}"


def summary(comparison: Comparison) -> str:
    """Return one line with the number of verdicts of each kind and of tests."""
    counts = [f"{n} {verdict}" for verdict, n in comparison.counts.items() if n or verdict in ("worse", "better")]
    tests = f"{comparison.n_tests} test{'s' if comparison.n_tests != 1 else ''}"
    return f"{', '.join(counts)}; {tests}, Holm's correction at {SIGNIFICANCE:g}"


def markdown_text(comparison: Comparison) -> str:
    """Everything as Markdown."""
    shown = _table_rows(comparison, True)
    title = f"# {markdown_cell(comparison.a)} → {markdown_cell(comparison.b)}"
    parts = [title, "  \n".join(map(markdown_line, _head(comparison, shown)))]
    if shown:
        columns, body = _columns(shown, intervals=True)
        methods = [entry.difference.method if entry.difference else "" for entry in shown]
        lines = [[*line, method] for line, method in zip(body, methods, strict=True)]
        parts.append(text_table([*columns, "method"], lines, "github"))
    bullets = [f"not comparable: {line}" for line in _not_comparable(comparison, True)]
    bullets += [*comparison.notes, summary(comparison)]
    return "\n\n".join([*parts, "\n".join(f"- {markdown_cell(line)}" for line in bullets)]) + "\n"


def csv_text(comparison: Comparison) -> str:
    """One line per row and metric, those that are not comparable included."""
    roles = _roles(comparison.compared)
    return csv_of([_flat(entry, roles, comparison) for entry in comparison.compared], empty=["experiment"])


def json_text(comparison: Comparison) -> str:
    """Everything as a JSON object."""
    document = {
        "a": comparison.a,
        "b": comparison.b,
        "allowed": dict(comparison.allowed),
        "significance": SIGNIFICANCE,
        "correction": "holm",
        "tests": comparison.n_tests,
        "counts": comparison.counts,
        "gate_fails": comparison.gate_fails,
        "notes": list(comparison.notes),
        "compared": [_object(entry) for entry in comparison.compared],
    }
    return as_json(document, indent=1) + "\n"


def _object(entry: Compared) -> dict[str, Any]:
    return {
        "experiment": entry.a.experiment,
        "labels_a": dict(entry.a.labels),
        "labels_b": None if entry.b is None else dict(entry.b.labels),
        "seed": entry.a.seed,
        "derived": entry.a.derived,
        "cell_a": entry.a.cell,
        "cell_b": None if entry.b is None else entry.b.cell,
        "metric": entry.metric,
        "direction": entry.facts.direction,
        "a": _estimate_object(entry.estimate_a),
        "b": _estimate_object(entry.estimate_b),
        "difference": None if entry.difference is None else asdict(entry.difference),
        "p_holm": entry.p_holm,
        "verdict": entry.verdict,
        "reason": entry.reason,
        "fields": [asdict(field) for field in entry.fields],
        "allowed": [asdict(field) for field in entry.allowed],
        "lost": entry.lost,
        "trained_anew": entry.anew,
        "seeds": entry.seeds,
        "excused": entry.excused,
    }


def _estimate_object(estimate: Estimate | None) -> dict[str, Any] | None:
    return None if estimate is None else asdict(estimate)


def _flat(entry: Compared, roles: Sequence[str], comparison: Comparison) -> dict[str, Any]:
    difference = entry.difference or Difference(0.0, None, None, None, "")
    flat: dict[str, Any] = {"experiment": entry.a.experiment, **{role: _label(entry, role) for role in roles}}
    flat |= {"seed": _seed(entry), "metric": entry.metric, "direction": entry.facts.direction}
    for side, estimate in (("a", entry.estimate_a), ("b", entry.estimate_b)):
        shown = estimate or Estimate.undefined("absent")
        flat |= {side: shown.value, f"{side}_low": shown.low, f"{side}_high": shown.high}
    return flat | {
        "difference": difference.value if entry.difference else None,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "p": difference.p,
        "p_holm": entry.p_holm,
        "method": difference.method,
        "verdict": entry.verdict,
        "trained_anew": entry.anew,
        "why": entry.why,
        "allowed": ", ".join(map(str, entry.allowed)),
        "tests": comparison.n_tests,
    }


def _table_rows(comparison: Comparison, everything: bool) -> list[Compared]:
    """Return the rows to show: resolved differences first, others only if asked for, or if they are few and all."""
    order = {verdict: position for position, verdict in enumerate(VERDICTS)}
    numbers = [entry for entry in comparison.compared if entry.verdict != "not comparable"]
    resolved = [entry for entry in numbers if entry.verdict != "not resolved"]
    few = not resolved and len(numbers) <= _MAX_UNRESOLVED_SHOWN
    return sorted(numbers if everything or few else resolved, key=lambda entry: order[entry.verdict])


def _head(comparison: Comparison, shown: Sequence[Compared]) -> list[str]:
    """Return the lines above the table: the two runs, fields allowed to differ, labels common to all rows."""
    lines = [f"A: {comparison.a}", f"B: {comparison.b}"]
    for name, pairs in comparison.allowed.items():
        lines.append(f"ALLOWED TO DIFFER: {name} ({pairs} pair{'s' if pairs != 1 else ''} of rows)")
    constant = [f"{name} {value}" for name, value in constants_of(shown).items()]
    legend = ["difference is B − A, intervals at 95 %, p after Holm's correction"] if shown else []
    last = "; ".join([*([", ".join(constant)] if constant else []), *legend])
    return [on_a_line(line) for line in (*lines, *([last] if last else []))]


def _roles(compared: Sequence[Compared]) -> list[str]:
    return [role for role in SHOWN_LABELS if any(role in entry.a.labels for entry in compared)]


def _label(entry: Compared, role: str) -> str:
    """The label of a role on both sides; a derived row says what its task shows, which its labels do not."""
    one = entry.a.labels.get(role, "")
    other = one if entry.b is None else entry.b.labels.get(role, "")
    label = one if one == other else f"{one} → {other}"
    shown = display_text(entry.a) if entry.a.derived and role in TREATMENTS else ""
    return f"{label}, {shown}" if shown else label


def constants_of(shown: Sequence[Compared]) -> dict[str, str]:
    """Return the labels that are the same in every line and need no column; one column of labels stays."""
    labels = line_labels(shown)
    constant = {name: column[0] for name, column in labels.items() if len(set(column)) == 1}
    if len(constant) == len(labels):
        candidates = (role for role in reversed(SHOWN_ROLES) if role in constant and role not in CONSTANT_ROLES)
        constant.pop(next(candidates, ""), None)
    return {name: label for name, label in constant.items() if label}


def line_labels(shown: Sequence[Compared]) -> dict[str, list[str]]:
    """Return the columns that say what a line is about, by heading."""
    columns = {role: [_label(entry, role) for entry in shown] for role in _roles(shown)}
    experiments = [entry.a.experiment for entry in shown]
    several = {"experiment": experiments} if len(set(experiments)) > 1 else {}
    return {**several, **columns, "seed": [_seed(entry) for entry in shown]}


def _seed(entry: Compared) -> str:
    return entry.seeds or str(entry.a.seed)


def _columns(shown: Sequence[Compared], *, intervals: bool) -> tuple[list[str], list[list[str]]]:
    constant = constants_of(shown)
    labels = {name: column for name, column in line_labels(shown).items() if name not in constant}
    head = [*labels, "metric", "A", "B", "difference", "p", "verdict"]
    lines = []
    for i, entry in enumerate(shown):
        unit = entry.facts.unit
        show = interval if intervals else _value
        metric = metric_heading(entry.metric, entry.facts.direction)
        estimates = [show(e, unit) if e is not None else "" for e in (entry.estimate_a, entry.estimate_b)]
        results = [_difference(entry.difference, unit), p_text(entry.p_holm), shown_verdict(entry)]
        lines.append([*(column[i] for column in labels.values()), metric, *estimates, *results])
    return head, lines


def shown_verdict(entry: Compared) -> str:
    """Return the verdict, and that the weights are others where they are."""
    return f"{entry.verdict}, trained anew" if entry.anew else entry.verdict


def _value(estimate: Estimate, unit: str) -> str:
    return number(estimate.value, unit)


def _difference(difference: Difference | None, unit: str) -> str:
    return "" if difference is None else signed_interval(difference, unit)


def signed_interval(difference: Difference, unit: str) -> str:
    """Return a difference with its sign and its interval, e.g. "+0.286 [+0.230, +0.340]"."""
    text = signed(difference.value, unit)
    if difference.low is None or difference.high is None:
        return text
    return f"{text} [{signed(difference.low, unit)}, {signed(difference.high, unit)}]"


def signed(value: float, unit: str) -> str:
    """Return a difference with its sign, e.g. "+0.286"."""
    text = number(abs(value), unit)
    return text if not float(text) else f"{'+' if value > 0 else '−'}{text}"


def p_text(p: float | None, *, equals: bool = False) -> str:
    """Return a p-value as tables show it, e.g. "0.012" or "< 0.001"; with `equals` as sentences do, "= 0.012"."""
    if p is None:
        return ""
    if p < _SMALLEST_P_SHOWN:
        return f"< {_SMALLEST_P_SHOWN:g}"
    return f"{'= ' if equals else ''}{'1' if p == 1 else f'{p:.3f}'}"


def _not_comparable(comparison: Comparison, everything: bool) -> list[str]:
    """Return the rows that cannot be compared, with reasons; grouped by reason unless `everything` is set."""
    groups: dict[str, list[str]] = {}
    several = len({entry.a.experiment for entry in comparison.compared}) > 1
    for entry in comparison.compared:
        if entry.verdict == "not comparable":
            why = f"{entry.why} (no fault for a gate)" if entry.excused else entry.why
            groups.setdefault(why, []).append(_name(entry, several))
    lines = []
    for why, names in groups.items():
        if everything:
            lines += [f"{name}: {why}" for name in names]
        else:
            more = f" and {len(names) - _MAX_ROWS_NAMED} more" if len(names) > _MAX_ROWS_NAMED else ""
            lines.append(f"{'; '.join(names[:_MAX_ROWS_NAMED])}{more}: {why}")
    return lines


def _name(entry: Compared, several: bool) -> str:
    labels = [_label(entry, role) for role in SHOWN_LABELS if role != "data" and entry.a.labels.get(role)]
    name = " / ".join([*([entry.a.experiment] if several else []), *labels]) or entry.a.experiment
    return f"{name} / {entry.metric}" if entry.metric else name


WRITERS: Mapping[str, Callable[[Comparison], str]] = {".md": markdown_text, ".csv": csv_text, ".json": json_text}
