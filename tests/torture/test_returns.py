"""What tasks may return and name: each is a status with a reason, none is believed, and none costs another its row."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Run
from harness.contract.rows import Row, Status
from harness.store.garbage import damaged
from harness.store.open import open_store
from harness.testing import run_suite

PLUGINS = Path(__file__).parent / "returning_plugins"
GOOD = {"good", "a subclass", "missing ids, said", "bytes", "dates", "decimals", "an artifact of text"}
NAMES_OF_NO_FILE = [".", "..", "../x", "/etc/x", "a/b", "a\0b", "x" * 300, "字" * 100, 5, None, b"bytes"]
NAMES = [
    *(" ", "\n", "a name", "café", "cafe\u0301", "x.npy", "con", "-rf", "*", "?", "a\\b", ".hidden", "~", "$HOME"),
    *("records.parquet", "result.json", "manifest.json", "log.txt", "key.json", "<b>", "a:b", "字" * 20, "caf\udce9"),
]


def kinds() -> list[str]:
    """The names in the plugin's table of returns, read without importing it."""
    tree = ast.parse((PLUGINS / "returning.py").read_text(encoding="utf-8"))
    (table,) = (node.value for node in tree.body if isinstance(node, ast.AnnAssign) and node.target.id == "RETURNS")  # type: ignore[attr-defined]
    return [key.value for key in table.keys]  # type: ignore[union-attr]


def run(results: Path, treatments: list[str]) -> dict[str, Row]:
    text = f"suite: r\ntask: give\ndata: four\nattacks: [{', '.join(treatments)}]\nmetrics: [mean_value]\n"
    done: Run = run_suite(text, results, plugin_folders=[PLUGINS])
    assert {"table.md", "table.csv", "table.json"} <= {path.name for path in done.folder.path.iterdir()}
    assert list(damaged(open_store(results))) == []
    return {row.labels["attack"]: row for row in done.rows}


@pytest.fixture(scope="module", autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    sys.modules.pop("returning", None)


@pytest.fixture(scope="module")
def returned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    each = [f"{{use: what, as: '{kind}', with: {{kind: '{kind}'}}}}" for kind in kinds()]
    results = tmp_path_factory.mktemp("returns")
    first = run(results, each)
    again = run(results, each)
    assert {name: row.status for name, row in again.items()} == {name: row.status for name, row in first.items()}
    return first


@pytest.mark.parametrize("kind", kinds())
def test_a_return_has_its_status(returned: dict[str, Row], kind: str) -> None:
    row = returned[kind]
    if kind in GOOD:
        assert (row.status, row.reason) == (Status.OK, "")
    else:
        assert row.status in (Status.INVALID, Status.FAILED), row.reason
        assert row.reason
        assert row.estimates.get("mean_value") is None or row.estimates["mean_value"].value is None


def named(tmp_path: Path, names: list[object]) -> list[Row]:
    each = [f"{{use: what, as: 'n{i}', with: {{name: {ascii(name)!r}}}}}" for i, name in enumerate(names)]
    return list(run(tmp_path, [*each, "{use: what, as: good, with: {kind: good}}"]).values())


def test_names_of_no_file_are_refused_and_cost_no_other_row(tmp_path: Path) -> None:
    *rows, good = named(tmp_path, NAMES_OF_NO_FILE)
    assert good.status is Status.OK
    for name, row in zip(NAMES_OF_NO_FILE, rows, strict=True):
        assert row.status in (Status.INVALID, Status.FAILED), (name, row.reason)
        assert row.reason
    assert not (tmp_path.parent / "x").exists()


def test_odd_names_are_kept_beside_what_harness_writes(tmp_path: Path) -> None:
    *rows, good = named(tmp_path, NAMES)
    assert good.status is Status.OK
    assert [row.status for row in rows] == [Status.OK] * len(NAMES)
    for name, row in zip(NAMES, rows, strict=True):
        (cell,) = tmp_path.glob(f"r/*/cells/{row.cell}")
        assert (cell / "artifacts" / str(name)).read_bytes() == b"content"
