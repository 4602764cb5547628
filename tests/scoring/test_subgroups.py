"""Subgroups of every task: who belongs to which, a row per group, and the gap that is tested."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.api import Estimate, InvalidOutput, Partition, Records
from harness.contract.cells import Use
from harness.contract.rows import MeasuredCell, Row, Status
from harness.plugins import Catalog
from harness.scoring.in_process import InThisProcess
from harness.scoring.plugin_calls import Scoring
from harness.scoring.subgroups import group_rows
from harness.store.store import Store
from harness.testing import run_suite
from harness_fairness.metrics.transcripts import WerGap

CORRECT = [True] * 18 + [False] * 2 + [True] * 8 + [False] * 12 + [True]
SEX = ["f"] * 20 + ["m"] * 20 + ["x"]
BAND = ["old", "young"] * 20 + ["old"]
RECORDS = Records.of({"id": [str(i) for i in range(41)], "correct": CORRECT, "group.sex": SEX, "group.band": BAND})


def scoring(catalog: Catalog, folder: Path) -> Scoring:
    return Scoring(catalog, Store(folder), InThisProcess(catalog))


def rows(tmp_path: Path, catalog: Catalog, groups: list[str], records: Records = RECORDS) -> dict[str, Row]:
    whole = Row("e", {"model": "m"}, 0, Status.OK, n=len(records), comparability={"task": {"name": "t"}})
    cell = MeasuredCell(whole, "digest", lambda: records)
    accuracy = Use("metric", "harness/accuracy", "accuracy", 1, {})
    found = group_rows(cell, groups, [accuracy], scoring(catalog, tmp_path))
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
    assert gap.n == 40
    assert gap.low is not None
    assert gap.high is not None
    assert 0.1 < gap.low < 0.5 < gap.high < 0.8


def test_a_group_called_gap_is_not_the_gap(tmp_path: Path, catalog: Catalog) -> None:
    names = ["gap", '"gap"', "a: gap", "gaps"] * 10
    some = Records.of({"id": [str(i) for i in range(40)], "correct": CORRECT[:40], "group.g": names})
    found = rows(tmp_path, catalog, ["g"], some)
    assert list(found) == ['g: """gap"""', 'g: "a: gap"', 'g: "gap"', "g: gaps", "g: gap"]
    assert [row.n for row in found.values()] == [10, 10, 10, 10, 40]


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
"""Metrics that parts of a set may lack, or break."""
from harness.api import Component, InvalidOutput, hookimpl, mean


@hookimpl
def harness_components():
    for name in ("refusing", "array", "raising"):
        yield Component("metric", name, f"parts:{name.title()}", "x")


class Refusing:
    columns = ("correct",)
    direction = "max"
    unit = ""

    def estimate(self, records):
        if len(records) < 40:
            raise InvalidOutput("there is no reference group among them")
        return mean(records.floats("correct"))


class Array(Refusing):
    def estimate(self, records):
        return mean([0.0] if len(records) == 60 else records.artifact("of the whole set"))


class Raising(Refusing):
    def estimate(self, records):
        return mean([1 / (len(records) - 12), 0.0])
'''


def test_what_a_part_lacks_or_breaks_costs_no_other_number(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "parts.py").write_text(PLUGIN, encoding="utf-8")
    run = run_suite(
        table_of(tmp_path, "metrics: [accuracy, refusing, array, raising]\ngroups: [g]\n"),
        tmp_path,
        plugin_folders=[tmp_path / "plugins"],
    )
    assert [row.status for row in run.rows] == [Status.OK, Status.FAILED, Status.OK, Status.OK]
    whole, few, _, gap = run.rows
    assert few.estimates["accuracy"].n == 12
    assert few.estimates["accuracy"].value is not None
    assert few.estimates["refusing"].reason == "there is no reference group among them"
    assert few.estimates["array"] == Estimate.not_applicable("it is measured on the whole set only", n=12)
    assert few.reason == "metric raising: ZeroDivisionError: division by zero"
    assert gap.estimates["accuracy"].p is not None
    assert whole.estimates["raising"].value is not None


def table_of(folder: Path, rest: str) -> str:
    """A suite that audits 60 labels and predictions of two groups, a with 12 rows and b with 48."""
    table = "y,p,g\n" + "".join(f"{i % 2},{int(i % 3 == 0)},{'ba'[i % 5 == 0]}\n" for i in range(60))
    (folder / "t.csv").write_text(table, encoding="utf-8")
    data = "{use: csv_table, with: {path: t.csv, label: y, prediction: p, groups: [g]}}"
    return f"suite: s\ntask: from_scores\ndata: {data}\n{rest}"


def test_arrays_are_cut_like_the_records(tmp_path: Path, catalog: Catalog) -> None:
    """Brier's score of a group is that of its rows of the logits, and has a gap."""
    logits, labels = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 3
    (tmp_path / "artifacts").mkdir()
    np.save(tmp_path / "artifacts" / "logits.npy", logits)
    sex = np.where(np.arange(60) % 4 == 0, "f", "m")
    columns = {"id": [str(i) for i in range(60)], "label": labels, "group.sex": sex}
    records = replace(Records.of(columns), folder=tmp_path)
    cell = MeasuredCell(Row("e", {}, 0, Status.OK, n=60), "digest", lambda: records, tmp_path)
    brier = Use("metric", "multiclass_brier", "brier", 1, {})
    found = {row.labels["group"]: row for row in group_rows(cell, ["sex"], [brier], scoring(catalog, tmp_path / "s"))}
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    scores = ((shares - np.eye(3)[labels]) ** 2).sum(axis=1)
    means = [scores[sex == "f"].mean(), scores[sex == "m"].mean()]
    assert found["sex: f"].estimates["brier"].value == pytest.approx(means[0])
    assert found["sex: m"].estimates["brier"].value == pytest.approx(means[1])
    assert found["sex: gap"].estimates["brier"].value == pytest.approx(abs(means[0] - means[1]))
    np.save(tmp_path / "artifacts" / "logits.npy", 2 * logits)
    (again, *_) = group_rows(cell, ["sex"], [brier], scoring(catalog, tmp_path / "s"))
    assert again.estimates["brier"].value != pytest.approx(means[0]), "other arrays, yet kept numbers were found"


