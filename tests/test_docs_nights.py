"""The files for nights run what they say, and the page links all of them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from harness.cli import cli

FILES = "docs/how-to/nights"
COMMAND = re.compile(r"harness (nightly|plan|verify)((?: +[^\s;&|>#]+)*)")


@pytest.mark.parametrize(
    "name", ["nights/nightly.yml", "nights/crontab", "nights/harness-nightly.service", "nights.md"]
)
def test_every_option_exists(root: Path, name: str) -> None:
    found = COMMAND.findall((root / "docs/how-to" / name).read_text(encoding="utf-8"))
    assert found
    for command, words in found:
        said = CliRunner().invoke(cli, [command, "--help"]).output
        for option in (word for word in words.split() if word.startswith("--")):
            assert re.search(rf"{option}\b", said), f"{name}: harness {command} has no {option}"


def test_the_page_links_every_file(root: Path) -> None:
    page = (root / "docs/how-to/nights.md").read_text(encoding="utf-8")
    files = sorted(path.name for path in (root / FILES).iterdir())
    assert sorted(set(re.findall(r"\(nights/([^)]+)\)", page))) == files


def test_the_workflow_keeps_results_from_night_to_night_also_after_a_regression(root: Path) -> None:
    workflow: dict[str, Any] = yaml.safe_load((root / FILES / "nightly.yml").read_text(encoding="utf-8"))
    steps = workflow["jobs"]["night"]["steps"]
    restore, save = (
        next(step for step in steps if f"cache/{what}" in step.get("uses", "")) for what in ("restore", "save")
    )
    assert restore["with"]["path"] == save["with"]["path"] == "results"
    assert save["with"]["key"].startswith(restore["with"]["restore-keys"])
    assert save["if"] == "always()"
    night = next(i for i, step in enumerate(steps) if "harness nightly" in step.get("run", ""))
    assert steps.index(restore) < night < steps.index(save)


def test_cron_runs_one_night_and_prints_only_after_a_failure(root: Path, tmp_path: Path) -> None:
    """The line is run with a harness that only says how it was called, and ends as it is told."""
    text = (root / FILES / "crontab").read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith("0 ")]
    assert line.split()[:5] == ["0", "2", "*", "*", "*"]
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    said = tmp_path / ".venv" / "bin" / "harness"
    for code, printed in ((0, ""), (3, "nightly robustness --device cuda --quiet")):
        said.write_text(f'#!/bin/sh\necho "$@"\nexit {code}\n', encoding="utf-8")
        said.chmod(0o755)
        command = line.split(maxsplit=5)[5].replace("/srv/harness", str(tmp_path))
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
        assert done.stdout.strip().splitlines()[-1:] == ([printed] if printed else [])
