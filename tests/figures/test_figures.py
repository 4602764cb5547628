"""The look that pictures share: panels, legend, files, and what importing it costs."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.image import imread

from harness.api import figures


def test_no_picture_is_wider_than_is_read_at_600_pixels() -> None:
    figure, _ = figures.panels(3, 3, (4.0, 1.0), (1.0, 0.0))
    assert figure.get_figwidth() == figures.WIDTH
    # The smallest text is 9 pixels high then.
    assert figures.SMALLEST_TEXT / 72 * 600 / figures.WIDTH > 9


def test_a_long_title_is_cut_in_the_middle_and_a_legend_too() -> None:
    assert figures.shortened("a  short\nlabel", 20) == "a short label"
    assert figures.shortened("abcdefghij", 5) == "ab…ij"
    figure, axes = figures.panels(1, 1, (3.0, 1.0), (0.0, 0.0))
    figures.title(axes[0, 0], "x" * 200)
    axes[0, 0].plot([0, 1], label="y" * 200)
    figures.legend(figure, axes.flat)
    assert 20 < len(axes[0, 0].get_title("left")) < 50
    assert len(figure.legends[0].get_texts()[0].get_text()) == 30


def test_what_is_left_out_is_said() -> None:
    figure, _ = figures.panels(1, 1, (3.0, 1.0), (0.0, 0.0))
    figures.left_out(figure, 0, "models")
    assert figure.get_suptitle() == ""
    figures.left_out(figure, 488, "models")
    assert figure.get_suptitle() == "488 more models left out"


def test_axes_are_named_once_where_they_are_read() -> None:
    _, axes = figures.panels(3, 2, (2.0, 1.5), (0.0, 0.0), sharex=True)
    figures.name_axes(axes, "budget", "accuracy")
    # The third panel is below the first, and nothing is below the second.
    assert [axis.get_xlabel() for axis in axes.flat[:3]] == ["", "budget", "budget"]
    assert [axis.get_ylabel() for axis in axes.flat[:3]] == ["accuracy", "", "accuracy"]


def test_panels_fill_lines_and_the_rest_is_hidden() -> None:
    figure, axes = figures.panels(5, 3, (2.0, 1.5), (0.5, 0.5), sharex=True)
    assert axes.shape == (2, 3)
    assert [axis.get_visible() for axis in axes.flat] == [True] * 5 + [False]
    assert figure.get_size_inches().tolist() == [0.5 + 3 * 2.0, 0.5 + 2 * 1.5]
    assert axes[0, 0].get_shared_x_axes().joined(axes[0, 0], axes[1, 1])


def test_few_panels_take_no_more_columns_than_they_are() -> None:
    _, axes = figures.panels(2, 3, (2.0, 1.5), (1.0, 0.5))
    assert axes.shape == (1, 2)


def test_the_legend_names_each_line_once_whichever_panel_it_is_in() -> None:
    figure, axes = figures.panels(2, 2, (2.0, 1.5), (1.0, 0.5))
    axes[0, 0].plot([0, 1], label="one")
    axes[0, 1].plot([0, 1], label="one")
    axes[0, 1].plot([1, 0], label="other")
    figures.legend(figure, axes.flat)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one", "other"]


def test_lines_are_told_apart_beyond_one_round_of_any_kind() -> None:
    styles = [figures.line_style(number) for number in range(28)]
    assert len(set(styles)) == 28
    assert styles[0] == ("#0072B2", "-", "o")
    assert len(set(figures.PALETTE)) == 7


def test_a_figure_is_saved_and_its_path_returned(tmp_path: Path) -> None:
    figure = figures.empty_figure(2.0, 1.0)
    assert figures.save(figure, tmp_path / "f.png") == tmp_path / "f.png"
    assert imread(tmp_path / "f.png").shape[:2] == (150, 300)
    assert imread(io.BytesIO(figures.png(figure))).shape[:2] == (150, 300)


def drawn(path: Path, label: str) -> bytes:
    figure, axes = figures.panels(1, 1, (3.0, 2.0), (0.0, 0.0))
    axes[0, 0].plot([0, 1], label=label)
    figures.legend(figure, axes.flat)
    return figures.save(figure, path).with_suffix(".svg").read_bytes()


def test_beside_a_png_lies_an_svg_whose_text_is_text(tmp_path: Path) -> None:
    # Letters that the font of the PNG lacks are shown in a font of the reader; nothing warns (pytest would fail).
    label = "<model> & “שלום” 🐢"
    svg = drawn(tmp_path / "f.png", label)
    texts = [text.text for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert label in texts
    assert svg == drawn(tmp_path / "again.png", label)


@pytest.mark.parametrize("library", ["torch", "matplotlib", "scipy"])
def test_the_api_imports_no_large_library(library: str) -> None:
    code = f"import sys, harness.api; sys.exit({library!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
