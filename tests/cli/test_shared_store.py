"""`harness cache push`, `pull` and `verify --remote` as a user meets them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cli.conftest import Finished, Say


@pytest.fixture
def results(finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the results: six cells; and an empty folder for the store in common, which the variable names."""
    monkeypatch.setenv("HARNESS_CONFIG", str(tmp_path / "none.yaml"))
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path / "shared"))
    shutil.copytree(finished.results, tmp_path / "r")
    return tmp_path / "r"


def test_push_then_pull_then_run(say: Say, results: Path, tmp_path: Path) -> None:
    said = say("cache", "push", "--results", results)
    assert (said.code, said.out) == (0, "pushed 6 cells\n")
    where = f"in {tmp_path / 'shared'}"
    assert say("cache", "push", "--results", results).out == f"pushed nothing; 6 were {where}\n"
    assert say("cache", "pull", "--results", "other").out == "pulled 6 cells\n"
    assert say("cache", "pull", "--results", "other").out == "pulled nothing; 6 were here\n"
    run = say("run", "coins.yaml", "--device", "cpu", "--isolation", "inline", "--results", "third")
    assert "nothing to do: all 4 cells were finished before" in run.out
    run = say("run", "coins.yaml", "--device", "cpu", "--isolation", "inline", "--results", "fourth", "--store", "")
    assert "4 of 4 cells run" in run.out


def test_a_run_is_pushed_and_read_elsewhere(say: Say, results: Path) -> None:
    (run,) = (results / "coins").iterdir()
    said = say("cache", "push", "coins", "--results", results)
    assert (said.code, said.out) == (0, "pushed 1 runs\n")
    assert say("cache", "pull", f"coins/{run.name}", "--results", "other").out == "pulled 1 runs\n"
    tables = [say("table", f"coins/{run.name}", "--results", folder).out for folder in (results, "other")]
    assert tables[0] == tables[1] != ""
    absent = say("cache", "pull", "coins/none", "--results", "other")
    assert (absent.code, "there is no run 'coins/none' in " in absent.err) == (2, True)


def test_damage_costs_the_exit_code_and_is_mended_by_who_has_it(say: Say, results: Path, tmp_path: Path) -> None:
    say("cache", "push", "--results", results)
    assert say("cache", "verify", "--remote", "--results", results).out.startswith("all entries of ")
    victim = next((tmp_path / "shared" / "cells").rglob("*.tar.gz"))
    victim.write_bytes(b"damaged")
    pulled = say("cache", "pull", "--results", "other")
    assert (pulled.code, "pulled 5 cells\n" in pulled.out, "is not believed" in pulled.out) == (1, True, True)
    key = victim.name[:16]
    said = say("cache", "verify", "--remote", "--results", "other")
    assert (said.code, f"damaged: cells {key}; it is made again where needed" in said.out) == (1, True)
    said = say("cache", "verify", "--remote", "--results", results)
    assert (said.code, f"damaged: cells {key}; replaced by that of this store" in said.out) == (1, True)
    assert say("cache", "verify", "--remote", "--results", "other").code == 0


def test_usage_errors(say: Say, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = say("cache", "pull", "--results", results)
    assert (said.code, "there is no store at " in said.err) == (2, True)
    said = say("cache", "push", "--results", results, "--store", "memory://lab")
    assert (said.code, "memory:// has no exclusive creation" in said.err) == (2, True)
    monkeypatch.delenv("HARNESS_STORE")
    for command in (["push"], ["pull"], ["verify", "--remote"]):
        said = say("cache", *command, "--results", results)
        assert (said.code, "name it by --store, by HARNESS_STORE, or in " in said.err) == (2, True)


def test_the_configuration_names_a_store_too(
    say: Say, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HARNESS_STORE")
    (tmp_path / "none.yaml").write_text(f"store: {{url: {tmp_path / 'lab'}}}")
    assert say("cache", "push", "--results", results).out == "pushed 6 cells\n"
    assert (tmp_path / "lab" / "cells").is_dir()
