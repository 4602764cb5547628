"""From the rows of a run to its headline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.contract.rows import Row
from harness.plugins import Catalog
from harness.results.comparison.compare import Side
from harness.results.comparison.open_runs import side_of
from harness.results.expectations import check_expectations
from harness.results.headline.choose import Chosen, choose
from harness.results.headline.contrasts import contrasts_of
from harness.results.headline.gaps import between_groups
from harness.results.headline.headline import MAX_ROWS, Headline, HeadlineRow
from harness.results.headline.sentences import sentences_of
from harness.results.headline.worst import with_worst_cases
from harness.results.table import metric_heading
from harness.scoring.plugin_calls import PluginCalls
from harness.signatures import SignatureReader
from harness.store.run_folder import RunFolder
from harness.suite.plan import HeadlineRequest, Plan


def run_headline(
    folder: RunFolder,
    plan: Plan,
    rows: Sequence[Row],
    catalog: Catalog,
    signatures: SignatureReader,
    calls: PluginCalls,
) -> Headline:
    """Return the headline of a run whose rows are known; tests are paired where there are records."""
    return make_headline(plan, rows, with_worst_cases(side_of(folder, plan, rows, catalog, signatures, calls)))


def make_headline(plan: Plan, rows: Sequence[Row], side: Side) -> Headline:
    """Return the headline of a run.

    Args:
        plan: says what the suite wants to know.
        rows: all rows.
        side: the run as a side of a comparison, which knows its metrics and the values of its examples.
    """
    own = {name: [row for row in rows if row.experiment == name] for name in plan.experiments}
    asked = {name: experiment.headline for name, experiment in plan.experiments.items() if experiment.headline.show}
    chosen = {name: _chosen(request, own[name], side, plan) for name, request in asked.items()}
    shown = _shown(list(chosen.values()))
    contrasts, n_tests = contrasts_of(list(chosen.values()), shown, side)
    headline_rows = [
        HeadlineRow(row, about.metrics) for about, part in zip(chosen.values(), shown, strict=True) for row in part
    ]
    headings, units = _facts(headline_rows, side)
    problems = [_problem(name, about, plan) for name, about in chosen.items() if about.problem]
    of_groups = list(between_groups(plan, rows, headline_rows, side))
    expectations = check_expectations(plan, rows)
    sentences = sentences_of(rows, headline_rows, contrasts, problems, expectations, units, of_groups)
    left_out = sum(len(about.rows) for about in chosen.values()) - len(headline_rows)
    return Headline(tuple(headline_rows), sentences, tuple(contrasts), n_tests, left_out, headings, units, plan.changes)


def _chosen(request: HeadlineRequest, rows: Sequence[Row], side: Side, plan: Plan) -> Chosen:
    """What the suite asks for, and where the run changed the suite so that this is not there, the default."""
    directions = _directions(rows, side)
    about = choose(request, rows, directions)
    if about.problem and plan.changes:
        about = choose(HeadlineRequest(of_treatments=request.of_treatments), rows, directions)
    return about


def _directions(rows: Sequence[Row], side: Side) -> Mapping[str, str]:
    return {metric: side.facts(row, metric).direction for row in rows for metric in row.estimates}


def _facts(rows: Sequence[HeadlineRow], side: Side) -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], str]]:
    headings, units = {}, {}
    for each in rows:
        for metric in each.metrics:
            facts = side.facts(each.row, metric)
            headings[each.row.experiment, metric] = metric_heading(metric, facts.direction)
            units[each.row.experiment, metric] = facts.unit
    return headings, units


def _problem(name: str, about: Chosen, plan: Plan) -> str:
    of = f" of {name}" if len(plan.experiments) > 1 else ""
    return f"The headline{of} says nothing: {about.problem}."


def _shown(chosen: Sequence[Chosen]) -> list[list[Row]]:
    """The rows that there is room for: a fair share of every experiment, then what is left to the first that has more.

    There is room for one row of each experiment, however many there are.
    """
    room = max(MAX_ROWS, sum(bool(about.rows) for about in chosen))
    taken = [0] * len(chosen)
    while room:
        wanting = [i for i, about in enumerate(chosen) if taken[i] < len(about.rows)]
        if not wanting:
            break
        for i in wanting[:room]:
            taken[i] += 1
        room -= len(wanting[:room])
    return [_first(about, n) for about, n in zip(chosen, taken, strict=True)]


def _first(about: Chosen, n: int) -> list[Row]:
    """The first rows of a choice, and the row that they are held against in place of the last of its setting."""
    rows = list(about.rows[:n])
    for setting in about.settings(rows):
        whole = next(each for each in about.settings() if each[0] is setting[0])
        base = next((row for row in whole if row.labels.get(about.role) == about.against), None)
        if about.against and base is not None and base not in setting and len(setting) > 1:
            rows[rows.index(setting[-1])] = base
    return rows
