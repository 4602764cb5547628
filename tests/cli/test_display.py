"""What a run shows while it goes on: lines in a log, bars on a terminal."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from harness.cli.display import LineDisplay, make_display
from harness.cli.terminal_display import TerminalDisplay
from harness.contract.cells import Cell, Use
from harness.contract.rows import Row, Status

CELL = Cell("e", Use("task", "p/t", "t", 1, {}), {"model": Use("model", "p/m", "net [b]", 1, {}), "attack": None})


def row(status: Status = Status.OK, reason: str = "", seconds: float | None = 1.234) -> Row:
    return Row("e", CELL.labels, 0, status, reason, seconds=seconds, cell=CELL.id)


def test_a_line_for_each_cell(capsys: pytest.CaptureFixture[str]) -> None:
    lines = LineDisplay()
    lines.begin(3, 0)
    lines.working(CELL)
    lines.cell_done(row())
    lines.cell_done(row(Status.FAILED, "ValueError: no", None))
    lines.cell_done(row(Status.SUSPECT, "a: 1 of 2; b: more; a: again"))
    lines.close()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "3 cells, 0 finished before",
        "[1/3] net [b] / none: ok 1.23 s",
        "[2/3] net [b] / none: failed: ValueError: no",
        "[3/3] net [b] / none: suspect: a, b 1.23 s",
    ]


def test_where_all_is_reused_only_what_is_not_ok_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = LineDisplay()
    lines.begin(2, 2)
    lines.cell_done(row())
    lines.cell_done(row(Status.SUSPECT, "a: x"))
    assert capsys.readouterr().err.splitlines() == [
        "2 cells, 2 finished before",
        "[2/2] net [b] / none: suspect: a 1.23 s",
    ]


def test_what_was_interrupted_has_no_line_and_long_work_one_at_its_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = LineDisplay()
    lines.begin(2, 0)
    lines.cell_done(row(Status.INTERRUPTED))
    lines.progress(CELL, "training net", 1, 2)
    lines.progress(CELL, "training net", 2, 2)
    lines.progress(CELL, "", 2, 2)
    lines.progress(CELL, "waiting", 0, 0)
    lines.warn("a plugin is broken")
    assert capsys.readouterr().err.splitlines()[1:] == ["training net: done", "warning: a plugin is broken"]


def test_lines_go_where_the_errors_went_at_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a cell runs, the error stream is its log."""
    lines = LineDisplay()
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    lines.warn("here")
    assert log.getvalue() == ""


@pytest.fixture
def terminal() -> tuple[TerminalDisplay, io.StringIO]:
    """A display on a terminal of which what stays can be read."""
    display, stream = TerminalDisplay(), io.StringIO()
    display._console = display._bars.live.console = Console(file=stream, width=200, color_system=None)
    return display, stream


def test_a_terminal_keeps_what_is_not_ok_and_has_a_bar_for_what_runs(
    terminal: tuple[TerminalDisplay, io.StringIO],
) -> None:
    display, stream = terminal
    display.begin(3, 1)
    display.working(CELL)
    display.progress(CELL, "training [net]", 1, 4)
    bars = {str(task.description): (task.completed, task.total) for task in display._bars.tasks}
    # Of three cells one was finished before; brackets are no markup.
    assert bars == {"cells": (0, 2), "training \\[net]": (1, 4)}
    display.cell_done(row(Status.FAILED, "the coin is [gone]"))
    assert [(task.description, task.completed) for task in display._bars.tasks] == [("cells", 1)]
    display.cell_done(row())
    display.warn("a [plugin]")
    display.close()
    kept = stream.getvalue()
    assert "net [b] / none failed: the coin is [gone]\n" in kept
    assert "warning: a [plugin]\n" in kept
    assert " ok" not in kept


def test_a_terminal_shows_no_bar_where_nothing_is_to_do(terminal: tuple[TerminalDisplay, io.StringIO]) -> None:
    display, _ = terminal
    display.begin(2, 2)
    display.progress(CELL, "late", 1, 2)
    display.cell_done(row())
    assert display._bars.tasks == []
    display.close()


@pytest.mark.parametrize(("is_terminal", "kind"), [(True, TerminalDisplay), (False, LineDisplay)])
def test_the_display_suits_the_stream(monkeypatch: pytest.MonkeyPatch, is_terminal: bool, kind: type) -> None:
    stream = io.StringIO()
    stream.isatty = lambda: is_terminal  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", stream)
    assert type(make_display()) is kind
