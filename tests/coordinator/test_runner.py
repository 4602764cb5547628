"""Runs: what is missing is executed, what is finished is reused, what breaks is a row."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness import Run, open_run
from harness.api import Component, Context, Estimate, LabelledInputs, Records, Row, ScoreAccess, Threat, hookimpl
from harness.contract.rows import Status
from harness.testing import run_suite

SUITE = """
suite: broken
task: classify
chunk: 16
data: {use: digits, limit: 40}
models: [{use: digit_linear, with: {epochs: 2}}]
attacks: [none, {use: noise, with: {eps: 0.1}}]
metrics: [accuracy]
"""


class Misbehaving:
    """An attack that goes wrong in a chosen way.

    Args:
        how: the way.
    """

    def __init__(self, how: str) -> None:
        self.how = how
        self.threat = Threat("linf", 0.1)

    def perturb(self, model: ScoreAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        print("about to misbehave")
        if self.how == "raise":
            raise RuntimeError("plugin bug")
        if self.how == "exit":
            sys.exit(0)
        if self.how == "memory":
            raise MemoryError
        if self.how == "torch memory":
            raise torch.OutOfMemoryError("CUDA out of memory")
        if self.how == "shape":
            return batch.inputs[:, 0]
        if self.how == "nan":
            return batch.inputs * torch.nan
        if self.how == "budget":
            return (batch.inputs + 0.5).clamp(0, 1)
        return batch.inputs


class NanModel(nn.Module):
    """Returns NaN."""

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.full((len(inputs), 10), torch.nan)


class WrongShapeModel(nn.Module):
    """Returns one logit too many."""

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.zeros(len(inputs), 11)


class DivergingModel(nn.Module):
    """Its training gives NaN."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 10)

    def fit(self, data: Any, ctx: Context) -> None:
        self.linear.weight.data.fill_(torch.nan)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.linear(inputs.flatten(1))


class BadMetric:
    """Raises, or returns what is no estimate.

    Args:
        how: the way.
    """

    columns = ("correct",)
    direction = "max"
    unit = ""

    def __init__(self, how: str) -> None:
        self.how = how

    def estimate(self, records: Records) -> Any:
        if self.how == "raise":
            raise KeyError("no such column")
        if self.how == "float":
            return 0.5
        return Estimate(float("nan"), None, None, 0.95, "m", len(records))


class BadAggregate:
    """Raises."""

    def rows(self, cells: Any) -> list[Row]:
        raise RuntimeError("cannot add up")


class BadReporter:
    """Raises."""

    def report(self, rows: Any, folder: Path) -> list[Path]:
        raise RuntimeError("cannot draw")


def components() -> list[Component]:
    def of(kind: Any, name: str, target: str) -> Component:
        return Component(kind, name, f"misbehaving:{target}", target)

    return [
        of("attack", "misbehave", "Misbehaving"),
        of("model", "nan_model", "NanModel"),
        of("model", "wrong_shape_model", "WrongShapeModel"),
        Component("model", "diverging_model", "misbehaving:DivergingModel", "NaN.", trained_on="digits"),
        of("metric", "bad_metric", "BadMetric"),
        of("aggregate", "bad_aggregate", "BadAggregate"),
        of("reporter", "bad_reporter", "BadReporter"),
    ]


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("misbehaving")
    module.__spec__ = sys.modules[__name__].__spec__
    for name, value in globals().items():
        if isinstance(value, type):
            setattr(module, name, value)
    module.harness_components = hookimpl(components)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "misbehaving", module)
    return module


def go(results: Path, plugin: ModuleType, **changes: str) -> Run:
    text = SUITE
    for key, value in changes.items():
        lines = [line for line in text.splitlines() if not line.startswith(f"{key}:")]
        text = "\n".join([*lines, f"{key}: {value}"]) + "\n"
    return run_suite(text, results, plugins={"misbehaving": plugin})


