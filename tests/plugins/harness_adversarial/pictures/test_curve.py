"""Curves over the budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from harness.api import Estimate, Row, Status, figures, proportion
from harness_adversarial.pictures.curve import RobustnessCurve


def row(model: str, attack: str, eps: float | None, value: float, norm: str = "linf", **changes: object) -> Row:
    threat = None if eps is None else {"norm": norm, "eps": eps, "targeted": False, "minimal": False}
    name = "accuracy" if eps is None else "robust_accuracy"
    fields = {
        "experiment": "e",
        "labels": {"model": model, "attack": attack},
        "seed": 0,
        "status": Status.OK,
        "estimates": {name: proportion(round(value * 100), 100)},
        "comparability": {"protocol": {"threat": threat}},
    }
    return Row(**{**fields, **changes})  # type: ignore[arg-type]


def rows(models: int = 2) -> list[Row]:
    made = []
    for i in range(models):
        made += [
            row(f"m{i}", "none", None, 0.98),
            row(f"m{i}", "pgd eps=0.1", 0.1, 0.6),
            row(f"m{i}", "pgd eps=0.2", 0.2, 0.1),
        ]
        made += [row(f"m{i}", "l2 eps=1", 1.0, 0.5, "l2"), row(f"m{i}", "worst case", 0.1, 0.5, derived="worst_case")]
    return made


@pytest.mark.parametrize("models", [1, 2, 4])
def test_a_picture_per_norm(tmp_path: Path, models: int) -> None:
    written = list(RobustnessCurve().report(rows(models), tmp_path))
    assert [path.name for path in written] == ["curve-l2.png", "curve-linf.png"]
    for path in written:
        pixels = matplotlib.image.imread(path)[..., :3]
        assert pixels.shape[0] > 300
        # Not blank, and mostly paper: something is drawn and nothing is drowned.
        assert 0.005 < float(np.mean(pixels.min(axis=2) < 0.6)) < 0.5


def drawn(rows: list[Row], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    kept = []
    monkeypatch.setattr(figures, "save", lambda figure, path: kept.append(figure) or path)
    list(RobustnessCurve().report(rows, tmp_path))
    (figure,) = kept
    return figure


def budgets(axis: Any) -> dict[str, list[float]]:
    return {str(line.get_label()): line.get_xdata().tolist() for line in axis.lines}


def test_the_worst_cases_of_all_models_come_first_then_a_panel_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [one for one in rows() if "l2" not in one.labels["attack"]]
    made += [row(f"m{i}", "worst case", 0.2, 0.1, derived="worst_case") for i in range(2)]
    axes = [axis for axis in drawn(made, monkeypatch, tmp_path).axes if axis.get_visible()]
    assert [axis.get_title("left") for axis in axes] == ["worst case", "m0", "m1"]
    assert budgets(axes[0]) == {"m0": [0.0, 0.1, 0.2], "m1": [0.0, 0.1, 0.2]}
    assert budgets(axes[1]) == {"pgd": [0.0, 0.1, 0.2], "worst case": [0.0, 0.1, 0.2]}
    worst = axes[1].lines[-1]
    assert worst.get_color() == "black"
    assert worst.get_linewidth() > 2 * 1.3
    assert sorted(text.get_text() for text in axes[1].texts) == ["pgd", "worst case"]


def test_no_line_is_drawn_where_nobody_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # One budget is a point; a budget that may make every image grey checks attacks and would squeeze the others.
    made = [*rows(1), row("m0", "auto_attack", 0.1, 0.4), row("m0", "unbounded", 1.0, 0.0)]
    made += [row("m0", "worst case", 1.0, 0.0, derived="worst_case")]
    made = [one for one in made if "l2" not in one.labels["attack"]]
    (axis,) = [axis for axis in drawn(made, monkeypatch, tmp_path).axes if axis.get_visible()]
    assert budgets(axis) == {"pgd": [0.0, 0.1, 0.2], "auto_attack": [0.1], "worst case": [0.1]}
    assert axis.get_xlim()[1] < 0.25
    # Where such budgets are all there are, as for inputs of another unit, they are shown.
    large = [row("m0", "none", None, 1.0), row("m0", "pgd eps=1", 1.0, 0.5), row("m0", "pgd eps=2", 2.0, 0.0)]
    (axis,) = drawn(large, monkeypatch, tmp_path).axes
    assert budgets(axis) == {"pgd": [0.0, 1.0, 2.0]}


def test_five_hundred_models_make_a_picture_of_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [row(f"m{i}", f"pgd eps={eps}", eps, 0.5) for i in range(500) for eps in (0.1, 0.2)]
    figure = drawn(made, monkeypatch, tmp_path)
    assert len(figure.axes) == figures.MOST_PANELS
    assert figure.get_suptitle() == "488 more models left out"


def test_labels_of_any_length_and_script_are_drawn(tmp_path: Path) -> None:
    for label in ("m" * 200, "نموذج قوي", "מודל", "🐢" * 3, "$x$ {y} \\alpha"):
        made = [row(label, f"pgd eps={eps}", eps, 0.5) for eps in (0.1, 0.2)]
        (path,) = RobustnessCurve().report(made, tmp_path)
        assert matplotlib.image.imread(path).shape[1] <= round(150 * figures.WIDTH)


def test_no_budget_no_picture(tmp_path: Path) -> None:
    assert list(RobustnessCurve().report([row("m", "none", None, 0.9)], tmp_path)) == []
    failed = row("m", "pgd", 0.1, 0.5, status=Status.FAILED)
    undefined = row("m", "pgd", 0.1, 0.5, estimates={"robust_accuracy": Estimate.undefined("x")})
    assert list(RobustnessCurve().report([failed, undefined], tmp_path)) == []
