"""`pytest suites/robustness.yaml`: every cell of a suite is a test, and so is every expectation.

A cell that is not ok fails, one that is skipped is skipped; an expectation fails the test of the row it concerns. With
pytest-benchmark installed, the seconds that each cell measured enter its report and its JSON, where
`pytest-benchmark compare` finds them, and the estimates of the cell its `extra_info`. A suite is collected only if it
is named on the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.escaping import on_a_line, visible

if TYPE_CHECKING:
    from harness.contract.cells import Cell, Use
    from harness.contract.rows import Row
    from harness.coordinator.prepared import Prepared
    from harness.coordinator.runner import LiveRun
    from harness.suite.plan import Plan


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options like those of `harness run`."""
    group = parser.getgroup("harness", "benchmark suites of harness")
    group.addoption("--harness-device", default="auto", help="device: cpu, cuda, cuda:N, mps or auto")
    group.addoption("--harness-results", default="results", help="folder of runs and of the store of finished cells")
    group.addoption("--harness-plugins-dir", action="append", default=[], help="load every module there as a plugin")
    group.addoption("--harness-allow-imports", action="store_true", help="let suites name code of any package")
    group.addoption("--harness-trust", action="append", default=[], help="let this file run code when it is loaded")
    group.addoption("--harness-isolation", choices=["inline", "process", "cell"], help="where cells run")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return the collector of a suite that is named on the command line."""
    if file_path.suffix in (".yaml", ".yml") and parent.session.isinitpath(file_path):
        collector: pytest.Collector = SuiteFile.from_parent(parent, path=file_path)
        return collector
    return None


class SuiteFile(pytest.File):
    """A suite; its run begins with the first of its tests and ends with the last."""

    _prepared: Prepared
    _live: LiveRun | None = None

    def collect(self) -> Iterator[pytest.Item]:
        """One test for every cell, then one for every aggregate."""
        from harness.contract.errors import HarnessError
        from harness.coordinator.options import RunOptions
        from harness.coordinator.prepared import prepare

        option = self.config.getoption
        options = RunOptions(
            device=option("--harness-device"),
            results=option("--harness-results"),
            isolation=option("--harness-isolation"),
            plugin_folders=[Path(folder) for folder in option("--harness-plugins-dir")],
            allow_imports=option("--harness-allow-imports"),
            trust=option("--harness-trust"),
        )
        try:
            self._prepared = prepare(self.path, options)
        except HarnessError as error:
            raise self.CollectError(visible(str(error))) from error
        has_benchmark = self.config.pluginmanager.hasplugin("benchmark")
        plan = self._prepared.plan
        names = _names(plan)
        for cell in plan.cells:
            yield self._item(names[cell.id], _cell_test(self, cell, has_benchmark), cell)
        for experiment in plan.experiments.values():
            for aggregate in experiment.aggregates:
                name = "/".join([*([experiment.name] if len(plan.experiments) > 1 else []), aggregate.label])
                yield self._item(name, _aggregate_test(self, experiment.name, aggregate))

    def _item(self, name: str, function: Callable[..., None], cell: Cell | None = None) -> pytest.Item:
        item: pytest.Item = pytest.Function.from_parent(self, name=name, callobj=function)
        if cell is not None and cell.skip:
            item.add_marker(pytest.mark.skip(reason=cell.skip))
        if "benchmark" in getattr(item, "fixturenames", ()):
            # The clock of this cell: it stands still but for the seconds that the cell has measured.
            item.add_marker(pytest.mark.benchmark(timer=function.clock))  # type: ignore[attr-defined]
        return item

    def live(self) -> LiveRun:
        """Return the run; the first call begins it."""
        if self._live is None:
            from harness.coordinator.display import SilentDisplay
            from harness.coordinator.runner import LiveRun

            self._live = LiveRun(self._prepared, SilentDisplay())
        return self._live

    def teardown(self) -> None:
        """Write the tables of what was run."""
        if self._live is not None:
            self._live.finish()
            self._live = None

    def check(self, row: Row) -> None:
        """Fail unless the row is ok and keeps what is expected of it."""
        from harness.contract.rows import Status
        from harness.results.expectations import check_expectations

        if row.status is Status.SKIPPED:
            pytest.skip(on_a_line(row.reason))
        if row.status is not Status.OK:
            pytest.fail(on_a_line(f"{row.status}: {row.reason}"), pytrace=False)
        results = [result for result in check_expectations(self._prepared.plan, [row]) if result.row]
        failed = [str(result) for result in results if result.verdict == "failed"]
        if failed:
            pytest.fail("\n".join(map(on_a_line, failed)), pytrace=False)


def _names(plan: Plan) -> dict[str, str]:
    """Cell id to its labels: always its data and model, as a test report stands alone; others where they differ."""
    from harness.contract.cells import SHOWN_ROLES

    different = {role for role in SHOWN_ROLES if len({cell.labels.get(role) for cell in plan.cells}) > 1}
    several = [role for role in SHOWN_ROLES if role in different or role in ("data", "model")]
    has_experiments, has_seeds = len(plan.experiments) > 1, len({cell.seed for cell in plan.cells}) > 1

    def name(cell: Cell) -> str:
        parts = [cell.experiment] if has_experiments else []
        parts += [cell.labels[role] for role in several if role in cell.labels]
        parts += [f"seed {cell.seed}"] if has_seeds else []
        return on_a_line("/".join(parts) or cell.experiment)

    return {cell.id: name(cell) for cell in plan.cells}


class _Clock:
    """A timer for pytest-benchmark that shows the seconds a cell says it took."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _cell_test(suite: SuiteFile, cell: Cell, has_benchmark: bool) -> Callable[..., None]:
    clock = _Clock()

    def measure() -> Row:
        ended = suite.live().run([cell])
        if not ended:
            raise KeyboardInterrupt
        clock.now += ended[0].row.seconds or 0.0
        return ended[0].row

    def with_benchmark(benchmark: Any) -> None:
        row = benchmark.pedantic(measure, rounds=1)
        benchmark.extra_info.update(_numbers(row))
        suite.check(row)

    def without() -> None:
        suite.check(measure())

    if not has_benchmark:
        return without
    with_benchmark.clock = clock  # type: ignore[attr-defined]
    return with_benchmark


def _numbers(row: Row) -> dict[str, Any]:
    """What a row measured, as the JSON of pytest-benchmark takes it: metric to value, interval and n."""
    from dataclasses import asdict

    return {"status": str(row.status), "key": row.key, **{name: asdict(e) for name, e in row.estimates.items()}}


def _aggregate_test(suite: SuiteFile, experiment: str, aggregate: Use) -> Callable[..., None]:
    def test() -> None:
        for row in suite.live().derived_rows(experiment, aggregate):
            suite.check(row)

    return test
