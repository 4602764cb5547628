"""Lines with their intervals, and where their names stand."""

from __future__ import annotations

from itertools import pairwise

import pytest

from harness.api import figures
from harness.figures.lines import spread


def test_names_are_moved_apart_as_little_as_can_be() -> None:
    assert spread([0.1, 0.5, 0.9], 0.1, 1.0) == pytest.approx([0.1, 0.5, 0.9])
    assert spread([0.5, 0.5, 0.5], 0.1, 1.0) == pytest.approx([0.4, 0.5, 0.6])
    # Only what is too near moves.
    assert spread([0.2, 0.25, 0.8], 0.1, 1.0) == pytest.approx([0.175, 0.275, 0.8])


def test_names_stay_within_the_panel_as_long_as_they_fit() -> None:
    assert spread([0.0, 0.0], 0.2, 1.0) == pytest.approx([0.0, 0.2])
    assert spread([1.0, 1.0], 0.2, 1.0) == pytest.approx([0.8, 1.0])
    assert spread([0.5] * 3, 0.6, 1.0) == pytest.approx([0.0, 0.6, 1.2])


@pytest.mark.parametrize("colour", [*figures.PALETTE, figures.PALE])
def test_text_in_the_colour_of_a_line_can_be_read_on_white(colour: str) -> None:
    from matplotlib.colors import to_rgb

    def linear(c: float) -> float:
        return float(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(c) for c in to_rgb(figures.readable(colour)))
    assert 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) >= 4.5


def ends(count: int) -> tuple[object, object, list[figures.LineEnd]]:
    figure, axes = figures.panels(1, 1, (4.0, 2.0), (0.0, 0.3))
    points = [figures.Point(0, 1.0, 0.9, 1.0), figures.Point(1, 0.0, 0.0, 0.1)]
    axis = axes[0, 0]
    lines = [figures.draw_line(axis, points, figures.LineStyle.of(i), f"line {i}") for i in range(count)]
    figures.name_lines(figure, {axis: lines})
    return figure, axis, lines


def test_up_to_eight_lines_are_named_beside_their_ends_and_no_name_covers_another() -> None:
    figure, axis, _ = ends(8)
    assert not figure.legends  # type: ignore[attr-defined]
    boxes = sorted((text.get_window_extent() for text in axis.texts), key=lambda box: box.y0)  # type: ignore[attr-defined]
    assert len(boxes) == 8
    places = sorted(text.get_position()[1] for text in axis.texts)  # type: ignore[attr-defined]
    height = figures.SMALLEST_TEXT * 150 / 72 / axis.bbox.height  # type: ignore[attr-defined]
    assert all(high - low > height for low, high in pairwise(places))


def test_a_thin_line_ties_each_name_to_the_end_of_its_line() -> None:
    _, axis, lines = ends(3)
    ties = axis.collections[-1]  # type: ignore[attr-defined]
    from_data = axis.transData + axis.transAxes.inverted()  # type: ignore[attr-defined]
    for (start, end), line, text in zip(ties.get_segments(), lines, axis.texts, strict=True):  # type: ignore[attr-defined]
        assert start[1] == pytest.approx(from_data.transform((line.x, line.y))[1])
        assert end[1] == pytest.approx(text.get_position()[1])


def test_more_lines_are_named_in_a_legend() -> None:
    figure, axis, _ = ends(9)
    assert not axis.texts  # type: ignore[attr-defined]
    assert len(figure.legends[0].get_texts()) == 9  # type: ignore[attr-defined]


def test_of_lines_that_end_in_one_place_the_higher_has_the_higher_name() -> None:
    figure, axes = figures.panels(1, 1, (4.0, 2.0), (0.0, 0.0))
    heights = {"middle": 0.5, "high": 0.9, "low": 0.1}
    lines = [
        figures.draw_line(axes[0, 0], [figures.Point(0, y), figures.Point(1, 0.0)], figures.LineStyle.of(i), name)
        for i, (name, y) in enumerate(heights.items())
    ]
    figures.name_lines(figure, {axes[0, 0]: lines})
    by_place = sorted(axes[0, 0].texts, key=lambda text: text.get_position()[1])
    assert [text.get_text() for text in by_place] == ["low", "middle", "high"]


def test_a_single_point_is_no_line_and_has_a_bar() -> None:
    _, axes = figures.panels(1, 1, (4.0, 2.0), (0.0, 0.0))
    end = figures.draw_line(axes[0, 0], [figures.Point(1, 0.5, 0.4, 0.6)], figures.LineStyle.of(0), "one")
    assert not end.is_line
    assert axes[0, 0].lines[0].get_linestyle() == "None"
    (bar,) = axes[0, 0].collections
    assert bar.get_segments()[0].tolist() == [[1, 0.4], [1, 0.6]]


def test_a_line_has_a_band_where_there_are_intervals() -> None:
    _, axes = figures.panels(1, 1, (4.0, 2.0), (0.0, 0.0))
    points = [figures.Point(0, 0.5), figures.Point(1, 0.5, 0.4, 0.6), figures.Point(2, 0.5, 0.3, 0.7)]
    end = figures.draw_line(axes[0, 0], points, figures.LineStyle.of(0), "one")
    assert end.is_line
    (band,) = axes[0, 0].collections
    assert {tuple(map(float, corner)) for corner in band.get_paths()[0].vertices} == {
        (1, 0.4),
        (1, 0.6),
        (2, 0.3),
        (2, 0.7),
    }
