"""The files for batch launchers run what they say: commands that exist, with options that exist."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from harness.cli import cli

LAUNCHERS = "docs/how-to/launchers"
COMMAND = re.compile(r"harness (run|table|compare)((?: +(?:\\\n *)?[^\s;&|]+)*)")


def commands(text: str) -> list[list[str]]:
    joined = text.replace("\\\n", " ")
    return [[match[1], *match[2].split()] for match in COMMAND.finditer(joined)]


@pytest.mark.parametrize("name", ["slurm.sh", "kubernetes.yaml", "matrix.yml", "Dockerfile", "harness.service"])
def test_every_option_exists(root: Path, name: str) -> None:
    found = commands((root / LAUNCHERS / name).read_text(encoding="utf-8"))
    assert found
    for command, *words in found:
        said = CliRunner().invoke(cli, [command, "--help"]).output
        for option in (word for word in words if word.startswith("--")):
            assert re.search(rf"{option}\b", said), f"{name}: harness {command} has no {option}"


def test_the_page_links_every_file(root: Path) -> None:
    page = (root / "docs/how-to/several-machines.md").read_text(encoding="utf-8")
    files = sorted(path.name for path in (root / LAUNCHERS).iterdir())
    assert sorted(set(re.findall(r"\(launchers/([^)]+)\)", page))) == files


def test_slurm_gives_each_task_its_shard(root: Path, tmp_path: Path) -> None:
    """The script runs with a harness that only says how it was called."""
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    said = tmp_path / ".venv" / "bin" / "harness"
    said.write_text('#!/bin/bash\necho "$@"\n')
    said.chmod(0o755)
    task = {"SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_TASK_COUNT": "4", "PATH": "/usr/bin:/bin"}
    script = root / LAUNCHERS / "slurm.sh"
    done = subprocess.run(["bash", script], cwd=tmp_path, env=task, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["run", "robustness", "--device", "cuda", "--shard", "2/4", "--results", "results"]


def test_every_pod_has_a_shard(root: Path) -> None:
    job: dict[str, Any] = yaml.safe_load((root / LAUNCHERS / "kubernetes.yaml").read_text(encoding="utf-8"))
    spec = job["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert (job["apiVersion"], job["kind"], spec["completionMode"]) == ("batch/v1", "Job", "Indexed")
    assert f'"$((JOB_COMPLETION_INDEX + 1))/{spec["completions"]}"' in container["args"][0]
    # A policy of failures needs this one, and counts by index.
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in spec["template"]["spec"]["volumes"]}


def test_kubernetes_accepts_its_manifest(root: Path) -> None:
    validate = pytest.importorskip("kubernetes_validate")
    job = yaml.safe_load((root / LAUNCHERS / "kubernetes.yaml").read_text(encoding="utf-8"))
    validate.validate(job, "1.33", strict=True)


def test_every_shard_of_the_matrix_is_run_and_put_together(root: Path) -> None:
    workflow: dict[str, Any] = yaml.safe_load((root / LAUNCHERS / "matrix.yml").read_text(encoding="utf-8"))
    shard, table = workflow["jobs"]["shard"], workflow["jobs"]["table"]
    numbers = shard["strategy"]["matrix"]["shard"]
    assert any(f"--shard ${{{{ matrix.shard }}}}/{len(numbers)} " in step.get("run", "") for step in shard["steps"])
    last = table["steps"][-1]["run"].split()
    assert last[2:] == [f"results-{number}/robustness" for number in numbers]
    assert table["needs"] == "shard"


@pytest.mark.parametrize(
    "name",
    [
        *("launchers/harness.service", "launchers/harness.timer"),
        *("nights/harness-nightly.service", "nights/harness-nightly.timer"),
    ],
)
def test_systemd_understands_its_units(root: Path, name: str) -> None:
    file = root / "docs" / "how-to" / name
    unit = configparser.ConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(file)
    assert "Unit" in unit
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    done = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True)
    assert "Unknown" not in done.stderr
