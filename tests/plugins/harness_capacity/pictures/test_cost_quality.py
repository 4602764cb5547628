"""Quality against cost: what is drawn, which models are on the front, and the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.api import Estimate, HarnessError, Row, Status, figures
from harness_capacity.pictures.cost_quality import CostQuality

COSTS = {"small": 1e3, "middle": 1e4, "large": 1e5, "wasteful": 2e5}
VALUES = {"small": 0.7, "middle": 0.8, "large": 0.9, "wasteful": 0.75}


def row(model: str, seed: int = 0, data: str = "digits", **cost: Any) -> Row:
    value = VALUES[model]
    return Row(
        experiment="e x",
        labels={"model": model, "data": data},
        seed=seed,
        status=Status.OK,
        estimates={"accuracy": Estimate(value, value - 0.05, value + 0.05, 0.95, "wilson", 9)},
        comparability={"data": data},
        facts={"cost": {"parameters": int(COSTS[model]), **cost}},
    )


ROWS = [row("small", flops=10), row("middle", flops=20), row("large"), row("wasteful", flops=5)]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that were saved."""
    kept: list[Any] = []
    save = figures.save
    monkeypatch.setattr(figures, "save", lambda figure, path: kept.append(figure) or save(figure, path))
    return kept


def markers(axis: Any, label: str) -> set[tuple[float, float]]:
    lines = [line for line in axis.lines if line.get_label() == label]
    return {(float(x), float(y)) for line in lines for x, y in line.get_xydata()}


def test_the_front_is_told_from_what_is_beaten(tmp_path: Path, drawn: list[Any]) -> None:
    paths = [path.name for path in CostQuality("accuracy", better="more").report(ROWS, tmp_path)]
    assert paths == ["cost-quality-e-x-accuracy.png", "cost-quality-e-x-accuracy.md"]
    parameters, flops = drawn[0].axes
    assert markers(parameters, "on the Pareto front") == {(1e3, 0.7), (1e4, 0.8), (1e5, 0.9)}
    assert markers(parameters, "another is as cheap and better") == {(2e5, 0.75)}
    assert markers(flops, "on the Pareto front") == {(5, 0.75), (20, 0.8)}
    assert [axis.get_xscale() for axis in (parameters, flops)] == ["log", "log"]
    assert parameters.get_xlabel() == "parameters"
    assert flops.get_xlabel() == "FLOPs per example\nnot known: large"
    assert parameters.get_title(loc="left") == "digits"
    bars = sorted(tuple(segment[:, 1]) for c in parameters.collections for segment in c.get_segments())
    assert bars[0] == pytest.approx((0.65, 0.75))


def test_every_point_has_its_name_and_none_covers_another(tmp_path: Path, drawn: list[Any]) -> None:
    list(CostQuality("accuracy", better="more").report(ROWS, tmp_path))
    for axis, names in zip(drawn[0].axes, (set(VALUES), set(VALUES) - {"large"}), strict=True):
        assert {text.get_text() for text in axis.texts} == names
        boxes = [text.get_window_extent() for text in axis.texts]
        assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


def test_the_table_lists_the_front(tmp_path: Path) -> None:
    *_, path = CostQuality("accuracy", cost=["parameters"], better="more").report(ROWS, tmp_path)
    assert path.read_text(encoding="utf-8").splitlines() == [
        "| data | cost | | model | accuracy |",
        "|---|---|---|---|---|",
        "| digits | parameters | 1k | small | 0.7 [0.65, 0.75] |",
        "| digits | parameters | 10k | middle | 0.8 [0.75, 0.85] |",
        "| digits | parameters | 100k | large | 0.9 [0.85, 0.95] |",
    ]


def test_a_metric_of_which_less_is_better_says_so_itself(tmp_path: Path, drawn: list[Any]) -> None:
    reporter = CostQuality("accuracy", cost=["parameters"])
    reporter.directions = {"accuracy": "min"}
    list(reporter.report(ROWS, tmp_path))
    assert markers(drawn[0].axes[0], "on the Pareto front") == {(1e3, 0.7)}


def test_a_metric_without_a_direction_is_refused(tmp_path: Path) -> None:
    reporter = CostQuality("accuracy")
    reporter.directions = {"accuracy": "none"}
    with pytest.raises(HarnessError, match="add `better: less` or `better: more`"):
        list(reporter.report(ROWS, tmp_path))


def test_a_cost_that_nobody_knows_is_refused_where_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="no row knows the cost 'joules'"):
        list(CostQuality("accuracy", cost=["parameters", "joules"], better="more").report(ROWS, tmp_path))


def test_nothing_to_draw(tmp_path: Path) -> None:
    assert list(CostQuality("recall", better="more").report(ROWS, tmp_path)) == []
    bare = [Row("e", {"model": "m"}, 0, Status.OK, estimates=ROWS[0].estimates)]
    assert list(CostQuality("accuracy", better="more").report(bare, tmp_path)) == []


def test_data_have_lines_of_panels_of_their_own(tmp_path: Path, drawn: list[Any]) -> None:
    rows = [*ROWS, row("small", data="mnist", flops=7), row("middle", data="mnist", flops=8)]
    list(CostQuality("accuracy", better="more").report(rows, tmp_path))
    assert [axis.get_title(loc="left") for axis in drawn[0].axes] == ["digits", "digits", "mnist", "mnist"]


def test_models_of_about_one_cost_stand_together(tmp_path: Path, drawn: list[Any]) -> None:
    rows = [row("small", training_seconds=1.0), row("middle", training_seconds=1.1)]
    list(CostQuality("accuracy", cost=["training_seconds"], better="more").report(rows, tmp_path))
    low, high = drawn[0].axes[0].get_xlim()
    assert high / low == pytest.approx(4.0)


def test_it_is_told_directions_in_a_suite(run: Any) -> None:
    """The metric of the suite says that less of it is better."""
    done = run(
        """
        suite: prices
        task: regress
        data: {use: function, with: {name: sine}, limit: 60}
        models:
          - {use: relu_interpolant, as: fine, with: {width: 32}}
          - {use: relu_interpolant, as: coarse, with: {width: 4}}
        metrics: [rmse]
        reports: [{use: cost_quality, with: {metric: rmse}}]
        """
    )
    assert [row.cost_block.parameters for row in done.rows] == sorted(
        (row.cost_block.parameters for row in done.rows), reverse=True
    )
    (table,) = done.folder.path.glob("cost-quality-*.md")
    lines = table.read_text(encoding="utf-8").splitlines()[2:]
    assert [line.split(" | ")[3] for line in lines if "parameters" in line] == ["coarse", "fine"]