@pytest.mark.parametrize(
    ("how", "status", "told"),
    [
        ("raise", Status.FAILED, "RuntimeError: plugin bug"),
        ("exit", Status.FAILED, "SystemExit: 0"),
        ("memory", Status.OOM, "MemoryError"),
        ("torch memory", Status.OOM, "OutOfMemoryError: CUDA out of memory"),
        ("shape", Status.INVALID, "returned shape"),
        ("nan", Status.INVALID, "adversarial outputs are not finite"),
        ("budget", Status.INVALID, "linf distance up to 0.5, declared linf ≤ 0.1"),
    ],
)
def test_a_broken_attack_is_a_row_and_the_others_go_on(
    tmp_path: Path, plugin: ModuleType, how: str, status: Status, told: str
) -> None:
    attacks = f"[none, {{use: misbehave, with: {{how: {how}}}}}, {{use: noise, with: {{eps: 0.1}}}}]"
    done = go(tmp_path, plugin, attacks=attacks)
    assert [row.status for row in done.rows] == [Status.OK, status, Status.OK]
    row = done.row(attack="misbehave")
    assert told in row.reason
    assert done.exit_code == 1
    assert "about to misbehave" in (done.folder.cell(row.cell) / "log.txt").read_text()
    assert told in (done.folder.path / "table.md").read_text()


def test_a_cell_that_is_not_ok_is_run_again(tmp_path: Path, plugin: ModuleType) -> None:
    attacks = "[none, {use: misbehave, with: {how: raise}}]"
    assert go(tmp_path, plugin, attacks=attacks).n_run == 2
    again = go(tmp_path, plugin, attacks=attacks)
    assert (again.n_run, again.n_reused) == (1, 1)


def test_records_of_an_invalid_cell_are_kept_but_give_no_number(tmp_path: Path, plugin: ModuleType) -> None:
    done = go(
        tmp_path, plugin, attacks="[{use: misbehave, with: {how: budget}}]", metrics="[accuracy, robust_accuracy]"
    )
    (row,) = done.rows
    assert all(estimate.value is None for estimate in row.estimates.values())
    assert len(done.records(row)) == len(done.records(row.cell)) == len(done.records(row.cell[-8:])) == 40
    assert "error" in done.records(row)["outcome"].tolist()


@pytest.mark.parametrize(
    ("model", "status", "told"),
    [
        ("nan_model", Status.INVALID, "40 of 40 clean outputs are not finite"),
        (
            "wrong_shape_model",
            Status.INVALID,
            "returned shape [40, 11] for 40 inputs; expected logits of shape [40, 10]",
        ),
        ("diverging_model", Status.INVALID, "training diverging_model gave weights that are not finite: linear.weight"),
    ],
)
def test_a_broken_model_is_a_row(tmp_path: Path, plugin: ModuleType, model: str, status: Status, told: str) -> None:
    done = go(tmp_path, plugin, models=f"[{model}, {{use: digit_linear, with: {{epochs: 2}}}}]", attacks="[none]")
    assert [row.status for row in done.rows] == [status, Status.OK]
    assert told in done.row(model=model).reason


@pytest.mark.parametrize(
    ("how", "status", "told"),
    [
        ("raise", Status.FAILED, "metric bad_metric: KeyError: 'no such column'"),
        ("float", Status.INVALID, "metric bad_metric: it returned a float, not an Estimate"),
        ("nan", Status.INVALID, "metric bad_metric: value is NaN; an undefined estimate is None with a reason"),
    ],
)
def test_a_broken_metric_costs_its_own_number_only(
    tmp_path: Path, plugin: ModuleType, how: str, status: Status, told: str
) -> None:
    done = go(tmp_path, plugin, metrics=f"[accuracy, {{use: bad_metric, with: {{how: {how}}}}}]", attacks="[none]")
    (row,) = done.rows
    assert row.status is status
    assert told in row.reason
    assert row.estimates["accuracy"].value is not None
    assert row.estimates["bad_metric"].value is None
    assert done.exit_code == 1


