"""`harness doctor` as a user meets it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from cli.conftest import Say

ODD = '''
from harness.api import Component, hookimpl


@hookimpl
def harness_components():
    return [
        Component("model", "absent", "odd:Plain", "Needs what is not there.", requires=("no-such-distribution",)),
        Component("model", "unreadable", "odd:Unreadable", "Its parameter has no type."),
        Component("model", "silent", "odd:Silent"),
    ]


class Plain:
    """Plain."""


class Silent:
    pass


class Unreadable:
    """Its parameter has no type."""

    def __init__(self, value: "Nowhere"):
        pass
'''


ODD_DEFAULT = '''
from enum import Enum

from harness.api import Component, hookimpl


@hookimpl
def harness_components():
    return [Component("model", "coloured", "odd_default:Coloured", "One with a colour.")]


class Colour(Enum):
    RED = 1


class Coloured:
    """One with a colour."""

    def __init__(self, colour: Colour = Colour.RED):
        pass
'''


def marks(text: str) -> set[str]:
    return {line.split()[0] for line in text.splitlines()[:-2]}


def test_an_installation_that_is_fine(say: Say, tmp_path: Path) -> None:
    said = say("doctor")
    assert said.code == 0
    assert marks(said.out) == {"ok"}
    assert f"Python {sys.version.split()[0]}" in said.out
    assert f"torch {torch.__version__}" in said.out
    assert "devices: cpu" in said.out
    assert "results folder 'results' can be written" in said.out
    assert "2 plugins: coins, harness\n" in said.out
    assert (tmp_path / "results" / "store").is_dir()


def test_what_is_wrong_is_marked_and_counted(say: Say, tmp_path: Path) -> None:
    folder = tmp_path / "wrong_plugins"
    folder.mkdir()
    (folder / "odd.py").write_text(ODD, encoding="utf-8")
    (folder / "torn.py").write_text("1/0\n", encoding="utf-8")
    (tmp_path / "file").touch()
    said = say("doctor", "--results", "file", plugins=folder)
    assert said.code == 1
    wrong = [line for line in said.out.splitlines() if line.startswith("wrong ")]
    assert len(wrong) == 4
    assert "the results folder 'file' cannot be written" in wrong[0]
    assert "plugin 'torn'" in wrong[1]
    assert "ZeroDivisionError" in wrong[1]
    assert wrong[2].startswith("wrong model odd/silent (from ")
    assert wrong[2].endswith("has no summary: write a docstring at odd:Silent, or declare a summary")
    assert "unreadable" in wrong[3]
    assert said.out.splitlines()[-1] == "problems: 4"
    # What is only left out until something is installed is no mistake.
    assert "ok    model odd/absent: left out of runs until no-such-distribution is installed" in said.out


def test_a_default_that_a_suite_cannot_express_concerns_its_component_alone(say: Say, tmp_path: Path) -> None:
    folder = tmp_path / "defaults"
    folder.mkdir()
    (folder / "odd_default.py").write_text(ODD_DEFAULT, encoding="utf-8")
    said = say("doctor", plugins=folder)
    assert said.code == 1
    wrong = [line for line in said.out.splitlines() if line.startswith("wrong ")]
    assert wrong == [
        "wrong model 'coloured' (odd_default:Coloured): parameter 'colour' has a default that a suite cannot express: "
        "<Colour.RED: 1>; use None, a number or text instead"
    ]
    schema = say("schema", plugins=folder)
    assert schema.code == 0
    assert '"const": "coloured"' in schema.out


def test_devices_are_named(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda i: f"card {i}")
    assert "devices: cpu, cuda:0 (card 0), cuda:1 (card 1)" in say("doctor").out
