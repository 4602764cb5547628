"""The page of the command line has all that there is."""

from __future__ import annotations

import re
from pathlib import Path

from harness.cli import COMMANDS
from harness.cli.reference_pages.command_line import EXIT_CODES, VARIABLES, command_line_page
from harness.contract.errors import Exit


def test_every_command_and_exit_code_is_there() -> None:
    headings = re.findall(r"^## `harness (\w+)", command_line_page(), re.M)
    assert set(headings) == set(COMMANDS)
    assert set(EXIT_CODES) == set(Exit)


def test_every_variable_of_the_environment_is_read_or_named_by_click(root: Path) -> None:
    """NO_COLOR, COLUMNS and CUDA_VISIBLE_DEVICES are read by libraries too."""
    sources = "\n".join(
        path.read_text(encoding="utf-8") for top in ("harness", "plugins") for path in (root / top).rglob("*.py")
    )
    ours = set(re.findall(r"[\"'](HARNESS_[A-Z_]+)[\"']", sources))
    set_by_itself = {"HARNESS_WORKER"}
    assert ours - set_by_itself <= set(VARIABLES)
    assert "NO_COLOR" in sources