def test_a_broken_aggregate_is_a_row_and_a_broken_reporter_a_warning(tmp_path: Path, plugin: ModuleType) -> None:
    done = go(tmp_path, plugin, aggregates="[bad_aggregate]", reports="[bad_reporter]")
    assert [row.status for row in done.rows] == [Status.OK, Status.OK, Status.FAILED]
    assert "aggregate bad_aggregate: RuntimeError: cannot add up" in done.rows[-1].reason
    assert done.warnings == ("reporter bad_reporter: RuntimeError: cannot draw",)


def test_observers_cannot_fail_a_run(tmp_path: Path, plugin: ModuleType) -> None:
    seen: list[str] = []

    def harness_cell_end(run_id: str, row: Row) -> None:
        seen.append(row.labels["attack"])
        raise RuntimeError("observer bug")

    def harness_provenance() -> dict[str, str]:
        raise RuntimeError("no driver")

    plugin.harness_cell_end = hookimpl(harness_cell_end)  # type: ignore[attr-defined]
    plugin.harness_provenance = hookimpl(harness_provenance)  # type: ignore[attr-defined]
    done = go(tmp_path, plugin)
    assert seen == ["none", "noise"]
    assert done.exit_code == 0
    assert done.warnings == ("plugin misbehaving: harness_cell_end: RuntimeError: observer bug",) * 2
    about = json.loads((done.folder.path / "run.json").read_text())
    assert about["provenance"]["plugins"] == {"misbehaving": {"error": "RuntimeError: no driver"}}


# --- reuse ----------------------------------------------------------------------------------------------------


def test_a_second_run_does_nothing(tmp_path: Path, plugin: ModuleType) -> None:
    first, second = go(tmp_path, plugin), go(tmp_path, plugin)
    assert (first.n_run, second.n_run, second.n_reused) == (2, 0, 2)
    tables = [(run.folder.path / "table.json").read_bytes() for run in (first, second)]
    assert tables[0] == tables[1]


def test_a_new_metric_needs_no_model(tmp_path: Path, plugin: ModuleType) -> None:
    go(tmp_path, plugin)
    again = go(tmp_path, plugin, metrics="[accuracy, attack_success_rate]")
    assert again.n_run == 0
    assert again.row(attack="noise").estimates["attack_success_rate"].value is not None


@pytest.mark.parametrize("file", ["records.parquet", "result.json", "manifest.json"])
def test_a_damaged_cell_is_run_again(tmp_path: Path, plugin: ModuleType, file: str) -> None:
    before = go(tmp_path, plugin)
    victim = next((tmp_path / "store" / "cells").rglob(file))
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.unlink()  # the run folder has a hard link to the old bytes
    victim.write_bytes(data)
    after = go(tmp_path, plugin)
    assert (after.n_run, after.n_reused) == (1, 1)
    assert [row.estimates for row in after.rows] == [row.estimates for row in before.rows]


def test_cells_with_weights_that_are_no_longer_the_stored_ones_run_again(tmp_path: Path, plugin: ModuleType) -> None:
    go(tmp_path, plugin)
    (about,) = (tmp_path / "store" / "weights").rglob("about.json")
    content = json.loads(about.read_text())
    about.unlink()
    about.write_text(json.dumps({**content, "digest": "another"}), encoding="utf-8")
    assert go(tmp_path, plugin).n_run == 2


def test_weights_are_trained_once_and_shared(tmp_path: Path, plugin: ModuleType) -> None:
    go(tmp_path, plugin)
    weights = list((tmp_path / "store" / "weights").rglob("weights.safetensors"))
    assert len(weights) == 1
    before = weights[0].stat().st_mtime_ns
    assert go(tmp_path, plugin, seeds="[0]", attacks="[{use: noise, with: {eps: 0.2}}]").n_run == 1
    assert weights[0].stat().st_mtime_ns == before
    go(tmp_path, plugin, seeds="[1]")
    assert len(list((tmp_path / "store" / "weights").rglob("weights.safetensors"))) == 2


