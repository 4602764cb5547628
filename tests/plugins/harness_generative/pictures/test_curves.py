"""Pictures of quality against cost, looked at through what matplotlib was told to draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.api import Estimate, Row, Status, figures
from harness_generative.pictures.curves import NfeQuality, SampleCost


def estimate(value: float, half: float = 0.5) -> Estimate:
    return Estimate(value, value - half, value + half, 0.95, "bootstrap", 100)


def row(model: str, sampler: str, nfe: float, value: float, *, data: str = "digits", **changes: Any) -> Row:
    fields: dict[str, Any] = {
        "experiment": "e",
        "labels": {"model": model, "sampler": sampler, "data": data},
        "seed": 0,
        "status": Status.OK,
        "estimates": {"fid_proxy": estimate(value), "fid_floor": estimate(2.0)},
        "cost": {"passes": nfe} if nfe else {},
        "comparability": {"task": "generate", "data": data},
    }
    if nfe:
        fields["estimates"]["seconds_per_sample"] = estimate(nfe / 1000, 0.0)
    return Row(**{**fields, **changes})


ROWS = [
    row("copy", "one_shot", 0, 3.0),
    row("gan", "one_shot", 1, 8.0),
    row("edm", "ddim eta=0 steps=5", 5, 9.0),
    row("edm", "ddim eta=0 steps=10", 10, 6.0),
    row("edm", "ddim eta=0 steps=10", 10, 7.0, seed=1),
    row("edm", "heun", 35, 5.0),
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


def axes_of(kept: list[Figure]) -> list[Axes]:
    return [axis for axis in kept[0].axes if axis.get_visible()]


def intervals(axis: Axes) -> list[Any]:
    """The collections of an axis that hold data; another one ties names to lines."""
    return [each for each in axis.collections if each.get_transform() != axis.transAxes]


def lines(axis: Axes, style: str) -> list[tuple[list[float], list[float]]]:
    """What was drawn with these dashes, proxies of the legend left out."""
    found = [line for line in axis.lines if line.get_linestyle() == style and len(line.get_xdata())]
    return [([float(x) for x in line.get_xdata()], [float(y) for y in line.get_ydata()]) for line in found]


def test_a_line_runs_through_the_mean_of_seeds_of_a_family(tmp_path: Path, drawn: list[Figure]) -> None:
    assert [path.name for path in NfeQuality().report(ROWS, tmp_path)] == ["nfe-quality.png"]
    (axis,) = axes_of(drawn)
    joined = [(x, y) for x, y in lines(axis, "--") if len(x) == 2 and x[0] > 1]
    assert joined == [([5.0, 10.0], [9.0, 6.5])]
    assert axis.get_xscale() == "log"
    # Each line is named where it ends, by its model alone where that has one family of samplers.
    assert not axis.figure.legends
    assert {text.get_text() for text in axis.texts} == {"copy", "gan", "edm, ddim eta=0", "edm, heun", "real data"}
    bars = sorted(tuple(segment[:, 1]) for c in intervals(axis) for segment in c.get_segments())
    assert bars == [(4.5, 5.5), (5.5, 6.5), (6.5, 7.5), (7.5, 8.5), (8.5, 9.5)]


@pytest.mark.parametrize("reporter", [NfeQuality(), SampleCost()])
def test_the_floor_and_samples_without_passes_are_level_lines(
    reporter: NfeQuality | SampleCost, tmp_path: Path, drawn: list[Figure]
) -> None:
    list(reporter.report(ROWS, tmp_path))
    (axis,) = axes_of(drawn)
    assert ([0.0, 1.0], [2.0, 2.0]) in lines(axis, "--")
    assert lines(axis, ":") == [([0.0, 1.0], [3.0, 3.0])]


def test_the_floor_belongs_to_its_metric(tmp_path: Path, drawn: list[Figure]) -> None:
    rows = [row("edm", "heun", n, 1.0, estimates={"recall": estimate(0.9, 0.1), "f": estimate(0.5)}) for n in (1, 5)]
    rows[0].estimates["fid_floor"] = estimate(2.0)  # type: ignore[index]
    list(NfeQuality(metric="recall").report(rows, tmp_path))
    list(NfeQuality(metric="recall", floor="f").report(rows, tmp_path))
    without, named = drawn
    assert lines(without.axes[0], "--") == []
    assert lines(named.axes[0], "--") == [([0.0, 1.0], [0.5, 0.5])]


def test_lines_that_meet_at_one_cost_are_drawn_apart(tmp_path: Path, drawn: list[Figure]) -> None:
    list(NfeQuality().report([row(name, "one_shot", 1, 5.0) for name in "abc"], tmp_path))
    (axis,) = axes_of(drawn)
    places = sorted({segment[0][0] for c in intervals(axis) for segment in c.get_segments()})
    assert places == pytest.approx([1 / 1.03, 1, 1.03])


def test_what_may_not_be_compared_stands_in_its_own_panel(tmp_path: Path, drawn: list[Figure]) -> None:
    fewer = [
        row("edm", "heun", 35, 9.0, comparability={"task": "generate", "data": "digits", "n": 50}),
        row("edm", "heun", 35, 9.0, data="mnist"),
    ]
    list(NfeQuality().report([*ROWS, *fewer], tmp_path))
    titles = [axis.get_title("left") for axis in axes_of(drawn)]
    assert len(titles) == 3
    assert [title.startswith("digits (key ") for title in titles] == [True, True, False]
    assert titles[2] == "mnist"


def test_panels_say_what_was_asked_for(tmp_path: Path, drawn: list[Figure]) -> None:
    rows = [
        row(
            "gan", "one_shot", 1, 5.0, facts={"display": {"asked for": asked}}, comparability={"protocol": {"a": asked}}
        )
        for asked in ("classes", "nothing")
    ]
    list(NfeQuality().report(rows, tmp_path))
    assert [axis.get_title("left") for axis in axes_of(drawn)] == [
        "digits, asked for classes",
        "digits, asked for nothing",
    ]


def test_the_points_of_cost_and_quality_are_named(tmp_path: Path, drawn: list[Figure]) -> None:
    assert [path.name for path in SampleCost().report(ROWS, tmp_path)] == ["sample-cost.png"]
    (axis,) = axes_of(drawn)
    named = {text.get_text(): tuple(text.xy) for text in axis.texts if text.get_text() not in ("copy", "real data")}
    assert named == {
        "gan": (0.001, 8.0),
        "edm, ddim eta=0 steps=5": (0.005, 9.0),
        "edm, ddim eta=0 steps=10": (0.01, 6.0),
        "edm, heun": (0.035, 5.0),
    }
    assert axis.get_xlabel() == "seconds per sample"
    front = [(x, y) for x, y in lines(axis, "-") if len(x) == 2]
    assert front == [
        ([0.001, 0.01], [8.0, 8.0]),
        ([0.01, 0.01], [8.0, 6.0]),
        ([0.01, 0.035], [6.0, 6.0]),
        ([0.035, 0.035], [6.0, 5.0]),
    ]


def test_labels_of_many_near_points_do_not_cover_each_other(tmp_path: Path, drawn: list[Figure]) -> None:
    rows = [row("edm", f"dpmpp steps={n}", n, 5.0 + 3.0 / n) for n in (5, 6, 7, 8, 10, 12, 15, 18)]
    list(SampleCost(cost="nfe").report(rows, tmp_path))
    (axis,) = axes_of(drawn)
    # The SVG was drawn last, at another number of dots per inch.
    figures.settle(drawn[0])
    boxes = [_text_box(axis, text) for text in axis.texts]
    # The eight points, and the floor at the right.
    assert len(boxes) == 9
    for i, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[:i])


def _text_box(axis: Axes, text: Any) -> Any:
    from matplotlib.text import Text

    return Text.get_window_extent(text, axis.figure.canvas.get_renderer())


@pytest.mark.parametrize(("reporter", "extra"), [(NfeQuality(), 12), (SampleCost(), 1), (SampleCost(cost="nfe"), 12)])
def test_the_picture_is_neither_blank_nor_drowned(
    reporter: NfeQuality | SampleCost, extra: int, tmp_path: Path
) -> None:
    rows = [row("edm", "heun", 35 * (i + 1), 6.0 * extra * (i + 1)) for i in range(extra)]
    for path in reporter.report([*ROWS, *rows], tmp_path):
        pixels = matplotlib.image.imread(path)[..., :3]
        assert pixels.shape[0] > 300
        assert 0.005 < float(np.mean(pixels.min(axis=2) < 0.6)) < 0.5


@pytest.mark.parametrize("reporter", [NfeQuality(), SampleCost()])
def test_nothing_to_draw(reporter: NfeQuality | SampleCost, tmp_path: Path) -> None:
    nothing = [
        row("edm", "heun", 5, 1.0, status=Status.FAILED),
        row("edm", "heun", 5, 1.0, derived="over_seeds"),
        row("edm", "heun", 5, 1.0, estimates={"fid_proxy": Estimate.undefined("too few")}),
        row("edm", "heun", 5, 1.0, estimates={"recall": estimate(0.5)}),
        row("copy", "one_shot", 0, 1.0),
    ]
    assert list(reporter.report(nothing, tmp_path)) == []
    assert list(tmp_path.iterdir()) == []