def test_one_quantity_has_one_gap(tmp_path: Path) -> None:
    """The gap row and the metric of the same gap: same value, interval and p."""
    run = run_suite(
        table_of(
            tmp_path,
            "metrics: [{use: group_rate, with: {rate: fpr}}, {use: subgroup_error_gap, with: {group: g, rate: fpr}}]\n"
            "groups: [g]\n",
        ),
        tmp_path,
    )
    by_metric = run.rows[0].estimates["subgroup_error_gap"]
    by_row = run.rows[-1].estimates["group_rate"]
    assert by_row == replace(by_metric, n_missing=by_row.n_missing)
    assert by_row.low is not None
    assert (by_row.low > 0) == ((by_row.p or 0) <= 0.05)


def test_metrics_of_groups_are_not_repeated_within_groups(tmp_path: Path) -> None:
    run = run_suite(
        table_of(tmp_path, "metrics: [accuracy, {use: subgroup_error_gap, with: {group: g}}]\ngroups: [g]\n"), tmp_path
    )
    assert run.rows[0].estimates["subgroup_error_gap"].applies
    for row in run.rows[1:]:
        assert not row.estimates["subgroup_error_gap"].applies
        assert row.estimates["accuracy"].value is not None


def test_speakers_are_permuted_in_the_gap_row_too(tmp_path: Path, catalog: Catalog) -> None:
    rng = np.random.default_rng(0)
    speaker, words = np.repeat(np.arange(8), 10), np.full(80, 12.0)
    errors = rng.binomial(12, np.repeat(rng.beta(2, 8, 8), 10)).astype(float)
    columns = {"id": [str(i) for i in range(80)], "errors": errors, "words": words, "speaker": speaker.astype(str)}
    records = Records.of({**columns, "group.sex": np.where(speaker < 4, "f", "m")})
    cell = MeasuredCell(Row("e", {}, 0, Status.OK, n=80), "digest", lambda: records)
    metrics = [Use("metric", "wer", "wer", 1, {}), Use("metric", "wer", "by", 1, {"speaker": "none"})]
    *_, gap = group_rows(cell, ["sex"], metrics, scoring(catalog, tmp_path))
    assert replace(gap.estimates["wer"], n_missing=0) == WerGap("sex").estimate(records)
    alone = gap.estimates["by"]
    assert alone.p is not None
    assert gap.estimates["wer"].p is not None
    assert alone.p < gap.estimates["wer"].p, "utterances of a speaker are taken for independent"


