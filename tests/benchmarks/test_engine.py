"""The engine itself: what a cell costs beside its work, going on with what is done, large plans, several workers."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from harness.coordinator.display import SilentDisplay
from harness.coordinator.options import RunOptions
from harness.coordinator.prepared import prepare
from harness.coordinator.runner import LiveRun
from harness.store.keys import cell_key_inputs, key_of
from harness.testing import run_suite

PLUGINS = Path(__file__).parents[1] / "torture" / "plugins"


@pytest.fixture
def timed(benchmark: Any) -> Any:
    """The benchmark fixture, where timings are wanted: the work takes minutes and tests nothing else."""
    if benchmark.disabled:
        pytest.skip("a timing only; see make benchmarks")
    return benchmark


def suite(n: int, kind: str = "fine") -> str:
    numbers = ", ".join(map(str, range(n)))
    attack = f"{{use: behave, with: {{kind: {kind}}}, sweep: {{which: [{numbers}]}}}}"
    return f"suite: engine\ntask: act\ndata: tiny\nattacks:\n  - {attack}\nmetrics: [mean_value]\n"


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_a_warm_cell(benchmark: Any, tmp_path: Path, isolation: str) -> None:
    """Hand out, run, commit and measure a cell that does next to nothing, in a worker that has started."""
    rounds = 30
    (tmp_path / "s.yaml").write_text(suite(rounds + 1))
    results = tmp_path / "results"
    options = RunOptions(results=results, isolation=isolation, plugin_folders=[PLUGINS], device="cpu")
    made = prepare(tmp_path / "s.yaml", options)
    run = LiveRun(made, SilentDisplay())
    cells = itertools.cycle(made.plan.cells)
    try:
        assert run.run([next(cells)])[0].row.status == "ok"
        ended = benchmark.pedantic(lambda: run.run([next(cells)]), rounds=rounds)
        assert ended[0].row.status == "ok"
    finally:
        run.close()


def test_going_on_with_a_thousand_finished_cells(timed: Any, tmp_path: Path) -> None:
    first = run_suite(suite(1000), tmp_path, plugin_folders=[PLUGINS])
    assert first.n_run == 1000
    again = timed.pedantic(lambda: run_suite(suite(1000), tmp_path, plugin_folders=[PLUGINS]), rounds=2)
    assert (again.n_run, again.n_reused) == (0, 1000)


def test_a_plan_of_a_hundred_thousand_cells(timed: Any, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(suite(1000).replace("data: tiny", f"data: tiny\nseeds: {list(range(100))}"))

    def plan() -> int:
        options = RunOptions(results=tmp_path / "results", plugin_folders=[PLUGINS], device="cpu")
        return len(prepare(tmp_path / "s.yaml", options).plan.cells)

    assert timed.pedantic(plan, rounds=1) == 100_000


def test_keys_of_a_hundred_thousand_cells(timed: Any, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(suite(1000).replace("data: tiny", f"data: tiny\nseeds: {list(range(100))}"))
    made = prepare(
        tmp_path / "s.yaml", RunOptions(results=tmp_path / "results", plugin_folders=[PLUGINS], device="cpu")
    )

    def keys() -> int:
        inputs = (cell_key_inputs(cell, made.catalog, made.store, "cpu") for cell in made.plan.cells)
        return len({key_of(each) for each in inputs})

    assert timed.pedantic(keys, rounds=1) == 100_000


@pytest.mark.parametrize("workers", [1, 4])
def test_forty_equal_cells(timed: Any, tmp_path: Path, workers: int) -> None:
    """Four workers against one, on cells that keep one core busy for about a second."""
    run = timed.pedantic(
        lambda: run_suite(suite(40, "busy"), tmp_path, plugin_folders=[PLUGINS], isolation="process", workers=workers),
        rounds=1,
    )
    assert run.n_run == 40
