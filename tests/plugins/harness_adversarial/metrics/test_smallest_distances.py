"""Robust accuracy at every budget, on records written out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from harness.api import Estimate, MeasuredCell, Records, Row, Status, proportion
from harness_adversarial.metrics.smallest_distances import (
    AreaUnderCurve,
    MedianDistance,
    RobustAccuracyAt,
    SmallestDistance,
    median_of,
    smallest_of,
)
from harness_adversarial.metrics.view_shares import ViewShare
from harness_adversarial.pictures.security_curve import SecurityCurve, survival
from harness_adversarial.pictures.transfer_matrix import TransferMatrix


def records(threat: dict[str, Any] | None = None, **changes: Any) -> Records:
    """Five examples: one wrong from the start, three fooled at .1, .2 and .4, one never fooled."""
    columns = {
        "id": list("abcde"),
        "label": [0, 0, 0, 0, 0],
        "correct": [False, True, True, True, True],
        "success": [None, True, True, True, False],
        "adversarial_prediction": [1, 1, 1, 1, 0],
        "target": [None] * 5,
        "l2": [0.0, 0.1, 0.2, 0.4, 0.0],
        **changes,
    }
    return Records.of(columns, threat=threat or {"norm": "l2", "eps": None, "targeted": False, "minimal": True})


def test_the_smallest_distances() -> None:
    found = smallest_of(records())
    assert found is not None
    assert found.tolist() == [0.0, 0.1, 0.2, 0.4, np.inf]


@pytest.mark.parametrize(("eps", "robust"), [(0.0, 4), (0.05, 4), (0.1, 3), (0.3, 2), (0.4, 1), (9.0, 1)])
def test_robust_accuracy_at_every_budget(eps: float, robust: int) -> None:
    """At the distance itself the example is fooled; the one never fooled survives every budget."""
    metric = RobustAccuracyAt(eps)
    assert metric.estimate(records()) == proportion(robust, 5)
    assert metric.per_example(records()).sum() == robust


def test_an_example_in_error_is_missing_and_never_robust() -> None:
    broken = records(correct=[False, True, True, True, None], success=[None, True, True, True, None])
    estimate = RobustAccuracyAt(0.3).estimate(broken)
    assert (estimate.value, estimate.n, estimate.n_missing) == (0.25, 4, 1)
    # Also one that was right and whose attack went wrong.
    broken = records(success=[None, True, True, True, None])
    assert RobustAccuracyAt(0.3).estimate(broken).n_missing == 1


def test_an_attack_with_a_budget_has_no_smallest_distances() -> None:
    bounded = records({"norm": "l2", "eps": 0.5, "targeted": False, "minimal": False})
    for metric in (RobustAccuracyAt(0.1), MedianDistance(), AreaUnderCurve(1.0)):
        assert not metric.estimate(bounded).applies  # type: ignore[attr-defined]


def test_the_median_and_its_censoring() -> None:
    assert MedianDistance().estimate(records()).value == pytest.approx(0.2)
    # The interval of order statistics for n = 20: the 6th and the 15th (David & Nagaraja 2003).
    twenty = median_of(np.arange(1.0, 21.0))
    assert (twenty.value, twenty.low, twenty.high) == (10.5, 6.0, 15.0)
    open_ended = median_of(np.array([*range(1, 13), *[np.inf] * 8], dtype=float))
    assert (open_ended.value, open_ended.low, open_ended.high) == (10.5, 6.0, None)
    beyond = median_of(np.array([1.0, np.inf, np.inf]))
    assert beyond.value is None
    assert "2 of 3" in beyond.reason


def test_the_area_is_the_mean_of_the_distances_cut_off() -> None:
    assert AreaUnderCurve(0.5).estimate(records()).value == pytest.approx((0 + 0.1 + 0.2 + 0.4 + 0.5) / 5 / 0.5)


def cell(attack: str, model: str = "m", **changes: Any) -> MeasuredCell:
    table = records(**changes)
    row = Row("e", {"model": model, "attack": attack}, 0, Status.OK, n=5, cell=attack, comparability={
        "protocol": table.protocol})  # fmt: skip
    return MeasuredCell(row, "", lambda: table)


def test_the_smallest_over_attacks() -> None:
    other = cell("two", l2=[0.0, 0.3, 0.1, 0.5, 2.0], success=[None, True, True, True, True],
                 adversarial_prediction=[1, 1, 1, 1, 1])  # fmt: skip
    (row,) = SmallestDistance((0.15,), 1.0).rows([cell("one"), other])
    assert row.estimates["median_distance"].value == pytest.approx(0.1)
    assert row.estimates["robust_accuracy_at eps=0.15"] == proportion(2, 5)
    assert row.estimates["area_under_curve"].value == pytest.approx((0 + 0.1 + 0.1 + 0.4 + 1.0) / 5)


def test_the_curve_and_its_picture(tmp_path: Path) -> None:
    budgets, robust = survival(np.array([0.0, 0.1, 0.2, 0.4, np.inf]))
    assert budgets.tolist() == [0.0, 0.1, 0.2, 0.4]
    assert robust.tolist() == [0.8, 0.6, 0.4, 0.2]
    (path,) = SecurityCurve().report_cells([cell("one"), cell("two"), cell("one", "other")], tmp_path)
    assert path.name == "security-l2.png"
    assert matplotlib.image.imread(path)[..., :3].min() < 0.2


def test_the_transfer_matrix_is_drawn_of_transfer_rows(tmp_path: Path) -> None:
    def row(judged: str, made: str) -> Row:
        use = {"name": "transfer", "parameters": {"eps": 0.1, "surrogate": {"name": made, "parameters": {}}}}
        parts = {"model": {"name": judged, "parameters": {}}, "attack": use}
        estimates = {"attack_success_rate": proportion(3, 10)}
        labels = {"model": judged, "attack": f"from {made}"}
        return Row("e", labels, 0, Status.OK, estimates=estimates, components=parts)

    drawn = [row("a", "a"), row("a", "b"), row("b", "a"), row("b", "b")]
    (path,) = TransferMatrix().report(drawn, tmp_path)
    assert path.name == "transfer.png"
    undefined = Row(**{**vars(drawn[0]), "estimates": {"attack_success_rate": Estimate.undefined("x")}})
    assert list(TransferMatrix().report([undefined], tmp_path)) == []


def test_view_shares_by_hand() -> None:
    table = Records.of(
        {
            "views": [None, 10, 10],
            "views_true": [None, 2, 4],
            "views_target": [None, 7, 6],
            "views_other": [None, 1, 0],
            "clean_views_true": [None, 10, 9],
        }
    )
    assert ViewShare().estimate(table).value == pytest.approx(0.65)
    assert ViewShare("true").estimate(table).value == pytest.approx(0.3)
    assert ViewShare("clean_true").estimate(table).value == pytest.approx(0.95)
    assert ViewShare().per_example(table).tolist() == pytest.approx([float("nan"), 0.7, 0.6], nan_ok=True)
