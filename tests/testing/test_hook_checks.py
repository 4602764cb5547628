"""A plugin whose hooks fail is found; one that is not there is an error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli import main
from harness.contract.errors import UsageError
from harness.testing import check_hooks

HOOKS = '''
"""Observes runs."""

from harness.api import Section, hookimpl


@hookimpl
def harness_cell_end(run_id, row):
    {observe}


@hookimpl
def harness_page_sections(cells):
    return [Section("Seen", "<p>{{{{ n }}}}</p>", {{"n": {section}}})]
'''


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Each test has a module of its own under this name."""
    yield
    sys.modules.pop("seeing", None)


def written(folder: Path, observe: str = "pass", section: str = "len(cells)") -> Path:
    (folder / "seeing.py").write_text(HOOKS.format(observe=observe, section=section), encoding="utf-8")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("faults", "told"),
    [
        ({}, ""),
        ({"observe": "raise ValueError('the chat is closed')"}, "the chat is closed"),
        ({"section": "cells[0].no_such_name"}, "no_such_name"),
    ],
)
def test_a_hook_that_fails_is_found(tmp_path: Path, faults: dict[str, str], told: str) -> None:
    hooks, warnings = check_hooks("seeing", plugin_folders=written(tmp_path, **faults))
    assert (hooks.state, hooks.reason) == ("ok", "harness_cell_end, harness_page_sections")
    assert warnings.state == ("wrong" if told else "ok")
    assert told in warnings.reason


@pytest.mark.slow
def test_the_command_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, observe="raise ValueError('the chat is closed')")
    assert main(["--plugins-dir", str(tmp_path), "doctor", "seeing"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("plugin seeing\n")
    assert "the chat is closed" in said


def test_a_plugin_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "seeing.py").write_text("raise OSError('no disk')", encoding="utf-8")
    with pytest.raises(UsageError, match=r"(?s)no plugin named 'seeing'.*no disk"):
        check_hooks("seeing", plugin_folders=tmp_path)
