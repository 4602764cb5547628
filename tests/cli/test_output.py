"""The width of the terminal, and files that a user named."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from harness.cli.output import terminal_width, write_named_file
from harness.contract.errors import UsageError


@pytest.mark.parametrize(("is_terminal", "width"), [(True, 77), (False, 10_000)])
def test_tables_are_fitted_to_a_terminal_only(monkeypatch: pytest.MonkeyPatch, is_terminal: bool, width: int) -> None:
    monkeypatch.setenv("COLUMNS", "77")
    stream = io.StringIO()
    stream.isatty = lambda: is_terminal  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdout", stream)
    assert terminal_width() == width


def test_a_file_is_written_in_one_encoding_everywhere(tmp_path: Path) -> None:
    write_named_file(tmp_path / "file", "≤ ä")
    assert (tmp_path / "file").read_bytes() == "≤ ä".encode()


def test_a_file_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    for path, told in ((tmp_path / "no" / "file", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(UsageError) as error:
            write_named_file(path, "")
        assert str(error.value) == f"{str(path)!r} cannot be written: {told}"