def test_a_fresh_and_a_cached_model_are_the_same_to_the_bit(tmp_path: Path, plugin: ModuleType) -> None:
    first = go(tmp_path, plugin)
    for cell in (tmp_path / "store" / "cells").iterdir():
        cell.rename(tmp_path / f"gone-{cell.name}")
    second = go(tmp_path, plugin)
    assert second.n_run == 2
    for row in first.rows:
        again = second.row(attack=row.labels["attack"])
        assert first.records(row).table.equals(second.records(again).table)


# --- what a run leaves behind ---------------------------------------------------------------------------------


def test_the_run_folder(tmp_path: Path, plugin: ModuleType) -> None:
    done = go(tmp_path, plugin)
    folder = done.folder.path
    tables = {"table.md", "table.csv", "table.json"}
    assert {path.name for path in folder.iterdir()} == {"run.json", "plan.json", "cells", *tables}
    about = json.loads((folder / "run.json").read_text())
    assert about["status"] == "finished"
    assert about["exit_code"] == 0
    assert about["statuses"] == {"ok": 2}
    facts = about["provenance"]
    for name in (
        "harness",
        "git",
        "argv",
        "python",
        "platform",
        "torch",
        "device",
        "threads",
        "batch_size",
        "packages",
    ):
        assert name in facts
    assert facts["packages"]["torch"].startswith(torch.__version__.partition("+")[0])
    for row in done.rows:
        files = {path.name for path in (folder / "cells" / row.cell).iterdir()}
        assert files - {"artifacts"} == {"result.json", "records.parquet", "log.txt", "manifest.json"}
    assert not any((tmp_path / "store" / "locks").iterdir())


def test_a_reused_cell_has_no_files_of_its_own(tmp_path: Path, plugin: ModuleType) -> None:
    first, second = go(tmp_path, plugin), go(tmp_path, plugin)
    files = [path for path in second.folder.path.rglob("*") if path.is_file()]
    names = {path.relative_to(second.folder.path).as_posix() for path in files}
    assert names == {"run.json", "plan.json", "reused.jsonl", "table.md", "table.csv", "table.json"}
    again = open_run(second.folder.path)
    assert [row.estimates for row in again.rows] == [row.estimates for row in first.rows]
    for row in first.rows:
        assert again.records(row.cell).table.equals(first.records(row).table)


def test_a_reused_cell_is_read_from_the_run_that_measured_it_where_the_store_lost_it(
    tmp_path: Path, plugin: ModuleType
) -> None:
    first, second = go(tmp_path, plugin), go(tmp_path, plugin)
    shutil.rmtree(tmp_path / "store" / "cells")
    assert [row.estimates for row in open_run(second.folder.path).rows] == [row.estimates for row in first.rows]
    shutil.rmtree(first.folder.path / "cells")
    gone = open_run(second.folder.path).rows
    assert {row.status for row in gone} == {Status.INVALID}
    assert all("its files are gone from the store" in row.reason for row in gone)


def test_interrupting_keeps_what_is_done(tmp_path: Path, plugin: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.execution.inline import InlineExecutor

    original = InlineExecutor.next
    calls = iter(range(9))

    def interrupted(self: InlineExecutor, timeout: float | None = None) -> Any:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return original(self, timeout)

    monkeypatch.setattr(InlineExecutor, "next", interrupted)
    done = go(tmp_path, plugin, attacks="[none, {use: noise, sweep: {eps: [0.1, 0.2]}}]")
    assert [row.status for row in done.rows] == [Status.OK, Status.INTERRUPTED, Status.INTERRUPTED]
    assert done.exit_code == 130
    assert list((tmp_path / "store" / "staging").iterdir()) == []
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "misbehaving", plugin)
    again = go(tmp_path, plugin, attacks="[none, {use: noise, sweep: {eps: [0.1, 0.2]}}]")
    assert (again.n_run, again.n_reused, again.exit_code) == (2, 1, 0)


