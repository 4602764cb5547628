"""The headline as text: for a terminal and as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from harness.contract.cells import SHOWN_LABELS
from harness.contract.rows import Row, Status
from harness.escaping import markdown_cell, markdown_line
from harness.results.comparison.table import p_text, signed
from harness.results.fitted import NEVER, FittedColumn, Style, fitted, folded
from harness.results.headline.headline import Headline
from harness.results.headline.words import isolated_text, label_of, shortened
from harness.results.table import display_headings, interval, text_table

_WIDEST, _LEAST_OF_A_LABEL = 120, 10
"""Sentences are broken here, also where the terminal is wider."""
_AGAINST = "against"
_IDENTIFYING = ("model", "attack", "sampler", "data", "experiment")
Texts = list[tuple[str, list[str]]]


def terminal_headline(
    headline: Headline, width: int, status_style: Style | None = None, most_lines: int | None = None
) -> str:
    """The headline as text of at most this width: its rows, then its sentences.

    Args:
        headline: what to show.
        width: of the terminal.
        status_style: gives a status its colour.
        most_lines: rows are left out, those first of which others say most, until there are no more lines than these;
            each experiment keeps one. None for no limit.
    """
    text = _whole(headline, width, status_style)
    while most_lines is not None and text.count("\n") >= most_lines:
        fewer = _with_a_row_less(headline)
        if fewer is headline:
            break
        headline, text = fewer, _whole(fewer, width, status_style)
    return text


def _with_a_row_less(headline: Headline) -> Headline:
    """The headline without the last row of the experiment with the most lines that others are not held against."""
    n_lines = Counter[str]()
    for each in headline.rows:
        n_lines[each.row.experiment] += len(each.metrics)
    times = Counter((each.metric, id(row)) for each in headline.contrasts for row in (each.a, each.b))
    for name, _ in n_lines.most_common():
        own = [each for each in headline.rows if each.row.experiment == name]
        free = [each for each in own[1:] if all(times[metric, id(each.row)] <= 1 for metric in each.metrics)]
        if len(own) > 1:
            dropped = (free or own)[-1]
            rows = tuple(each for each in headline.rows if each is not dropped)
            return replace(headline, rows=rows, left_out=headline.left_out + 1)
    return headline


def _whole(headline: Headline, width: int, status_style: Style | None) -> str:
    """The headline with all of its rows."""
    # What fits less and less: a column for each metric, a line for each, and that without what chance would give.
    for one_metric_a_line, is_short in ((False, False), (True, False), (True, True)):
        labels, constants, numbers = _columns(headline, one_metric_a_line=one_metric_a_line, is_short=is_short)
        columns = _fitted_columns(labels, numbers, status_style)
        fixed = sum(column.width + 2 for column in columns if not column.is_label and column.rank == NEVER)
        if fixed + _LEAST_OF_A_LABEL * len(labels) <= width:
            break
    table, _ = fitted(columns, width)
    about = folded(constants, min(width, _WIDEST))
    sentences = "\n".join(folded(sentence, min(width, _WIDEST)) for sentence in headline.sentences)
    table_and_notes = "\n".join(part for part in (table, *_notes(headline)) if part)
    return "\n\n".join(part for part in (about, table_and_notes, sentences) if part)


def markdown_headline(headline: Headline) -> str:
    """The headline as a section of Markdown; empty if there is nothing to say."""
    labels, constants, numbers = _columns(headline, one_metric_a_line=False)
    texts = [*labels, *numbers]
    body = [list(line) for line in zip(*(cells for _, cells in texts), strict=True)]
    parts = ["\n".join(f"- {markdown_cell(sentence)}" for sentence in headline.sentences)] if headline.sentences else []
    parts += (
        [f"{markdown_line(constants)}.", text_table([heading for heading, _ in texts], body, "github")] if body else []
    )
    parts += map(markdown_line, _notes(headline))
    return "\n\n".join(["## Headline", *parts]) if parts else ""


def headline_columns(headline: Headline) -> tuple[Texts, str, Texts]:
    """The labels, what is the same in every line, and the numbers of a headline, a line for each row and metric."""
    return _columns(headline, one_metric_a_line=True)


def _notes(headline: Headline) -> list[str]:
    n = headline.left_out
    more = [f"{n} more row{'s' if n != 1 else ''} left out"] if n else []
    return [*more, *([f"changed for this run: {' '.join(headline.changes)}"] if headline.changes else [])]


def _columns(headline: Headline, *, one_metric_a_line: bool, is_short: bool = False) -> tuple[Texts, str, Texts]:
    """Labels, what is the same in every line, and numbers, each column with its heading.

    A metric is a column where all rows have the same metrics, and a line elsewhere or where asked.
    """
    several = len({each.metrics for each in headline.rows}) > 1 or one_metric_a_line
    lines = [(each, metric) for each in headline.rows for metric in (each.metrics if several else each.metrics[:1])]
    rows = [each.row for each, _ in lines]
    labels, constants = _labels(rows)
    if several:
        numbers = [
            ("metric", [shortened(headline.headings.get((each.row.experiment, m), m)) for each, m in lines]),
            ("value", [_value(headline, each.row, metric, is_short) for each, metric in lines]),
        ]
    else:
        metrics = headline.rows[0].metrics if headline.rows else ()
        numbers = [
            (_heading(headline, metric), [_value(headline, each.row, metric, is_short) for each, _ in lines])
            for metric in metrics
        ]
    tests = [_tested(headline, row, metric) for row, (_, metric) in zip(rows, lines, strict=True)]
    numbers += [(_AGAINST, tests)] if any(tests) and (several or len(headline.rows[0].metrics) == 1) else []
    statuses = [str(row.status) for row in rows]
    numbers += [("status", statuses)] if any(status != Status.OK for status in statuses) else []
    return labels, f"{constants}; intervals at 95 %" if constants else "intervals at 95 %" if rows else "", numbers


def _tested(headline: Headline, row: Row, metric: str) -> str:
    """What a row is tested against, the closest of several, and what came out."""
    of_row = [each for each in headline.contrasts if each.b is row and each.metric == metric]
    if not of_row:
        return ""
    closest = min(of_row, key=lambda each: abs(each.difference.value))
    difference = signed(closest.difference.value, headline.units.get((row.experiment, metric), ""))
    p = f", p {p_text(closest.p_holm, equals=True)}" if closest.p_holm is not None else ""
    return f"{label_of(closest.a, closest.role)}: {difference}{p}"


def _heading(headline: Headline, metric: str) -> str:
    return next((h for (_, name), h in headline.headings.items() if name == metric), metric)


def _value(headline: Headline, row: Row, metric: str, is_short: bool) -> str:
    if metric not in row.estimates:
        return ""
    estimate = row.estimates[metric]
    text = interval(
        replace(estimate, null=None, p=None) if is_short else estimate, headline.units.get((row.experiment, metric), "")
    )
    return f"{text} ?" if text and row.status is Status.SUSPECT else text


def _labels(rows: Sequence[Row]) -> tuple[Texts, str]:
    """The columns that tell rows apart, and in words what is the same in all of them; one column stays."""
    if not rows:
        return [], ""
    columns = [
        ("experiment", [_clean(row.experiment) for row in rows]),
        *((role, _treatments([row.labels.get(role, "") for row in rows])) for role in SHOWN_LABELS),
        *((name, [_clean(row.display.get(name, "")) for row in rows]) for name in display_headings(rows)),
        ("seed", [row.seeds for row in rows]),
    ]
    varying = [(name, cells) for name, cells in columns if _tells_apart(name, cells, columns[0][1])]
    if not varying:
        named = [column for name in _IDENTIFYING for column in columns if column[0] == name and any(column[1])]
        varying = named[:1]
    names = {name for name, _ in varying}
    constant = {name: cells[0] for name, cells in columns if name not in names and len(set(cells)) == 1}
    told = [f"{name} {value}" for name, value in constant.items() if value and name != "experiment"]
    return varying, ", ".join(told)


def _tells_apart(name: str, cells: Sequence[str], experiments: Sequence[str]) -> bool:
    """Whether a column differs within an experiment; experiment and model also where they differ between them."""
    if name in ("experiment", "model"):
        return len(set(cells)) > 1
    return len(set(zip(experiments, cells, strict=True))) > len(set(experiments))


def _treatments(labels: Sequence[str]) -> list[str]:
    """Labels of a role, "none" only where another row has one."""
    return [_clean(label) for label in labels] if set(labels) - {"none", ""} else [""] * len(labels)


def _clean(text: str) -> str:
    return isolated_text(" ".join(text.split()))


def _fitted_columns(labels: Texts, numbers: Texts, status_style: Style | None) -> list[FittedColumn]:
    # Lines of one row differ in nothing but the metric.
    n_compared = len(labels) + (numbers[:1] != [] and numbers[0][0] == "metric")
    columns = [FittedColumn(name, _fresh(labels, i, n_compared), is_label=True) for i, (name, _) in enumerate(labels)]
    styles, ranks = {"status": status_style}, {_AGAINST: 1}
    return columns + [
        FittedColumn(shortened(name), cells, ranks.get(name, NEVER), style=styles.get(name)) for name, cells in numbers
    ]


def _fresh(labels: Texts, i: int, n_compared: int) -> list[str]:
    """The cells of a column of labels, blank where it and all before it are as in the line above."""
    cells = labels[i][1]
    return [
        "" if n and i + 1 < n_compared and all(column[n] == column[n - 1] for _, column in labels[: i + 1]) else cell
        for n, cell in enumerate(cells)
    ]
