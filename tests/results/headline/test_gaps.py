"""A gap between subgroups is told with the subgroups that it is between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.contract.cells import Use
from harness.contract.estimates import Estimate
from harness.contract.rows import Row
from harness.results.comparison.compare import Side
from harness.results.headline.make import make_headline
from harness.suite.plan import HeadlineRequest, Plan, PlannedExperiment

MakeRow = Callable[..., Row]


def gap(value: float, p: float) -> Estimate:
    return Estimate(value, value / 2, 2 * value, 0.95, "bootstrap", 200, null=0.02, p=p)


@pytest.fixture
def rows(row: MakeRow) -> list[Row]:
    """Two models: of one the minority has more errors; by another grouping, somebody else has."""
    made = [row("plain", 0, estimates={"gap": gap(0.3, 0.0005)}), row("cured", 0, estimates={"gap": gap(0.1, 0.01)})]
    for model, rights in (("plain", (190, 130)), ("cured", (170, 150))):
        for group, right in zip(("population: majority", "population: minority"), rights, strict=True):
            made.append(row(model, right, labels={"group": group}, derived="group", cell=""))
    made.append(row("plain", 60, labels={"group": "population: gap"}, derived="group", cell=""))
    made.append(row("plain", 10, labels={"group": "colour: red"}, derived="group", cell=""))
    return made


@pytest.fixture
def sentences(side: Callable[..., Side]) -> Callable[..., tuple[str, ...]]:
    def make(rows: list[Row], **arguments: Any) -> tuple[str, ...]:
        uses = (Use("metric", "harness_fairness/gap", "gap", 1, arguments),)
        experiment = PlannedExperiment("e", "", uses, (), (), headline=HeadlineRequest(metrics=("gap",)))
        return make_headline(Plan("s", "", "s.yaml", {"e": experiment}, ()), rows, side(rows)).sentences

    return make


def test_who_gets_the_errors_is_told_where_the_gap_is_largest(
    rows: list[Row], sentences: Callable[..., tuple[str, ...]]
) -> None:
    assert sentences(rows, group="population")[0] == (
        "By population, minority has the worst accuracy of plain, 0.650 [0.582, 0.713], and majority the best, 0.950: "
        "gap 0.300, p < 0.001."
    )


def test_less_is_better_where_the_metric_says_so(rows: list[Row], sentences: Callable[..., tuple[str, ...]]) -> None:
    errors = [replace(each, estimates={"error": each.estimates["accuracy"]}) if each.derived else each for each in rows]
    assert sentences(errors, group="population")[0].startswith("By population, majority has the worst error of plain")


@pytest.mark.parametrize("arguments", [{}, {"group": "age"}, {"group": "colour"}])
def test_a_metric_without_rows_of_its_groups_names_none(
    rows: list[Row], sentences: Callable[..., tuple[str, ...]], arguments: dict[str, str]
) -> None:
    assert not any("the worst" in sentence for sentence in sentences(rows, **arguments))


def test_a_gap_that_chance_explains_names_no_group(rows: list[Row], sentences: Callable[..., tuple[str, ...]]) -> None:
    small = [replace(each, estimates={"gap": gap(0.03, 0.4)}) if not each.derived else each for each in rows]
    assert not any("the worst" in sentence for sentence in sentences(small, group="population"))
