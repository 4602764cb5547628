"""An agent on a place: it runs the code of the coordinator or none, and leaves nothing behind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from execution.cells import cell
from harness.contract.errors import HarnessError
from harness.contract.rows import Status
from harness.execution.code_digests import code_digests, differing_packages
from harness.execution.executor import Job, RunSettings
from harness.execution.node_agent import NodeAgent, bring_home, job_text, lost, settings_text
from harness.plugins import load_catalog
from harness.store.archive import pack
from harness.store.cell_result import CellResult

PLUGIN = """
from harness.api import Component, hookimpl

@hookimpl
def harness_components():
    return [Component("metric", "own", f"{__name__}:own")]

def own(records):
    return 1
"""


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "my_plugin.py").write_text(PLUGIN, encoding="utf-8")
    return folder


def settings(plugins: Path) -> RunSettings:
    return RunSettings(1, "cpu", 1, 60.0, 10, (str(plugins),), code_digests(load_catalog([plugins])))


def test_a_place_with_other_code_of_a_plugin_is_refused_by_name(plugins: Path, tmp_path: Path) -> None:
    run = settings(plugins)
    (plugins / "my_plugin.py").write_text(PLUGIN.replace("return 1", "return 2"), encoding="utf-8")
    with pytest.raises(HarnessError, match=r"has other code of my_plugin than the coordinator; install the same"):
        NodeAgent(settings_text(run), scratch=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["plugins"]


@pytest.mark.parametrize("name", ["harness", "torch", "python", "harness_vision"])
def test_the_core_libraries_and_python_count_too(plugins: Path, tmp_path: Path, name: str) -> None:
    run = settings(plugins)
    run = replace(run, code={**run.code, name: "another"})
    with pytest.raises(HarnessError, match=f"has other code of {name} than the coordinator"):
        NodeAgent(settings_text(run), scratch=tmp_path)


def test_what_only_the_place_has_is_no_difference() -> None:
    assert differing_packages({"harness": "1", "more": "2"}, {"harness": "1"}) == []
    assert differing_packages({"harness": "1"}, {"harness": "1", "plug": "2"}) == ["plug"]


def test_its_scratch_goes_with_it_and_with_the_next(plugins: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    dead = scratch / "harness-node-dead"
    dead.mkdir(parents=True)
    (dead / "records").write_text("left")
    other = scratch / "harness-node-link"
    other.symlink_to(plugins)
    one = NodeAgent(settings_text(settings(plugins)), scratch=scratch)
    two = NodeAgent(settings_text(settings(plugins)), scratch=scratch)
    # The first lives, so the second lets it be.
    assert len([path for path in scratch.iterdir() if not path.is_symlink()]) == 2
    assert not dead.exists()
    for agent in (one, two, one):
        agent.close()
    assert list(scratch.iterdir()) == [other]
    assert (plugins / "my_plugin.py").is_file()


def test_what_comes_back_is_not_trusted(tmp_path: Path) -> None:
    job = Job(cell("ok"), tmp_path / "job", 16)
    job.folder.mkdir()
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "records.parquet").write_bytes(b"records")
    good = pack(tmp_path / "there")
    reply = json.dumps({"status": "ok", "n": 3})
    assert bring_home(job, reply, good) == CellResult(Status.OK, n=3)
    assert (job.folder / "records.parquet").read_bytes() == b"records"
    for wrong, archive in ((reply, b"no archive"), ("{", good), ("[]", good), ('{"status": "fine"}', good)):
        for path in job.folder.iterdir():
            path.unlink()
        result = bring_home(job, wrong, archive)
        assert result.status is Status.LOST
        assert result.reason.startswith("what came back from its place cannot be read: ")
        assert list(job.folder.iterdir()) == []


def test_a_job_travels_as_text_without_its_folder(tmp_path: Path) -> None:
    job = Job(cell("ok"), tmp_path / "secret", 16, "key")
    text = job_text(job)
    assert "secret" not in text
    assert json.loads(text)["key"] == "key"
    assert lost(job, "gone") == CellResult(Status.LOST, "gone", batch_size=16)
