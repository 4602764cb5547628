"""Subgroups of every task: who belongs to which, a row per group, and the gap that is tested."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.api import Estimate, InvalidOutput, Partition, Records
from harness.contract.cells import Use
from harness.contract.rows import MeasuredCell, Row, Status
from harness.plugins import Catalog
from harness.scoring.subgroups import group_rows
from harness.store.store import Store
from harness.testing import run_suite

CORRECT = [True] * 18 + [False] * 2 + [True] * 8 + [False] * 12 + [True]
SEX = ["f"] * 20 + ["m"] * 20 + ["x"]
BAND = ["old", "young"] * 20 + ["old"]
RECORDS = Records.of({"id": [str(i) for i in range(41)], "correct": CORRECT, "group.sex": SEX, "group.band": BAND})


def rows(tmp_path: Path, catalog: Catalog, groups: list[str], records: Records = RECORDS) -> dict[str, Row]:
    whole = Row("e", {"model": "m"}, 0, Status.OK, n=len(records), comparability={"task": "t"})
    cell = MeasuredCell(whole, "digest", lambda: records)
    accuracy = Use("metric", "harness/accuracy", "accuracy", 1, {})
    found = group_rows(cell, groups, [accuracy], catalog, Store(tmp_path))
    return {row.labels["group"]: row for row in found}


def test_a_row_per_group_and_one_for_the_gap(tmp_path: Path, catalog: Catalog) -> None:
    found = rows(tmp_path, catalog, ["sex"])
    assert list(found) == ["sex: f", "sex: m", "sex: x", "sex: gap"]
    women = found["sex: f"].estimates["accuracy"]
    assert (women.value, women.n, women.method) == (0.9, 20, "wilson")
    gap = found["sex: gap"].estimates["accuracy"]
    assert gap.value == pytest.approx(0.5)
    assert gap.reason == "left out, too few: x (1)"
    assert gap.p is not None
    assert gap.p < 0.01
    assert gap.null is not None
    assert 0.05 < gap.null < 0.25
    assert (gap.n, gap.low) == (40, None)


def test_groups_may_be_combined(tmp_path: Path, catalog: Catalog) -> None:
    found = rows(tmp_path, catalog, ["sex*band"])
    assert list(found)[:4] == ["sex*band: f, old", "sex*band: f, young", "sex*band: m, old", "sex*band: m, young"]
    assert sum(row.n or 0 for label, row in found.items() if "gap" not in label) == 41


def test_rows_of_a_group_compare_only_with_rows_of_that_group(tmp_path: Path, catalog: Catalog) -> None:
    found = rows(tmp_path, catalog, ["sex"])
    keys = {row.key for row in found.values()}
    assert len(keys) == 4


def test_what_is_kept_is_found_again(tmp_path: Path, catalog: Catalog) -> None:
    first = rows(tmp_path, catalog, ["sex"])
    assert rows(tmp_path, catalog, ["sex"]) == first


@pytest.mark.parametrize(
    ("column", "name", "told"),
    [
        (["f", None, "m"], "sex", "1 of 3 examples have no 'sex', first '1'; give them a value of their own"),
        (["f", "f", "m"], "race", "the data have no group column 'race'; they have sex"),
    ],
)
def test_a_missing_value_or_column_is_an_error_of_the_row(
    tmp_path: Path, catalog: Catalog, column: list[str | None], name: str, told: str
) -> None:
    records = Records.of({"id": ["0", "1", "2"], "correct": [True] * 3, "group.sex": column})
    (row,) = rows(tmp_path, catalog, [name], records).values()
    assert row.status is Status.INVALID
    assert told in row.reason
    with pytest.raises(InvalidOutput, match=r"no 'sex'|no group column 'race'"):
        Partition.of(records, name)


def test_one_group_alone_has_no_gap(tmp_path: Path, catalog: Catalog) -> None:
    records = Records.of({"id": ["0", "1"], "correct": [True, False], "group.sex": ["f", "f"]})
    gap = rows(tmp_path, catalog, ["sex"], records)["sex: gap"].estimates["accuracy"]
    assert gap.value is None
    assert gap.reason == "1 groups have 2 examples that count; a gap needs 2"


PLUGIN = '''
"""A metric that refuses parts of a set, and one that reads an array of the whole."""
import numpy as np
from harness.api import Component, Estimate, InvalidOutput, hookimpl, mean


@hookimpl
def harness_components():
    yield Component("metric", "whole_only", "refusing:WholeOnly", "x")
    yield Component("metric", "array", "refusing:OfArray", "x")


class WholeOnly:
    columns = ("correct",)
    direction = "max"
    unit = ""

    def estimate(self, records):
        if len(records) < 40:
            raise InvalidOutput("there is no reference group among them")
        return mean(records.floats("correct"))


class OfArray(WholeOnly):
    def estimate(self, records):
        return mean(records.artifact("logits").max(axis=1))
'''


def test_what_needs_the_whole_set_does_not_cost_the_groups_their_rows(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "refusing.py").write_text(PLUGIN, encoding="utf-8")
    run = run_suite(
        "suite: s\ntask: classify\ndata: {use: colored_digits, limit: 60}\n"
        "models: [{use: colored_digit_cnn, with: {epochs: 1}}]\n"
        "metrics: [accuracy, whole_only, array]\ngroups: [population]\n",
        tmp_path / "results",
        plugin_folders=[tmp_path / "plugins"],
    )
    assert [row.status for row in run.rows] == [Status.OK] * 4
    minority = next(row for row in run.rows if row.labels.get("group") == "population: minority")
    assert minority.estimates["accuracy"].value is not None
    assert minority.estimates["whole_only"].reason == "there is no reference group among them"
    assert minority.estimates["array"] == Estimate.not_applicable(
        "it is measured on the whole set only", n=minority.n or 0
    )
    assert np.isfinite(run.rows[0].estimates["array"].value or np.nan)


def test_what_is_outside_a_denominator_is_not_missing(tmp_path: Path) -> None:
    """The gap of a false positive rate rests on negatives only; the positives are not missing from it."""
    table = "y,p,g\n" + "".join(f"{i % 2},{int(i % 3 == 0)},{'ab'[i % 5 == 0]}\n" for i in range(60))
    (tmp_path / "t.csv").write_text(table, encoding="utf-8")
    run = run_suite(
        "suite: s\ntask: from_scores\n"
        "data: {use: csv_table, with: {path: t.csv, label: y, prediction: p, groups: [g]}}\n"
        "metrics: [{use: group_rate, with: {rate: fpr}}]\ngroups: [g]\n",
        tmp_path,
    )
    gap = next(row for row in run.rows if row.labels.get("group") == "g: gap").estimates["group_rate"]
    assert (gap.n, gap.n_missing) == (30, 0)
