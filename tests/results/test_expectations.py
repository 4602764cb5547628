"""Expectations against rows, with the interval in mind."""

from __future__ import annotations

from typing import Any

import pytest

from harness.contract.estimates import Estimate
from harness.contract.rows import Row, Status
from harness.results.expectations import check_expectations
from harness.suite.plan import Expectation, Plan, PlannedExperiment


def row(model: str = "m", estimate: Estimate | None = None, **changes: Any) -> Row:
    estimates = {} if estimate is None else {"accuracy": estimate}
    labels = changes.pop("labels", {"model": model, "attack": "pgd"})
    return Row("e", labels, 0, **{"status": Status.OK, "estimates": estimates, **changes})


def verdicts(rows: list[Row], **bound: Any) -> list[tuple[str, str]]:
    expectation = Expectation("accuracy", bound.pop("where", {}), **bound)
    plan = Plan("s", "", "s.yaml", {"e": PlannedExperiment("e", "", (), (), (), (expectation,))}, ())
    return [(judged.row, judged.verdict) for judged in check_expectations(plan, rows)]


NUMBER = Estimate(0.8, 0.7, 0.9, 0.95, "wilson", 50)


@pytest.mark.parametrize(
    ("bound", "verdict"),
    [
        ({"at_least": 0.7}, "passed"),
        ({"at_least": 0.8}, "unresolved"),
        ({"at_least": 0.9}, "unresolved"),
        ({"at_least": 0.91}, "failed"),
        ({"at_most": 0.9}, "passed"),
        ({"at_most": 0.7}, "unresolved"),
        ({"at_most": 0.69}, "failed"),
        ({"at_most": 0.0}, "failed"),
    ],
)
def test_only_a_whole_interval_decides(bound: dict[str, float], verdict: str) -> None:
    assert verdicts([row(estimate=NUMBER)], **bound) == [("m / pgd", verdict)]


def test_patterns_choose_rows() -> None:
    rows = [row("standard", NUMBER), row("hardened", NUMBER)]
    assert verdicts(rows, at_least=0.5, where={"model": "hard*", "attack": "*"}) == [("hardened / pgd", "passed")]
    assert verdicts(rows, at_least=0.5) == [("standard / pgd", "passed"), ("hardened / pgd", "passed")]


def test_what_concerns_no_row_has_failed() -> None:
    assert verdicts([row("a", NUMBER)], at_least=0.5, where={"model": "b"}) == [("", "failed")]


def test_no_number_is_a_failure_and_a_skipped_row_is_open() -> None:
    rows = [
        row("raised", status=Status.FAILED, reason="boom"),
        row("undefined", Estimate.undefined("no examples")),
        row("skipped", status=Status.SKIPPED, reason="needs a GPU"),
        row("elsewhere", Estimate.not_applicable("no attack", n=9)),
    ]
    assert verdicts(rows, at_least=0.5) == [
        ("raised / pgd", "failed"),
        ("undefined / pgd", "failed"),
        ("skipped / pgd", "unresolved"),
    ]


def test_parts_without_a_value_and_gaps_are_passed_over() -> None:
    """A reference group that cannot occur in a part fails no gate; a gap of accuracies is no accuracy."""

    def part(group: str, estimate: Estimate) -> Row:
        return row(estimate=estimate, derived="group", labels={"model": "m", "group": group})

    rows = [
        row(estimate=NUMBER),
        part("sex: f", NUMBER),
        part("sex: m", Estimate.undefined("'race' has no group 'w'")),
        part("sex: gap", Estimate(0.01, 0.0, 0.05, 0.95, "permutation", 50)),
    ]
    assert verdicts(rows, at_least=0.5) == [("m / pgd", "passed"), ("m / sex: f", "passed")]
    assert verdicts(rows, at_most=0.1, where={"group": "*: gap"}) == [("m / sex: gap", "passed")]
    assert verdicts(rows, at_least=0.5, where={"group": "sex: m"}) == [("", "failed")]


def test_without_interval_the_value_decides() -> None:
    assert verdicts([row(estimate=Estimate(3.0, None, None, 0.95, "none", 1))], at_most=3.0) == [("m / pgd", "passed")]


def of_aggregate(rows: list[Row], metric: str = "tries") -> list[tuple[str, str, str]]:
    expectation = Expectation(metric, {}, at_most=2, aggregate="best_of_k")
    plan = Plan("s", "", "s.yaml", {"e": PlannedExperiment("e", "", (), (), (), (expectation,))}, ())
    return [(judged.row, judged.verdict, judged.told) for judged in check_expectations(plan, rows)]


def test_an_aggregate_is_named() -> None:
    tries = {"tries": Estimate(1.0, 1.0, 2.0, 0.95, "bands", 20)}
    rows = [row("m", NUMBER), row("other", derived="else", estimates=tries)]
    mine = Row("e", {"model": "mine"}, 0, Status.OK, derived="best_of_k", estimates=tries)
    assert of_aggregate([*rows, mine]) == [("mine", "passed", "1 [1, 2]")]
    ((_, verdict, told),) = of_aggregate([*rows, mine], "trys")
    assert (verdict, told) == ("failed", "best_of_k has no 'trys'; it has tries")


def test_an_aggregate_that_failed_is_a_failure() -> None:
    failed = Row("e", {}, 0, Status.FAILED, "aggregate best_of_k: boom", derived="best_of_k")
    assert [(verdict, told) for _, verdict, told in of_aggregate([failed])] == [
        ("failed", "failed: aggregate best_of_k: boom")
    ]
