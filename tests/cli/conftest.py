"""The command line with a plugin whose numbers are known, and one finished run of it."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.cli import main

PLUGINS = Path(__file__).parent / "plugins"
COINS = """
suite: coins
about: How often heads?
task: toss
data: throws
models:
  - {use: coin, as: fair, with: {heads: 6}}
  - {use: coin, as: bent, with: {heads: 9}}
attacks: [none, wind]
metrics: [heads]
"""
"""6, 5, 9 and 8 of 10."""
MIXED = COINS.replace("suite: coins", "suite: mixed").replace(
    "[none, wind]", "[none, {use: wind, as: storm, with: {how: hard}}, {use: wind, as: calm, with: {how: oddly}}]"
)
"""Each coin has a cell that is ok, one that fails, and one that is suspect."""


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Say = Callable[..., Said]


@dataclass(frozen=True)
class Finished:
    """A results folder with a run of each of the two suites, and the folder of each run."""

    results: Path
    suites: Path
    coins: Path
    mixed: Path


def _without_installed_plugins(patch: pytest.MonkeyPatch) -> None:
    """What is installed has tests of its own, and costs every command the time to load it."""
    entry_points = importlib.metadata.entry_points

    def without(**how: str) -> importlib.metadata.EntryPoints:
        found = entry_points(**how)
        return importlib.metadata.EntryPoints() if how == {"group": "harness.plugins"} else found

    patch.setattr(importlib.metadata, "entry_points", without)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    """Made once; tests that change it copy it first."""
    folder = tmp_path_factory.mktemp("coins")
    results = folder / "results"
    runs = []
    for name, text in (("coins", COINS), ("mixed", MIXED)):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        command = ["--plugins-dir", str(PLUGINS), "run", str(folder / f"{name}.yaml"), "--results", str(results)]
        with pytest.MonkeyPatch.context() as patch:
            _without_installed_plugins(patch)
            assert main([*command, "--device", "cpu", "--isolation", "inline"]) == (name == "mixed")
        runs += (results / name).iterdir()
    yield Finished(results, folder, *runs)
    sys.modules.pop("coins", None)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Run a command with the plugin in an empty working directory that holds coins.yaml and mixed.yaml."""
    monkeypatch.chdir(tmp_path)
    _without_installed_plugins(monkeypatch)
    for name, text in (("coins", COINS), ("mixed", MIXED)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    capsys.readouterr()

    def call(*arguments: str | Path, plugins: Path = PLUGINS) -> Said:
        code = main(["--plugins-dir", str(plugins), *map(str, arguments)])
        said = capsys.readouterr()
        return Said(int(code), said.out, said.err)

    return call
