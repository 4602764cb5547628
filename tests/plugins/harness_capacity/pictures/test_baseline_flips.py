"""Pictures of orders that flip: gains over the random control."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.api import MeasuredCell, Records, Row, Status, figures
from harness_capacity.pictures.baseline_flips import BaselineFlips, gains

N = 40
NOISE = np.random.default_rng(0).normal(0, 0.02, (9, N))


def columns(*centres: float, start: int = 0) -> dict[str, Any]:
    names = ("deletion.zero", "deletion.mean", "insertion.zero")
    return {name: centre + NOISE[start + i] for i, (name, centre) in enumerate(zip(names, centres, strict=True))}


CHANCE, A, B = columns(0.8, 0.8, 0.2), columns(0.4, 0.7, 0.6, start=3), columns(0.6, 0.4, 0.1, start=6)


def test_the_best_is_1_and_chance_is_0_under_each_baseline() -> None:
    found = gains({"chance": CHANCE, "a": A, "b": B}, "chance", "deletion")
    assert list(found) == ["a", "b"]
    values = {name: [triple[0] for triple in of.values()] for name, of in found.items()}
    assert values["a"] == pytest.approx([1.0, 0.25], abs=0.05)
    assert values["b"] == pytest.approx([0.5, 1.0], abs=0.05)
    assert all(low < value < high for of in found.values() for value, low, high in of.values())
    inserted = gains({"chance": CHANCE, "a": A, "b": B}, "chance", "insertion")
    assert [inserted[name]["zero"][0] for name in "ab"] == pytest.approx([1.0, -0.25], abs=0.05)


def test_where_nothing_beats_chance_there_is_no_gain() -> None:
    found = gains({"chance": B, "a": CHANCE}, "chance", "deletion")
    assert found["a"]["zero"] == [0.0, 0.0, 0.0]


def cell(label: str, name: str, values: dict[str, Any]) -> MeasuredCell:
    labels = {"data": "d", "model": "net", "attribution": label}
    row = Row("e", labels, 0, Status.OK, n=N, cell=label, components={"attribution": {"name": f"p/{name}"}})
    return MeasuredCell(row, "", lambda: Records.of({"id": [str(i) for i in range(N)], **values}))


def test_a_line_for_each_method_beside_the_control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    monkeypatch.setattr(figures, "save", lambda figure, path: kept.append(figure) or path)
    cells = [cell("chance", "random_map", CHANCE), cell("a", "gradient", A), cell("edges", "edge_filter", B)]
    assert [path.name for path in BaselineFlips().report_cells(cells, tmp_path)] == ["flips-e-net-d.png"]
    axis = kept[0].axes[0]
    assert axis.get_legend_handles_labels()[1] == ["chance (control)", "a", "edges (control)"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["zero", "mean"]
    drawn = axis.containers[0].lines[0].get_ydata()
    assert drawn.tolist() == pytest.approx([1.0, 0.25], abs=0.05)
    assert list(BaselineFlips().report_cells(cells[1:], tmp_path)) == []
