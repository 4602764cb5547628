"""Sides of a comparison are read from runs, and a metric's values per example are not believed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

from harness import Run
from harness.api import Component, Estimate, Influences, Records, hookimpl, proportion
from harness.contract.errors import InvalidOutput
from harness.plugins import Catalog, load_catalog
from harness.results.comparison.compare import ExampleInfluences, Side, compare
from harness.results.comparison.open_runs import open_sides
from harness.scoring.in_process import InThisProcess
from harness.testing import run_suite

SUITE = """
suite: sides
task: classify
data: {use: digits, limit: 20}
models: [{use: digit_linear, as: linear, with: {epochs: 1}}]
metrics: [accuracy, set_level, lying, misshapen, raising, influential, uneven]
"""


class SetLevel:
    columns = ("correct",)
    direction = "max"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        return proportion(int(records["correct"].sum()), len(records))


class Lying(SetLevel):
    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        return 1.0 - records.floats("correct")


class Misshapen(SetLevel):
    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        return np.zeros(3)


class Raising(SetLevel):
    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        raise RuntimeError("boom")


class Influential(SetLevel):
    """It varies with the records, and more so with a reference that all cells share."""

    def influences(self, records: Records) -> Influences:
        correct = records.floats("correct")
        return Influences({"records": (correct - correct.mean()) / len(records), "reference": np.array([0.3, -0.3])})


class Uneven(SetLevel):
    def influences(self, records: Records) -> Influences:
        return Influences({"records": np.zeros(3)})


def plugin(version: int) -> ModuleType:
    names = {"set_level": "SetLevel", "lying": "Lying", "misshapen": "Misshapen", "raising": "Raising"}
    names |= {"influential": "Influential", "uneven": "Uneven"}

    @hookimpl
    def harness_components() -> list[Component]:
        return [Component("metric", n, f"{__name__}:{c}", c, version=version) for n, c in names.items()]

    module = ModuleType("odd")
    module.harness_components = harness_components  # type: ignore[attr-defined]
    return module


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Side]:
    results = tmp_path_factory.mktemp("sides")
    run = run_suite(SUITE, results, plugins={"odd": plugin(1)})
    return run, sides(run, results, load_catalog(extra={"odd": plugin(1)}))[0]


def sides(run: Run, results: Path, catalog: Catalog) -> tuple[Side, Side]:
    return open_sides(
        str(run.folder.path), str(run.folder.path / "table.json"), results, catalog, InThisProcess(catalog)
    )


def test_values_are_those_of_the_records(odd: tuple[Run, Side]) -> None:
    run, side = odd
    found = side.values(side.rows[0], "accuracy")
    assert found is not None
    records = run.records(run.rows[0])
    assert found.ids == list(records["id"])
    assert found.values.tolist() == records["correct"].astype(float).tolist()
    assert side.name == f"sides/{run.folder.run_id}"
    facts = side.facts(side.rows[0], "set_level")
    assert (facts.direction, facts.unit) == ("max", "fraction")
    assert facts.identity is not None
    assert (facts.identity["name"], facts.identity["version"]) == ("odd/set_level", 1)


def test_a_set_level_metric_has_none(odd: tuple[Run, Side]) -> None:
    side = odd[1]
    assert side.values(side.rows[0], "set_level") is None
    assert side.values(side.rows[0], "unheard_of") is None


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        ("lying", "per_example of lying: its mean is"),
        ("misshapen", r"returned shape \[3\] for 20 records"),
        ("raising", "RuntimeError: boom"),
    ],
)
def test_what_contradicts_the_metric_is_no_basis_for_a_test(odd: tuple[Run, Side], metric: str, told: str) -> None:
    side = odd[1]
    with pytest.raises(InvalidOutput, match=told):
        side.values(side.rows[0], metric)
    verdicts = {each.metric: each.verdict for each in compare(side, side).compared}
    assert verdicts[metric] == "not comparable"
    assert verdicts["accuracy"] == verdicts["set_level"] == "not resolved"


def test_influences_that_do_not_fit_the_records_are_no_basis_for_a_test(odd: tuple[Run, Side]) -> None:
    side = odd[1]
    with pytest.raises(InvalidOutput, match=r"influences of uneven: .*shape \[3\] for 20 records"):
        side.influences(side.rows[0], "uneven")
    verdicts = {each.metric: (each.verdict, each.why) for each in compare(side, side).compared}
    assert verdicts["uneven"][0] == "not comparable"
    assert verdicts["influential"] == ("not resolved", "")


def test_what_both_rows_share_cancels_in_their_difference(odd: tuple[Run, Side]) -> None:
    """Another model of the same data: its records are given in another order, the reference is the same."""
    side = odd[1]
    row = side.rows[0]
    found = side.influences(row, "influential")
    assert found is not None
    moved = found.influences.parts["records"] + np.where(np.arange(20) % 2, 0.01, -0.01)
    parts = {"records": moved[::-1], "reference": found.influences.parts["reference"]}
    better = replace(row.estimates["influential"], value=float(row.estimates["influential"].value or 0.0) + 0.2)
    other = Side(
        "other",
        side.source,
        [replace(row, estimates={"influential": better})],
        side.metrics,
        influences=lambda *_: ExampleInfluences(found.ids[::-1], Influences(parts)),
    )
    (compared,) = compare(
        replace(side, rows=[replace(row, estimates={"influential": row.estimates["influential"]})]), other
    ).compared
    assert compared.difference is not None
    assert compared.difference.method == "paired jackknife"
    assert compared.difference.high == pytest.approx(0.2 + 1.959964 * 0.01 * 20**0.5)


def test_a_table_knows_the_direction_but_not_the_version(odd: tuple[Run, Side]) -> None:
    run, _ = odd
    table = sides(run, run.folder.path.parents[1], load_catalog(extra={"odd": plugin(1)}))[1]
    facts = table.facts(table.rows[0], "set_level")
    assert (facts.direction, facts.unit, facts.identity) == ("max", "fraction", None)
    assert table.values(table.rows[0], "accuracy") is None
    # Without the plugin nothing is known of its metrics.
    without = load_catalog()
    alone = open_sides(
        str(table.source), str(table.source), run.folder.path.parents[1], without, InThisProcess(without)
    )[0]
    assert alone.facts(alone.rows[0], "set_level").direction == ""
    assert alone.facts(alone.rows[0], "accuracy").direction == "max"


def test_runs_with_another_version_of_a_metric_are_not_compared(odd: tuple[Run, Side]) -> None:
    run, side = odd
    results = run.folder.path.parents[1]
    later = run_suite(SUITE, results, plugins={"odd": plugin(2)})
    newer = sides(later, results, load_catalog(extra={"odd": plugin(2)}))[0]
    found = {each.metric: each.why for each in compare(side, newer).compared}
    assert found["set_level"] == "metric.version 1 ≠ 2"
    assert found["accuracy"] == ""
