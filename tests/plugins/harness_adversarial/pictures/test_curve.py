"""Curves over the budget."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from harness.api import Estimate, Row, Status, proportion
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


def test_no_budget_no_picture(tmp_path: Path) -> None:
    assert list(RobustnessCurve().report([row("m", "none", None, 0.9)], tmp_path)) == []
    failed = row("m", "pgd", 0.1, 0.5, status=Status.FAILED)
    undefined = row("m", "pgd", 0.1, 0.5, estimates={"robust_accuracy": Estimate.undefined("x")})
    assert list(RobustnessCurve().report([failed, undefined], tmp_path)) == []
