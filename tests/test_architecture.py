"""Arrows point one way, and the files that must agree with the code do."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

# Which rooms of the core a room may import; a name stands for harness/<name>.py or harness/<name>/.
ALLOWED = {
    "contract": set(),
    "files": {"contract"},
    "attacks": {"contract", "instruments"},
    "hooks": {"contract"},
    "results": {"contract", "files"},
    "pinned_files": {"contract"},
    "hub_folders": {"contract"},
    "api": {"contract", "hooks", "hub_folders", "pinned_files", "results"},
    "isolation": {"contract"},
    "plugins": {"contract", "hooks", "isolation"},
    "signatures": {"contract", "files", "isolation"},
    "suite": {"contract", "isolation", "plugins", "signatures"},
    "tasks": {"contract", "engine", "results"},
    "engine": {"contract", "files", "executors", "isolation", "plugins", "results", "signatures", "suite"},
    "executors": {"contract", "engine", "plugins", "results", "signatures"},
    "builtin": {"contract", "hooks"},
    "cli": {"contract", "engine", "library", "plugins", "results", "signatures", "suite"},
    "library": {"contract", "engine", "plugins", "results", "signatures", "suite"},
    "pytest_plugin": {"contract", "engine", "library", "results"},
    "testing": {"contract", "library", "suite"},
}


def imports(path: Path) -> Iterator[str]:
    """Absolute imports that run, leaving out those for type checkers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_checkers = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in for_checkers:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def modules(root: Path, room: str) -> list[Path]:
    return sorted((root / room).rglob("*.py"))


def test_the_core_knows_no_first_party_plugin_and_no_model_library(root: Path) -> None:
    forbidden = re.compile(r"harness_\w+|torchattacks|torchvision|transformers|ray")
    found = [
        (p.name, m) for p in modules(root, "harness") for m in imports(p) if forbidden.fullmatch(m.partition(".")[0])
    ]
    assert found == []


def test_plugins_use_the_contract_and_no_other_plugin(root: Path) -> None:
    offered = ("harness.api", "harness.attacks", "harness.testing")
    for path in modules(root, "plugins"):
        own = path.relative_to(root / "plugins").parts[0]
        for module in imports(path):
            top = module.partition(".")[0]
            assert top != "harness" or module in offered, f"{path} imports {module}"
            assert not top.startswith("harness_") or top == own, f"{path} imports {module}"


def test_rooms_of_the_core_import_downwards(root: Path) -> None:
    for path in modules(root, "harness"):
        room = path.relative_to(root / "harness").with_suffix("").parts[0]
        if room in ("__init__", "__main__"):
            continue
        for module in imports(path):
            parts = module.split(".")
            if parts[0] == "harness" and len(parts) > 1 and parts[1] != room:
                assert parts[1] in ALLOWED[room], f"{path.relative_to(root)} imports {module}"


def test_plugin_folders_and_entry_points_agree(root: Path) -> None:
    """A folder without an entry point is invisible once installed; an entry point without a folder breaks it."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = project["entry-points"]["harness.plugins"]
    folders = {path.parent.name for path in (root / "plugins").glob("*/__init__.py")}
    assert declared == {name: name for name in folders}


def test_every_dependency_is_pinned_and_justified(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]

    def named(requirements: list[str]) -> set[str]:
        return {re.split(r"[<>=\[ ]", requirement)[0].lower() for requirement in requirements}

    # Tests of the other extras skip themselves, so nothing has to hold their versions.
    names = named([*project["dependencies"], *extras["dev"]])
    pins = dict(
        line.lower().split("==") for line in (root / "constraints.txt").read_text(encoding="utf-8").splitlines() if line
    )
    assert pins["torch"] == "2.13.0"
    assert {name.replace("_", "-") for name in names} <= {name.replace("_", "-") for name in pins}
    contributing = (root / "CONTRIBUTING.md").read_text(encoding="utf-8").lower()
    everything = names.union(*map(named, extras.values()))
    assert [name for name in sorted(everything) if f"`{name}`" not in contributing] == []


def tracked(root: Path) -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [root / line for line in listed.stdout.splitlines()]


def test_no_file_names_a_registry_or_a_path_of_one_machine(root: Path) -> None:
    forbidden = re.compile(r"pypi\.org|pythonhosted|/root/|/work/|/home/\w+|https?://[^ ]*simple/")
    for path in tracked(root):
        if path.suffix in (".py", ".md", ".toml", ".txt", ".yaml", ".json", ".csv", "") and path != Path(__file__):
            found = forbidden.search(path.read_text(encoding="utf-8"))
            assert found is None, f"{path.relative_to(root)}: {found[0]}"


def test_every_test_asserts_something(root: Path) -> None:
    for path in (root / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                text = ast.unparse(node)
                assert re.search(r"\bassert|raises|benchmark\(|check_schema", text), f"{path.name}: {node.name}"
