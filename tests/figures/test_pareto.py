"""The Pareto front by hand and by its definition, and the axis of costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.api.figures import empty_figure, front_steps, log_cost_axis, pareto_front


@pytest.mark.parametrize(
    ("better", "front"), [("less", [(1, 5), (2, 3), (6, 1)]), ("more", [(1, 5), (4, 6)])], ids=["less", "more"]
)
def test_the_pareto_front_by_hand(better: Any, front: list[tuple[float, float]]) -> None:
    points = [(4.0, 6.0), (1.0, 5.0), (2.0, 3.0), (3.0, 3.0), (6.0, 1.0), (5.0, 4.0), (2.0, 4.5)]
    assert pareto_front(points, better) == front


def test_the_pareto_front_against_its_definition() -> None:
    rng = np.random.default_rng(0)
    points = [(float(x), float(y)) for x, y in rng.integers(0, 8, (40, 2))]
    unbeaten = {p for p in points if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)}
    assert set(pareto_front(points, "less")) == unbeaten


def test_a_front_is_drawn_as_stairs() -> None:
    assert front_steps([(1, 5), (2, 3), (6, 1)]) == [
        ((1, 5), (2, 5)),
        ((2, 5), (2, 3)),
        ((2, 3), (6, 3)),
        ((6, 3), (6, 1)),
    ]
    assert front_steps([(1, 5)]) == []


@pytest.mark.parametrize(("costs", "marks"), [([1.0, 50.0], ["1", "2", "5", "10", "20", "50"]), ([1.0, 1e4], ["1"])])
def test_an_axis_of_costs_has_few_marks(costs: list[float], marks: list[str]) -> None:
    axis = empty_figure(4, 3).subplots()
    axis.plot(costs, costs)
    log_cost_axis(axis, costs)
    axis.figure.draw_without_rendering()
    shown = [
        label.get_text() for label in axis.get_xticklabels() if min(costs) <= label.get_position()[0] <= max(costs)
    ]
    assert axis.get_xscale() == "log"
    assert shown[: len(marks)] == marks
    assert len(shown) <= 6
