"""Plots of predicted functions, drawn from a small suite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness import Run
from harness.api import MeasuredCell, figures
from harness_capacity.pictures.function_plot import FunctionPlot

SUITE = """
suite: beyond
task: regress
data:
  - {use: function, as: inside, with: {name: sine}, limit: 100}
  - {use: function, as: outside, with: {name: sine, split: outside}, limit: 100}
  - {use: function, as: plane, with: {name: franke}}
models:
  - {use: least_squares, as: line}
metrics: [rmse]
aggregates: [{use: extrapolation, with: {baseline: line}}]
reports: [function_plot]
"""


def test_each_curve_is_drawn_where_its_points_are(
    run: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run(SUITE)
    assert [row.status for row in done.rows] == ["ok", "ok", "skipped", "ok"]
    assert [path.name for path in done.folder.path.glob("function-*.png")] == ["function-beyond-sine.png"]
    kept = []
    monkeypatch.setattr(figures, "save", lambda figure, path: kept.append(figure) or path)
    cells = [MeasuredCell(row, "", lambda row=row: done.records(row)) for row in done.rows if row.cell]
    list(FunctionPlot().report_cells(cells, tmp_path))
    (figure,) = kept
    assert figure.axes[0].get_title("left") == "line"
    inside, _, outside, _ = (line.get_xydata() for line in figure.axes[0].lines)
    assert len(inside) == 100
    assert len(outside) == 100
    assert np.allclose(inside[:, 1], np.sin(2 * np.pi * inside[:, 0]), atol=1e-6)
    assert outside[0, 0] > 1.0 > inside[-1, 0]
