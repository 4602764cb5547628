"""Runs of two machines with a store in common: what one has measured or trained, the other takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import harness
from harness.contract.errors import HarnessError, UsageError

SUITE = """
suite: common
task: classify
data: {use: digits, limit: 20}
models: [{use: digit_linear, with: {epochs: 1}}]
attacks: [none, {use: noise, with: {eps: 0.1}}]
metrics: [accuracy]
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "common.yaml").write_text(SUITE)
    return tmp_path / "common.yaml"


def weights_of(results: Path) -> list[str]:
    return [path.read_text() for path in (results / "store" / "weights").glob("*/*/about.json")]


@pytest.mark.parametrize("isolation", ["process", "inline"])
def test_cells_and_weights_are_shared(suite: Path, tmp_path: Path, isolation: str) -> None:
    def run(machine: str, **how: object) -> harness.Run:
        url = (tmp_path / "shared").as_uri()
        return harness.run(suite, results=tmp_path / machine, store=url, device="cpu", isolation=isolation, **how)  # type: ignore[arg-type]

    first = run("one", only=["attack=none"])
    assert (first.n_run, first.n_reused, first.exit_code) == (1, 0, 0)
    second = run("two")
    assert (second.n_run, second.n_reused, second.exit_code) == (1, 1, 0)
    # The seconds of its training are those of the first machine, since there was no other.
    assert len(weights_of(tmp_path / "one")) == 1
    assert weights_of(tmp_path / "two") == weights_of(tmp_path / "one")
    assert second.warnings == ()
    third = run("three")
    assert (third.n_run, third.n_reused) == (0, 2)
    rows = [[row.estimates for row in made.rows] for made in (second, third)]
    assert rows[0] == rows[1]


def test_a_damaged_cell_is_measured_again_and_said_so(suite: Path, tmp_path: Path) -> None:
    how = {"store": str(tmp_path / "shared"), "device": "cpu", "isolation": "inline", "only": ["attack=none"]}
    first = harness.run(suite, results=tmp_path / "one", **how)  # type: ignore[arg-type]
    (cell,) = (tmp_path / "shared" / "cells").glob("*/*.tar.gz")
    content = bytearray(cell.read_bytes())
    content[len(content) // 2] ^= 1
    cell.write_bytes(content)
    second = harness.run(suite, results=tmp_path / "two", **how)  # type: ignore[arg-type]
    assert (second.n_run, second.exit_code) == (1, 0)
    assert [warning.partition(" of ")[0] for warning in second.warnings] == [f"cells/{cell.parent.name}/{cell.name}"]
    assert second.rows[0].estimates == first.rows[0].estimates
    assert harness.run(suite, results=tmp_path / "three", **how).n_reused == 1  # type: ignore[arg-type]


def test_a_store_that_dies_in_mid_run_is_told_once(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.store import objects

    def dead(*_: object) -> None:
        raise ConnectionError("nobody answers")

    real = objects.FolderObjects.create
    monkeypatch.setattr(
        objects.FolderObjects,
        "create",
        lambda self, name, content: (
            real(self, name, content) if name == objects.MARKER else objects._reached("file:///shared", dead)
        ),
    )
    done = harness.run(
        suite, results=tmp_path / "one", store=str(tmp_path / "shared"), device="cpu", isolation="inline"
    )
    assert (done.n_run, done.exit_code) == (2, 0)
    (warning,) = done.warnings
    assert "ConnectionError: nobody answers; the run goes on without it" in warning


def test_what_can_never_work_is_an_error_before_anything_is_measured(suite: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="memory:// has no exclusive creation"):
        harness.run(suite, results=tmp_path / "one", store="memory://lab")
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError, match="cannot be used"):
        harness.run(suite, results=tmp_path / "one", store=str(tmp_path / "file"))
    assert not list((tmp_path / "one").glob("common"))


def test_keys_do_not_depend_on_a_store_in_common(suite: Path, tmp_path: Path) -> None:
    how = {"device": "cpu", "isolation": "inline", "only": ["attack=none"]}
    harness.run(suite, results=tmp_path / "one", **how)  # type: ignore[arg-type]
    harness.run(suite, results=tmp_path / "two", store=str(tmp_path / "shared"), **how)  # type: ignore[arg-type]
    keys = [
        sorted(path.parent.name for path in (tmp_path / name / "store").rglob("cells/*/*/manifest.json"))
        for name in ("one", "two")
    ]
    assert keys[0] == keys[1] != []
    about = [json.loads(path.read_text()) for path in (tmp_path / "one" / "store").rglob("cells/*/*/manifest.json")]
    assert not any("fsspec" in json.dumps(each) for each in about)


def test_places_of_an_executor_give_the_weights_that_they_have_trained(suite: Path, tmp_path: Path, root: Path) -> None:
    """They have no store in common with the coordinator; without the shared one each would train anew."""
    store = (tmp_path / "shared").as_uri()
    done = harness.run(
        suite,
        results=tmp_path / "one",
        store=store,
        device="cpu",
        plugin_folders=root / "examples" / "executor",
        executor="threaded_agents",
    )
    assert (done.exit_code, done.n_run) == (0, 2)
    assert weights_of(tmp_path / "one") == []
    assert len(list((tmp_path / "shared" / "weights").glob("*/*.tar.gz"))) == 1
