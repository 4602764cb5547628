"""The picture of a metric over the rate of the noise, looked at through what matplotlib was told to draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.image
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from harness.api import Estimate, Row, Status, figures
from harness_language.noise_curve import NoiseCurve


def row(model: str, noise: str, rate: float, value: float, **changes: Any) -> Row:
    attack = {"name": f"harness_language/{noise}", "parameters": {"rate": rate, "draws": 1}} if noise else None
    label = f"{noise} draws=1 rate={rate}" if noise else "none"
    fields: dict[str, Any] = {
        "experiment": "e",
        "labels": {"model": model, "attack": label, "data": "topics"},
        "seed": 0,
        "status": Status.OK,
        "estimates": {"bits_per_byte": Estimate(value, value - 0.5, value + 0.5, 0.95, "jackknife", 9)},
        "components": {"attack": attack},
    }
    return Row(**{**fields, **changes})


ROWS = [
    row("gpt", "", 0.0, 2.0),
    row("gpt", "typos", 0.2, 4.0),
    row("gpt", "typos", 0.1, 3.0),
    row("gpt", "case", 0.1, 2.5),
    row("ngram", "", 0.0, 1.9),
    row("ngram", "typos", 0.1, 3.5),
]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were saved."""
    kept: list[Figure] = []
    save = figures.save

    def watched(figure: Figure, path: Path) -> Path:
        kept.append(figure)
        return save(figure, path)

    monkeypatch.setattr(figures, "save", watched)
    return kept


def lines(figure: Figure) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Panel to model to points."""
    return {
        axis.get_title("left"): {
            str(line.get_label()): list(map(tuple, line.get_xydata())) for line in axis.get_lines()
        }
        for axis in figure.axes
        if axis.get_visible()
    }


def test_a_panel_for_each_noise_and_a_line_for_each_model(tmp_path: Path, drawn: list[Figure]) -> None:
    (path,) = NoiseCurve().report(ROWS, tmp_path)
    assert path == tmp_path / "noise-bits-per-byte.png"
    assert lines(drawn[0]) == {
        "typos draws=1": {"gpt": [(0.0, 2.0), (0.1, 3.0), (0.2, 4.0)], "ngram": [(0.0, 1.9), (0.1, 3.5)]},
        "case draws=1": {"gpt": [(0.0, 2.0), (0.1, 2.5)]},
    }
    first = drawn[0].axes[0]
    assert first.get_ylabel() == "bits per byte"
    assert first.get_xlabel() == "rate of the noise"
    # The last panel of the line names the lines, at their ends.
    assert [[text.get_text() for text in axis.texts] for axis in drawn[0].axes] == [[], ["gpt"]]
    band = first.collections[0].get_paths()[0].vertices
    assert {round(float(y), 6) for x, y in band if x == 0.2} == {3.5, 4.5}
    assert matplotlib.image.imread(path).shape[0] > 200


def test_what_is_not_drawn(tmp_path: Path, drawn: list[Figure]) -> None:
    failed = row("gpt", "typos", 0.3, 9.0, status=Status.FAILED)
    derived = row("gpt", "typos", 0.3, 9.0, derived="worst_case")
    undefined = row("gpt", "typos", 0.3, 9.0, estimates={"bits_per_byte": Estimate.undefined("nothing")})
    without_rate = row("gpt", "gcg", 0.3, 9.0, components={"attack": {"name": "gcg", "parameters": {"steps": 3}}})
    list(NoiseCurve().report([*ROWS, failed, derived, undefined, without_rate], tmp_path))
    assert 9.0 not in {y for models in lines(drawn[0]).values() for points in models.values() for _, y in points}
    assert not list(NoiseCurve("perplexity").report(ROWS, tmp_path))
    assert not list(NoiseCurve().report([ROWS[0], without_rate], tmp_path))
    assert len(drawn) == 1


def test_a_value_without_an_interval_is_a_line_without_a_band(tmp_path: Path, drawn: list[Figure]) -> None:
    one = Estimate(2.0, None, None, 0.95, "jackknife", 1)
    list(NoiseCurve().report([row("gpt", "typos", 0.1, 2.0, estimates={"bits_per_byte": one})], tmp_path))
    assert lines(drawn[0]) == {"typos draws=1": {"gpt": [(0.1, 2.0)]}}
    assert not [each for each in drawn[0].axes[0].collections if isinstance(each, PolyCollection)]


def test_seeds_are_lines_of_one_panel_and_colour(tmp_path: Path, drawn: list[Figure]) -> None:
    seeds = [row("gpt", "typos", rate, 2.0 + seed, seed=seed) for seed in (0, 1) for rate in (0.1, 0.2)]
    list(NoiseCurve().report(seeds, tmp_path))
    (axis,) = drawn[0].axes
    assert [list(map(tuple, line.get_xydata())) for line in axis.lines] == [
        [(0.1, 2.0), (0.2, 2.0)],
        [(0.1, 3.0), (0.2, 3.0)],
    ]
    assert len({line.get_color() for line in axis.lines}) == 1
    assert [text.get_text() for text in axis.texts] == ["gpt"]
