"""One cell: what it leaves behind, what becomes of what plugins do, and what the digest of its data holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from execution.cells import cell, use
from harness.contract.data import Examples
from harness.contract.errors import StoreError
from harness.contract.rows import Status
from harness.contract.texts import Texts
from harness.execution.build import Builder
from harness.execution.cell import execute
from harness.execution.data_digest import data_facts
from harness.plugins import Catalog
from harness.signatures import SignatureReader
from harness.store.cell_result import CellResult


@pytest.fixture
def run(builder: Builder, signatures: SignatureReader, tmp_path: Path) -> Any:
    """Execute a cell in an empty folder `cell-1`, `cell-2`, ..."""
    count = 0

    def call(how: str = "", *, debug: bool = False, **parts: Any) -> CellResult:
        nonlocal count
        count += 1
        folder = tmp_path / f"cell-{count}"
        folder.mkdir()
        return execute(cell(how, **parts), folder, builder, signatures, debug=debug)

    return call


# --- the digest of the data -----------------------------------------------------------------------------------


def test_texts_in_one_block_have_the_digest_of_a_list() -> None:
    """So that results before and after stand side by side."""
    words = [f'{"é" if i % 2 else "a"}"{i}' for i in range(600)]
    codes = np.arange(600, dtype=np.int32) % 2
    columns = {"x": np.arange(600), "said": words}
    lists = Examples(words, columns, {"g": [["m", "f"][code] for code in codes]})
    blocks = Examples(
        Texts(pa.chunked_array([words])),
        {**columns, "said": Texts.coded(np.arange(600, dtype=np.int32), words)},
        {"g": Texts.coded(codes, ["m", "f"])},
    )
    assert data_facts(blocks) == data_facts(lists)


def digests(run: Any, **data: Any) -> dict[str, Any]:
    found: dict[str, Any] = run(**data).comparability["data"]
    return found


def test_equal_data_have_equal_digests_under_any_seed(run: Any) -> None:
    plain = digests(run)
    assert plain["n"] == 4
    assert digests(run, seed=5) == plain
    assert digests(run, groups="aabb") == digests(run, groups="aabb", seed=1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"groups": "aabb"}),
        ({"groups": "aabb"}, {"groups": "abab"}),
        ({"groups": "sex:aabb"}, {"groups": "age:aabb"}),
        ({}, {"add": 1e-9}),
        ({}, {"column": "value"}),
        ({}, {"fact": "another"}),
    ],
    ids=["a group column", "its members", "its name", "content", "a column's name", "facts"],
)
def test_what_changes_the_digest_and_not_the_ids(run: Any, one: dict[str, Any], other: dict[str, Any]) -> None:
    """Rows over other groups are not comparable, although their examples have the same ids."""
    first, second = digests(run, **one), digests(run, **other)
    assert first["digest"] != second["digest"]
    assert (first["ids"], first["n"]) == (second["ids"], second["n"])


def test_other_ids_are_told(run: Any) -> None:
    first, second = digests(run, add=10.0), digests(run, split="train")
    assert first["digest"] == second["digest"]
    assert first["ids"] != second["ids"]


def test_data_are_digested_in_pieces_that_do_not_show(run: Any) -> None:
    """300 examples are taken in two pieces; one that differs in the second is noticed."""
    whole = digests(run, n=300)
    assert whole["digest"] != digests(run, n=300, last=1.0)["digest"]
    assert whole["n"] == 300


# --- what a cell leaves behind --------------------------------------------------------------------------------


def test_records_by_hand(run: Any, tmp_path: Path) -> None:
    result = run(n=2)
    assert (result.status, result.reason, result.n, result.traceback) == (Status.OK, "", 2, "")
    assert (result.device, result.batch_size) == ("cpu", 32)
    table = pq.read_table(tmp_path / "cell-1" / "records.parquet")
    assert table.column("id").to_pylist() == ["test-0", "test-1"]
    values = table.column("value").to_pylist()
    assert [int(value) for value in values] == [0, 1]
    assert {path.name for path in (tmp_path / "cell-1").iterdir()} == {"records.parquet"}
    # Draws belong to the example and the seed.
    run(n=1)
    run(n=2, seed=1)
    again, other = (
        pq.read_table(tmp_path / f"cell-{i}" / "records.parquet").column("value").to_pylist() for i in (2, 3)
    )
    assert again == values[:1]
    assert other != values


def test_artifacts_are_arrays_or_bytes(run: Any, tmp_path: Path) -> None:
    assert run("artifacts").status is Status.OK
    folder = tmp_path / "cell-1" / "artifacts"
    assert np.load(folder / "grid.npy").tolist() == [0, 1, 2]
    assert (folder / "note.txt").read_bytes() == b"hello"


def test_the_scratch_folder_goes(run: Any, tmp_path: Path) -> None:
    assert run("scratch").status is Status.OK
    assert not (tmp_path / "cell-1" / "scratch").exists()


def test_cost_is_kept_as_plain_numbers(run: Any) -> None:
    assert run("cost").cost == {"effort": 1.5}


def test_comparability_holds_task_data_and_protocol_and_not_the_model(run: Any) -> None:
    found = run(model=use("model", "drawn", facts="published"))
    assert set(found.comparability) == {"task", "data", "protocol"}
    assert found.comparability["task"]["name"] == "acting/act"
    assert found.comparability == run().comparability
    assert found.facts["model"] == {"said": "published"}
    assert set(found.facts) == {"model", "cost"}


def test_the_task_may_ask_what_was_used_for_training(run: Any) -> None:
    fitted = use("model", "fitted", to="train", trained_on=use("dataset", "numbers", n=2))
    found = run("fitted to", model=fitted)
    assert found.protocol == {"fitted to": {"model fitted": ["train-0", "train-1"]}}
    assert [sorted(weights) for weights in found.weights] == [["digest", "joules", "key", "peak_memory", "seconds"]]
    assert run("fitted to").protocol == {"fitted to": {}}


def test_progress_reaches_the_coordinator(run: Any, progress: list[tuple[str, int, int]]) -> None:
    run()
    assert progress == [("", 1, 2)]


# --- what goes wrong is a status with a reason ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("raise", Status.FAILED, "ValueError: a bug of the plugin"),
        ("memory", Status.OOM, "MemoryError"),
        ("invalid", Status.INVALID, "broke a rule"),
        ("not applicable", Status.SKIPPED, "does not fit"),
        ("no outcome", Status.INVALID, "task acting/act returned a dict, not an Outcome"),
        ("bad cost", Status.INVALID, "cost 'effort' is inf, not a finite number"),
        ("bad artifact", Status.INVALID, "artifact name '../grid' is not a plain file name"),
    ],
)
def test_what_a_task_does_wrong(run: Any, how: str, status: Status, reason: str) -> None:
    result = run(how)
    assert (result.status, result.reason) == (status, reason)
    assert (result.n, result.comparability) == (None, {})
    assert "Traceback" in result.traceback
    assert (result.device, result.batch_size) == ("cpu", 32)


def test_nan_in_a_record_is_invalid(run: Any) -> None:
    result = run("nan")
    assert result.status is Status.INVALID
    assert "value" in result.reason


def test_problems_outweigh_doubts(run: Any) -> None:
    result = run("problem")
    assert (result.status, result.reason, result.n) == (Status.INVALID, "one; two", 4)
    result = run("doubt")
    assert (result.status, result.reason, result.n) == (Status.SUSPECT, "three: it; four: it", 4)


def test_what_is_known_only_of_the_made_model_skips_the_cell(run: Any) -> None:
    result = run(model=use("model", "drawn"), attack=use("attack", "asking"))
    assert (result.status, result.reason) == (
        Status.SKIPPED,
        "asking needs model drawn to be Gifted; it has no gift",
    )


def test_facts_that_json_cannot_say_are_refused(run: Any) -> None:
    result = run(model=use("model", "drawn", facts="nan"))
    assert result.status is Status.INVALID
    assert result.reason.startswith("the facts of the model cannot be written as JSON")


def test_a_debugger_sees_the_exception(run: Any) -> None:
    with pytest.raises(ValueError, match="a bug of"):
        run("raise", debug=True)


def test_what_was_built_is_dropped_after_a_failure_only(
    run: Any, builder: Builder, acting: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = use("model", "drawn")
    run(model=model)
    before = builder.build(model, 0)[0]
    run(model=model)
    assert builder.build(model, 0)[0] is before
    run("raise", model=model)
    assert builder.build(model, 0)[0] is not before


def test_a_folder_that_cannot_be_written_ends_the_run(
    builder: Builder, signatures: SignatureReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    folder = tmp_path / "cell"
    folder.mkdir()
    with pytest.raises(StoreError, match="No space left on device"):
        execute(cell(), folder, builder, signatures)
