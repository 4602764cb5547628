"""What continuous integration, the hooks before a commit and CONTRIBUTING call exists, and agrees with the project."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

# Targets that the Makefile gets with the environment of the extras; empty once that has landed.


def workflow(root: Path) -> dict[str, Any]:
    text = (root / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def commands(root: Path) -> list[str]:
    return [step["run"] for job in workflow(root)["jobs"].values() for step in job["steps"] if "run" in step]


def targets(root: Path) -> set[str]:
    return set(re.findall(r"^([\w-]+):", (root / "Makefile").read_text(encoding="utf-8"), re.M))


def test_the_workflow_calls_targets_that_exist(root: Path) -> None:
    called = commands(root)
    assert {"make lint", "make test", "make anchors"} <= set(called)
    assert {command.removeprefix("make ") for command in called} <= targets(root)


def test_the_workflow_tests_every_version_from_the_oldest_supported(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = workflow(root)["jobs"]["tests"]["strategy"]["matrix"]["python-version"]
    assert project["requires-python"] == f">={versions[0]}"
    assert versions == [f"3.{minor}" for minor in range(11, 15)]


def test_the_hooks_before_a_commit_are_local_and_do_what_lint_does(root: Path) -> None:
    config = yaml.safe_load((root / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    hooks = {hook["id"]: hook for hook in config["repos"][0]["hooks"]}
    assert list(hooks) == ["ruff", "ruff-format", "mypy", "schema", "large-files"]
    assert {hook["language"] for hook in hooks.values()} == {"system"}
    lint = (root / "Makefile").read_text(encoding="utf-8").partition("\nlint:")[2].partition("\n\n")[0]
    for command in ("ruff check", "ruff format --check", "mypy --strict harness", "mypy plugins"):
        assert command in lint
        assert any(command in hook["entry"] for hook in hooks.values()), command


def test_no_tracked_file_is_larger_than_the_hook_allows(root: Path) -> None:
    folders = [root / name for name in ("harness", "plugins", "suites", "tests", "docs", "results/reference")]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix not in {".pyc"} and path.is_file()]
    assert len(files) > 300
    assert [path for path in files if path.stat().st_size > 1000 * 1024] == []


def test_contributing_names_targets_that_exist(root: Path) -> None:
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([\w-]+)`", text))
    assert {"test", "lint", "anchors", "schema"} <= named
    assert named <= targets(root)


def test_contributing_tells_how_to_add_each_kind(root: Path) -> None:
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("## How to add")[2].partition("\n## ")[0]
    headings = re.findall(r"^### (.+)$", section, re.M)
    kinds = ["An attack", "An attribution method", "A metric", "A dataset", "A model", "A task"]
    assert headings == [*kinds, "An executor", "A command", "A plot"]
    for part in re.split(r"^### .+$", section, flags=re.M)[1:]:
        assert 2 <= len(part.strip().splitlines()) <= 7
        assert re.search(r"`(plugins|harness)/[\w/.]+`", part), part
        assert "`tests/" in part, part