def test_identities_of_a_match_rate_are_permuted(tmp_path: Path, catalog: Catalog) -> None:
    who = np.repeat(np.arange(10), 20)
    wrong = np.isin(who, [0, 1]) & (np.arange(200) % 2 == 0)
    columns = {"id": [str(i) for i in range(200)], "genuine": np.zeros(200, dtype=int), "score": wrong * 1.0}
    records = Records.of({**columns, "who": who.astype(str), "group.sex": np.where(who < 5, "f", "m")}, threshold=0.5)
    cell = MeasuredCell(Row("e", {}, 0, Status.OK, n=200), "digest", lambda: records)
    metrics = [Use("metric", "fmr", n, 1, w) for n, w in (("rows", {}), ("who", {"clusters": "who"}))]
    *_, gap = group_rows(cell, ["sex"], metrics, scoring(catalog, tmp_path))
    assert gap.estimates["rows"].p is not None
    assert gap.estimates["who"].p is not None
    assert gap.estimates["rows"].p < 0.01
    assert gap.estimates["who"].p > 0.1
    assert gap.estimates["who"].method.endswith("permutations of clusters by who")


def test_pairs_of_two_identities_have_a_gap_without_a_test(tmp_path: Path, catalog: Catalog) -> None:
    columns = {"id": list("abcd"), "genuine": [0] * 4, "score": [1.0, 0.0, 0.0, 0.0], "group.sex": list("ffmm")}
    records = Records.of({**columns, "one": list("uuxx"), "two": list("vwyz")}, threshold=0.5)
    cell = MeasuredCell(Row("e", {}, 0, Status.OK, n=4), "digest", lambda: records)
    metric = Use("metric", "fmr", "fmr", 1, {"clusters": ["one", "two"]})
    *_, gap = group_rows(cell, ["sex"], [metric], scoring(catalog, tmp_path))
    found = gap.estimates["fmr"]
    assert (found.value, found.low, found.p) == (0.5, None, None)
    assert "each record belongs to several clusters (one, two)" in found.reason


def test_a_gap_of_perplexities_has_their_units(tmp_path: Path, catalog: Catalog) -> None:
    rng, n = np.random.default_rng(0), 60
    group = np.where(np.arange(n) % 2 == 0, "f", "m")
    nll = rng.gamma(30.0, size=n) * np.where(group == "f", 1.0, 1.3)
    columns = {"id": [str(i) for i in range(n)], "nll": nll, "tokens": np.full(n, 15), "group.sex": group}
    records = Records.of({**columns, "tokenizer": ["x"] * n})
    cell = MeasuredCell(Row("e", {}, 0, Status.OK, n=n), "digest", lambda: records)
    use = Use("metric", "perplexity", "perplexity", 1, {})
    *parts, gap_row = group_rows(cell, ["sex"], [use], scoring(catalog, tmp_path))
    gap = gap_row.estimates["perplexity"]
    values = [part.estimates["perplexity"].value or 0.0 for part in parts]
    assert gap.value == pytest.approx(max(values) - min(values))
    assert gap.null is None
    assert gap.p is not None
    assert gap.p < 0.01
    assert gap.low is not None
    assert gap.high is not None
    assert 0 < gap.low < (gap.value or 0) < gap.high
    assert gap.method.endswith("mean slope")


def test_a_row_without_any_number_is_skipped(tmp_path: Path) -> None:
    run = run_suite(
        table_of(
            tmp_path,
            "metrics: [wer, {use: group_difference, with: {group: g, member: a, reference: b}}]\ngroups: [g]\n",
        ),
        tmp_path,
    )
    assert [row.status for row in run.rows] == [Status.OK, *[Status.SKIPPED] * 3]
    assert run.rows[1].reason.startswith("no metric applies: ")
    assert "group_difference: it compares groups itself: see the row of all examples" in run.rows[1].reason


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
