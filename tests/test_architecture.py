"""Arrows point one way, and the files that must agree with the code do."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from asserting import without_assertion

# The floors of the core, the lowest first. A name stands for harness/<name>.py or harness/<name>/. A room imports only
# from floors below its own, imports in functions and for type checkers included, so that no circle can come to be.
FLOORS: list[set[str]] = [
    {"contract", "version", "environment_secrets"},
    {"hooks", "isolation", "files", "downloads", "hub_folders", "figures", "png", "reading"}
    | {"code_folders", "loaded_code", "escaping", "user_configuration"},
    {"statistics", "instruments", "builtin", "picture_section", "named_code", "pinned_files"},
    {"attacks", "importing"},
    {"api", "signatures"},
    {"plugins"},
    {"store", "suite"},
    {"scoring", "execution"},
    {"results", "scoring_process"},
    {"coordinator", "exporting"},
    {"library"},
    {"__init__", "testing", "pytest_plugin", "placing"},
    {"cli"},
    {"__main__"},
]


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever the import stands; relative ones as absolute names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "harness":
            yield from (f"harness.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{path} imports relatively"
            yield node.module


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def modules(root: Path, room: str) -> list[Path]:
    return sorted((root / room).rglob("*.py"))


def test_the_core_knows_no_first_party_plugin_and_no_model_library(root: Path) -> None:
    forbidden = re.compile(r"harness_\w+|torchattacks|torchvision|transformers|ray")
    found = [
        (p.name, m) for p in modules(root, "harness") for m in imports(p) if forbidden.fullmatch(m.partition(".")[0])
    ]
    assert found == []


def test_plugins_use_the_contract_and_no_other_plugin(root: Path) -> None:
    for path in modules(root, "plugins"):
        own = path.relative_to(root / "plugins").parts[0]
        for module in imports(path):
            top = module.partition(".")[0]
            is_open = module.startswith("harness.api") or module in ("harness.testing", "harness.placing")
            assert top != "harness" or is_open, f"{path} imports {module}"
            assert not top.startswith("harness_") or top == own, f"{path} imports {module}"


def test_tests_of_plugins_use_what_their_authors_have(root: Path) -> None:
    """They are examples for third parties: the api, the conformance kit, and harness from Python."""
    open_names = re.compile(r"harness|harness\.(api(\.\w+)*|testing|library|Run|open_run|run)")
    for path in [*modules(root, "tests/plugins"), *modules(root, "tests/tiny"), *modules(root, "tests/contract")]:
        for module in imports(path):
            if module.partition(".")[0] == "harness":
                assert open_names.fullmatch(module), f"{path.relative_to(root)} imports {module}"


def test_rooms_of_the_core_import_from_floors_below(root: Path) -> None:
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    for path in modules(root, "harness"):
        room = path.relative_to(root / "harness").with_suffix("").parts[0]
        for module in imports(path):
            if module.partition(".")[0] == "harness" and room_of(module) != room:
                below = floor[room_of(module)] < floor[room]
                assert below, f"{path.relative_to(root)} imports {module}, which is not on a floor below"


def test_every_room_has_one_floor(root: Path) -> None:
    rooms = {path.relative_to(root / "harness").with_suffix("").parts[0] for path in modules(root, "harness")}
    assert sorted(rooms) == sorted(room for floor in FLOORS for room in floor)


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

    # What `make test-extras` installs; robustbench pins others of its own.
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    together = re.search(r"^EXTRAS = (.*)$", makefile, re.M)
    assert together is not None
    assert set(together[1].split(",")) == set(extras) - {"robustbench"}
    names = named([*project["dependencies"], *(line for extra in together[1].split(",") for line in extras[extra])])
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
    """In the syntax tree: neither a comment, nor a constant, nor a type alone."""
    tests = root / "tests"
    found = {
        str(path.relative_to(root)): names
        for path in sorted(tests.rglob("test_*.py"))
        if (names := without_assertion(path, (tests, root)))
    }
    assert found == {}
