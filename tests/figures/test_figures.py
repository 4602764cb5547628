"""The look that pictures share: panels, legend, files, and what importing it costs."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.image import imread

from harness.api import figures


def test_panels_fill_lines_and_the_rest_is_hidden() -> None:
    figure, axes = figures.panels(5, 3, (2.0, 1.5), (1.0, 0.5), sharex=True)
    assert axes.shape == (2, 3)
    assert [axis.get_visible() for axis in axes.flat] == [True] * 5 + [False]
    assert figure.get_size_inches().tolist() == [1.0 + 3 * 2.0, 0.5 + 2 * 1.5]
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
    assert imread(tmp_path / "f.png").shape[:2] == (130, 260)
    assert imread(io.BytesIO(figures.png(figure))).shape[:2] == (110, 220)


@pytest.mark.parametrize("library", ["torch", "matplotlib", "scipy"])
def test_the_api_imports_no_large_library(library: str) -> None:
    code = f"import sys, harness.api; sys.exit({library!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
