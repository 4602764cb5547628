"""The curve of the best of k tries: what is drawn, and the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.api import figures
from harness_capacity.pictures.best_of_k_curve import BestOfKCurve
from searched_rows import rows

NET = [[0.5, 0.7], [0.9, 0.8], [0.2, 0.4]]
TREE = [[0.8, 0.8], [0.85, 0.8], [0.9, 0.8]]


def test_the_curve_the_target_and_every_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    monkeypatch.setattr(figures, "save", lambda figure, path: kept.append(figure) or path)
    (path,) = BestOfKCurve(target=0.7).report(rows("net", NET, NET) + rows("tree", TREE, TREE), tmp_path)
    assert path.name == "best-of-k-e-accuracy.png"
    curves, tries = kept[0].axes
    net, reached, *_ = curves.lines
    np.testing.assert_allclose(net.get_xydata(), [[1, (0.6 + 0.85 + 0.3) / 3], [2, (0.85 * 2 + 0.6) / 3], [3, 0.85]])
    assert net.get_label() == "net"
    assert reached.get_xydata().tolist() == [[2, pytest.approx((0.85 * 2 + 0.6) / 3)]]
    assert [text.get_text() for text in curves.texts] == ["2 tries", "1 try"]
    np.testing.assert_allclose(tries.lines[0].get_ydata(), [0.3, 0.6, 0.85])
    assert [label.get_text() for label in tries.get_xticklabels()] == ["net", "tree"]


def test_a_file_is_written_with_a_line_for_each_table(tmp_path: Path) -> None:
    made = rows("net", NET, NET) + rows("net", NET, NET, data=("wine validation", "wine test"))
    (path,) = BestOfKCurve().report(made, tmp_path)
    assert path.stat().st_size > 1000
