"""A run made at commit 5cef6ad, before its components moved to other packages, is read by every command."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from harness import Run, open_run
from harness.cli import main
from harness.contract.rows import Row, Status
from harness.results.table import table_json
from harness.store.schema import SCHEMA
from harness.testing import run_suite

FIXTURE = Path(__file__).parent / "fixtures" / "run_5cef6ad"
SUITE = "before_layout"
NUMBERS = {
    ("linear", "none", "", "accuracy"): (0.875, 0.7389, 0.9454),
    ("linear", "fgsm", "", "accuracy"): (0.875, 0.7389, 0.9454),
    ("linear", "fgsm", "", "robust_accuracy"): (0.65, 0.4951, 0.7787),
    ("linear", "worst case", "worst_case", "robust_accuracy"): (0.65, 0.4951, 0.7787),
    ("gaussian", "", "", "fid_proxy"): (0.9148, 0.6993, 1.1303),
    ("gaussian", "", "", "recall"): (0.8167, 0.6281, 0.9216),
    ("uniform", "none", "", "bits_per_byte"): (8.0, 8.0, 8.0),
    ("uniform", "typos", "", "bits_per_byte"): (8.0, 8.0, 8.0),
}
"""By model, attack, aggregate and metric: the value and its interval, as the old code printed them."""
KEYS = ["20eb81ac", "1edfcb7d", "cf4fed24", "ff91b511", "b3cb6902", "b3cb6902"]
"""Comparability keys in the order of the table."""

Call = Callable[..., str]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder with the old run, but without the store that it was made with."""
    shutil.copytree(FIXTURE, tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def folder(results: Path) -> Path:
    (folder,) = (results / SUITE).iterdir()
    return folder


@pytest.fixture
def call(results: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command on the results folder and return what it prints."""

    def run(*arguments: str, code: int = 0) -> str:
        assert main([*arguments, "--results", str(results)]) == code
        said = capsys.readouterr()
        return said.out if code == 0 else said.err

    return run


def numbers_of(rows: list[Row]) -> dict[tuple[str, ...], tuple[float | None, ...]]:
    return {
        (row.labels["model"], row.labels.get("attack", ""), row.derived, metric): (e.value, e.low, e.high)
        for row in rows
        for metric, e in row.estimates.items()
        if e.applies
    }


def assert_numbers(rows: list[Row]) -> None:
    numbers = numbers_of(rows)
    assert set(numbers) == set(NUMBERS)
    for name, expected in NUMBERS.items():
        assert numbers[name] == pytest.approx(expected, abs=1e-4), name


def test_the_run_is_opened_with_its_rows_and_records(folder: Path, results: Path) -> None:
    run = open_run(SUITE, results)
    assert_numbers(list(run.rows))
    assert [row.key[:8] for row in run.rows] == KEYS
    assert {row.status for row in run.rows} == {Status.OK}
    assert run.exit_code == 0
    assert [judged.verdict for judged in run.expectations()] == ["passed"]
    records = run.records(run.row(model="linear", attack="none"))
    assert (len(records), int(records["correct"].sum())) == (40, 35)


def test_table(call: Call, folder: Path) -> None:
    before = {name: (folder / name).read_text(encoding="utf-8") for name in ("table.md", "table.csv")}
    rows = table_json(folder / "table.json")
    for name in (*before, "table.json"):
        (folder / name).unlink()
    said = call("table", SUITE)
    assert "0.875 [0.739, 0.945]  0.650 [0.495, 0.779]" in said
    assert "passed: accuracy ≥ 0.5 where attack none" in said
    again = table_json(folder / "table.json")
    assert_numbers(again)
    assert [row.key for row in again] == [row.key for row in rows]
    # Tables say since 1.1 which weights were trained, which the old run had recorded.
    told, note = (folder / "table.md").read_text(encoding="utf-8"), "- weights trained here, which differ"
    assert f"{note} between machines: linear 37e642ab" in told
    kept = re.sub(rf"(?m)\n?\n^{note}.*$", "", told)
    # The headline stands first in tables that are made today.
    head, _, rest = kept.partition("## Headline\n")
    assert "has robust accuracy 0.650 [0.495, 0.779]" in rest
    kept = head + rest[rest.index("## attacked\n") :]
    assert kept == before["table.md"]


def test_report(call: Call, folder: Path) -> None:
    call("report", SUITE)
    page = (folder / "report.html").read_text(encoding="utf-8")
    for text in (">0.875<", ">0.650<", ">0.9148<", ">0.817<", *KEYS):
        assert text in page


def test_history(call: Call, tmp_path: Path) -> None:
    call("history", SUITE, "--json", str(tmp_path / "series.json"))
    series = json.loads((tmp_path / "series.json").read_text(encoding="utf-8"))["series"]
    values = {(one["key"][:8], one["metric"]): one["points"][0]["value"] for one in series}
    assert values["1edfcb7d", "robust_accuracy"] == pytest.approx(0.65)
    assert values["ff91b511", "recall"] == pytest.approx(0.8167, abs=1e-4)


def test_leaderboard(call: Call, results: Path) -> None:
    listed = call("leaderboard", str(results))
    assert all(key in listed for key in KEYS)
    assert "linear   0.875 [0.739, 0.945]" in call("leaderboard", str(results), "--protocol", KEYS[0])


def test_score(call: Call, folder: Path) -> None:
    call("score", SUITE, "--metrics", "attack_success_rate")
    rows = {row.labels.get("attack"): row for row in table_json(folder / "score.json")}
    # Of 35 examples classified correctly, 9 are not under attack: .65 = 26 / 40.
    assert rows["fgsm"].estimates["attack_success_rate"].value == pytest.approx(9 / 35)
    assert rows["fgsm"].estimates["attack_success_rate"].n == 35


def test_explain(call: Call) -> None:
    said = call("explain", SUITE, "linear.fgsm")
    assert "attack  fgsm      harness_adversarial/fgsm     eps 0.1, targeted false" in said
    assert "ran: no earlier run of this suite has measured it" in said


# --- beside a run made today ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A results folder with the old run and one made today of the same suite."""
    results = tmp_path_factory.mktemp("both") / "results"
    shutil.copytree(FIXTURE, results)
    return results, run_suite(FIXTURE.with_suffix(".yaml"), results)


def test_rows_made_today_have_the_same_comparability(both: tuple[Path, Run]) -> None:
    def comparability(row: Row) -> Any:
        raw = json.loads(json.dumps(row.comparability))
        # The digests of features that are fitted follow the last bits of the machine.
        features = raw.get("protocol", {}).get("features")
        return raw if features is None else {**raw, "protocol": {**raw["protocol"], "features": list(features)}}

    results, today = both
    old = open_run(min((results / SUITE).iterdir()), results)
    assert [comparability(row) for row in today.rows] == [comparability(row) for row in old.rows]
    same = [row.key[:8] for row in today.rows if row.experiment != "sampled"]
    assert same == [key for key in KEYS if key != "ff91b511"]
    assert [row.cell for row in today.rows] == [row.cell for row in old.rows]


def test_every_row_is_compared(both: tuple[Path, Run], tmp_path: Path) -> None:
    results, today = both
    old = min((results / SUITE).iterdir())
    output = tmp_path / "comparison.json"
    options = ["--allow", "features", "--results", str(results), "--output", str(output)]
    assert main(["compare", str(old), str(today.folder.path), *options]) == 0
    comparison = json.loads(output.read_text(encoding="utf-8"))
    assert len(comparison["compared"]) == len(NUMBERS)
    # What was fitted once on either side is not tested where the fit differs between the two machines.
    anew = sum(each["trained_anew"] for each in comparison["compared"])
    assert comparison["tests"] == len(NUMBERS) - anew
    assert comparison["counts"]["not comparable"] == 0
    values = {row["metric"]: row["a"]["value"] for row in comparison["compared"]}
    assert values["robust_accuracy"] == pytest.approx(0.65)


def test_what_changed_since_the_old_run_is_explained(
    both: tuple[Path, Run], capsys: pytest.CaptureFixture[str]
) -> None:
    results, today = both
    assert main(["explain", str(today.folder.path), "linear.fgsm", "--results", str(results)]) == 0
    said = capsys.readouterr().out
    assert f"what its records depend on has changed since run {min((results / SUITE).iterdir()).name}" in said
    assert "code." in said


# --- a run that a newer version made --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["run.json", "plan.json", "result.json"])
@pytest.mark.parametrize("command", ["table", "report", "score", "compare", "explain", "leaderboard"])
def test_a_newer_run_is_refused(call: Call, folder: Path, name: str, command: str) -> None:
    paths = [folder / name] if (folder / name).is_file() else list(folder.glob(f"cells/*/{name}"))
    for path in paths:
        path.write_text(json.dumps({**json.loads(path.read_bytes()), "schema": SCHEMA + 1}), encoding="utf-8")
        (path.parent / "manifest.json").unlink(missing_ok=True)
    rest = {
        "score": ["--metrics", "accuracy"],
        "compare": [str(folder / "table.json")],
        "explain": ["linear.fgsm"],
        "leaderboard": ["--protocol", KEYS[0]],
    }
    said = call(command, str(folder), *rest.get(command, []), code=2)
    assert f"{name} was written by another version of harness: its schema is {SCHEMA + 1}" in said
    assert "update harness" in said


def test_history_leaves_a_newer_run_out(call: Call, folder: Path) -> None:
    about = json.loads((folder / "run.json").read_bytes())
    (folder / "run.json").write_text(json.dumps({**about, "schema": SCHEMA + 1}), encoding="utf-8")
    said = call("history", SUITE, code=2)
    assert f"{folder.name} is left out: " in said
    assert "update harness" in said


def test_newer_records_give_no_number(call: Call, folder: Path) -> None:
    for path in folder.glob("cells/*/records.parquet"):
        newer = pq.read_table(path).replace_schema_metadata({b"harness.schema": str(SCHEMA + 1)})
        pq.write_table(newer, path)
        manifest = path.parent / "manifest.json"
        held = json.loads(manifest.read_text(encoding="utf-8"))
        held["files"]["records.parquet"] = hashlib.sha256(path.read_bytes()).hexdigest()
        manifest.write_text(json.dumps(held), encoding="utf-8")
    call("table", SUITE)
    rows = [row for row in table_json(folder / "table.json") if row.cell]
    assert {row.status for row in rows} == {Status.FAILED}
    assert all("records.parquet was written by another version of harness" in row.reason for row in rows)