def test_skipped_cells_do_not_spoil_the_exit_code(tmp_path: Path, plugin: ModuleType) -> None:
    def harness_incompatible(cell: Any) -> str | None:
        return "not today" if cell.labels["attack"] == "noise" else None

    plugin.harness_incompatible = hookimpl(harness_incompatible)  # type: ignore[attr-defined]
    done = go(tmp_path, plugin)
    assert [row.status for row in done.rows] == [Status.OK, Status.SKIPPED]
    assert done.exit_code == 0


def test_a_run_in_which_nothing_is_ok_is_not_fine(tmp_path: Path, plugin: ModuleType) -> None:
    plugin.harness_incompatible = hookimpl(lambda cell: "not today")  # type: ignore[attr-defined]
    assert go(tmp_path, plugin).exit_code == 1


def test_reversed_cells_have_the_same_records(tmp_path: Path, plugin: ModuleType) -> None:
    library = "{use: torchattacks, with: {attack: PGD, eps: 0.1, steps: 3}}"
    attacks = f"[none, {{use: noise, with: {{eps: 0.1}}}}, {{use: pgd, with: {{eps: 0.1, steps: 3}}}}, {library}]"
    forwards = go(tmp_path / "a", plugin, attacks=attacks)
    plugin.harness_modify_cells = hookimpl(lambda cells: cells.reverse())  # type: ignore[attr-defined]
    backwards = go(tmp_path / "b", plugin, attacks=attacks)
    assert [row.cell for row in forwards.rows] == [row.cell for row in backwards.rows][::-1]
    for row in forwards.rows:
        other = backwards.row(attack=row.labels["attack"])
        assert forwards.records(row).table.equals(backwards.records(other).table)


def test_comparability_keys(tmp_path: Path, plugin: ModuleType) -> None:
    def key(**changes: str) -> str:
        return go(tmp_path, plugin, **changes).rows[-1].key

    plain = key()
    assert key(models="[{use: digit_mlp, with: {epochs: 2}}]") == plain, "the model is no part of it"
    assert key(seeds="[5]") == plain, "the seed is no part of it"
    differing = [
        key(attacks="[{use: noise, with: {eps: 0.2}}]"),
        key(attacks="[{use: noise, with: {eps: 0.1, norm: l2}}]"),
        key(data="{use: digits, limit: 39}"),
        key(data="{use: digits, with: {split: validation}, limit: 40}"),
    ]
    assert len({plain, *differing}) == 5
    assert key(attacks="[{use: fgsm, with: {eps: 0.1}}]") == plain, (
        "another attack under the same threat may be compared"
    )


def test_data_changes_without_a_new_name(tmp_path: Path, plugin: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparability key follows the content of the data, not its name."""
    before = go(tmp_path / "a", plugin).rows[0].key
    from sklearn import datasets

    original = datasets.load_digits

    def altered() -> Any:
        raw = original()
        raw.target = np.roll(raw.target, 1)
        return raw

    monkeypatch.setattr(datasets, "load_digits", altered)
    assert go(tmp_path / "b", plugin).rows[0].key != before


def test_files_of_a_run_that_were_damaged_give_no_number(tmp_path: Path, plugin: ModuleType) -> None:
    done = go(tmp_path, plugin)
    (path,) = (done.folder.cell(row.cell) / "records.parquet" for row in done.rows if row.labels["attack"] == "noise")
    content = bytearray(path.read_bytes())
    content[50] ^= 1
    path.unlink()
    path.write_bytes(bytes(content))
    again = open_run(done.folder.path, tmp_path)
    assert [row.status for row in again.rows] == [Status.OK, Status.INVALID]
    assert again.row(attack="noise").reason == "its files were damaged after the run"
