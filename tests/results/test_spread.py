"""Tables of an experiment with rows over seeds."""

from __future__ import annotations

from pathlib import Path

from harness.contract.rows import Row, Status
from harness.results.spread import is_spread, parts_of
from harness.testing import run_suite


def row(statistic: str = "") -> Row:
    over = {"over_seeds": {"statistic": statistic, "seeds": [0, 1, 2]}} if statistic else {}
    return Row("e", {"model": f"a {statistic}"}, 0, Status.OK, comparability={"protocol": over})


def test_the_spread_stands_apart() -> None:
    rows = [row(), row("mean"), row("spread")]
    assert [is_spread(each) for each in rows] == [False, False, True]
    (first, about, chosen, directed), (second, _, spread, undirected) = parts_of("e", "Why?", rows)
    assert (first, about, chosen, directed) == ("e", "Why?", rows[:2], True)
    assert (second, spread, undirected) == ("e: spread", rows[2:], False)
    assert len(list(parts_of("e", "", rows[:2]))) == 1


SUITE = """
suite: seeds
task: classify
data: {use: digits, limit: 40}
models: [{use: digit_linear, with: {epochs: 2}}]
seeds: [0, 1, 2]
metrics: [accuracy]
aggregates: [over_seeds]
"""


def test_more_of_a_spread_is_not_better(tmp_path: Path) -> None:
    run = run_suite(SUITE, tmp_path)
    table = (run.folder.path / "table.md").read_text(encoding="utf-8")
    means, _, spread = table.partition(": spread")
    assert "accuracy ↑" in means
    assert "(mean of 3 seeds)" in means
    assert "(spread of 3 seeds)" in spread
    assert "↑" not in spread
