"""Pictures of maps: which values stand where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness import Run
from harness.api import MeasuredCell, Records, Row, Status, figures
from harness_capacity.pictures.attribution_maps import AttributionMaps

SUITE = """
suite: shown
task: {use: explain, with: {parts: 1, neighbours: 0, steps: 1, randomised: none}}
data: {use: planted_pattern, limit: 5}
models: [pattern_detector]
attributions: [random_map, {use: occlusion, as: covered windows of it}, gradient]
metrics: [pointing]
reports: [{use: attribution_maps, with: {examples: 2}}]
"""


def test_a_line_for_each_example_a_column_for_each_method_and_controls_last(
    run: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run(SUITE)
    names = [path.name for path in done.folder.path.glob("maps-*.png")]
    assert names == ["maps-shown-pattern_detector-planted_pattern.png"]
    kept = []
    monkeypatch.setattr(figures, "save", lambda figure, path: kept.append(figure) or path)
    cells = [MeasuredCell(row, "", lambda row=row: done.records(row)) for row in done.rows if row.cell]
    list(AttributionMaps(examples=2).report_cells(cells, tmp_path))
    axes = np.reshape(kept[0].axes, (2, 4))
    titles = [axis.get_title() for axis in axes[0]]
    assert titles == ["input", "covered\nwindows of\nit", "gradient", "random map\n(control)"]
    records = done.records(done.row(attribution="gradient"))
    shown = axes[1, 2].images[0].get_array()
    np.testing.assert_allclose(shown, records.artifact("maps")[1, 0], rtol=1e-6)
    assert axes[1, 0].get_ylabel() == f"true {records['label'][1]}\nsays {records['explained'][1]}"
    # The outline of 3 x 3 pixels, on every panel.
    assert {len(axis.lines) for axis in axes.flat} == {12}


def test_examples_that_are_no_images_have_no_picture(run: Callable[..., Run], tmp_path: Path) -> None:
    done = run(SUITE.replace("planted_pattern", "digits"))
    # The detector has three classes, so no cell is measured.
    assert {row.status for row in done.rows} == {"invalid"}
    assert not list(done.folder.path.glob("maps-*.png"))
    flat = Records.of({"id": ["a"], "label": [0], "explained": [0]})
    (tmp_path / "artifacts").mkdir()
    np.save(tmp_path / "artifacts" / "explained_inputs.npy", np.zeros((1, 4)))
    row = Row("e", {"model": "m", "data": "d", "attribution": "a"}, 0, Status.OK, n=1)
    cell = MeasuredCell(row, "", lambda: replace(flat, folder=tmp_path))
    assert list(AttributionMaps().report_cells([cell], tmp_path)) == []
