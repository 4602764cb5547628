"""What is known of every cell of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.contract.rows import MeasuredCell
from harness.coordinator.options import RunOptions
from harness.coordinator.prepared import prepare
from harness.coordinator.state import RunState
from harness.plugins import Catalog
from harness.store.keys import cell_key_inputs, key_of

SUITE = """
suite: tiny
task: classify
data: {use: digits, limit: 4}
models: [digit_linear, digit_mlp]
metrics: [accuracy]
"""


def test_cells_that_will_be_skipped_have_no_key(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "tiny.yaml").write_text(SUITE)
    prepared = prepare(tmp_path / "tiny.yaml", RunOptions(device="cpu", results=tmp_path))
    plan, store = prepared.plan, prepared.store
    skipped, runs = replace(plan.cells[0], skip="not today"), plan.cells[1]
    state = RunState.of(replace(plan, cells=(skipped, runs)), catalog, store, "cpu")
    assert state.inputs == {runs.id: cell_key_inputs(runs, catalog, store, "cpu")}
    assert state.keys == {runs.id: key_of(state.inputs[runs.id])}
    row = object()
    state.ended[runs.id] = MeasuredCell(row, "", list)  # type: ignore[arg-type]
    assert [cell.row for cell in state.ended_among([skipped, runs])] == [row]
    state.how.update({"a": "ran", "b": "reused", "c": "ran"})
    assert (state.count("ran"), state.count("reused")) == (2, 1)
