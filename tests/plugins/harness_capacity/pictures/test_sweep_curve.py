"""The curve of a metric over a number: what is drawn, and the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.api import Row, figures
from harness_capacity.pictures.sweep_curve import SweepCurve
from swept_rows import row


def test_the_line_goes_through_the_median_and_every_seed_is_a_dot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []
    monkeypatch.setattr(figures, "save", lambda figure, path: kept.append(figure) or path)
    rows = [row(w, e, seed) for seed, e in enumerate((0.1, 0.2, 0.9)) for w in (4, 8)]
    (path,) = SweepCurve("sup_error", target=0.5).report(rows, tmp_path)
    assert path.name == "sweep-e-sup_error.png"
    line, dots, target = kept[0].axes[0].lines
    assert line.get_xydata().tolist() == [[4, 0.2], [8, 0.2]]
    assert line.get_label() == "net"
    assert len(dots.get_xydata()) == 6
    assert list(target.get_ydata()) == [0.5, 0.5]


def test_lines_are_named_by_what_tells_them_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    monkeypatch.setattr(figures, "save", lambda figure, path: kept.append(figure) or path)

    def attacked(attack: str) -> list[Row]:
        made = [row(w, 0.1) for w in (4, 8)]
        return [
            replace(
                one,
                labels={**one.labels, "attack": attack},
                components={**one.components, "attack": {"name": attack, "parameters": {}}},
            )
            for one in made
        ]

    for attacks, names in ((["shift"], {"net"}), (["shift", "noise"], {"net / shift", "net / noise"})):
        list(SweepCurve("sup_error").report([each for attack in attacks for each in attacked(attack)], tmp_path))
        assert {line.get_label() for line in kept[-1].axes[0].lines[::2]} == names


def test_a_panel_for_each_dataset(tmp_path: Path) -> None:
    rows = [row(w, 0.1, data=data) for data in ("sine", "step") for w in (4, 8)]
    (path,) = SweepCurve("sup_error", y="log").report(rows, tmp_path)
    assert path.stat().st_size > 5000
    assert list(SweepCurve("accuracy").report(rows, tmp_path)) == []
