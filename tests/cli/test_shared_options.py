"""Options of every command, and errors in one form."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from cli.conftest import PLUGINS
from harness.cli import COMMANDS, _error_prefix, cli, main


@pytest.mark.parametrize("line", [["--plugins-dir", str(PLUGINS), "list"], ["list", "--plugins-dir", str(PLUGINS)]])
def test_plugins_stand_before_the_command_or_behind_it(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line) == 0
    assert "coin" in capsys.readouterr().out


def test_every_command_takes_them() -> None:
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        inner = list(command.commands.values()) if isinstance(command, click.Group) else [command]
        for each in inner:
            names = [parameter.name for parameter in each.params]
            assert names.count("plugins_dirs") == names.count("debug") == 1, name


def test_debugging_may_be_asked_for_behind_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["plan", str(tmp_path / "no.yaml"), "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["run"], "error: Missing argument 'SUITE'.\nsee harness run --help\n"),
        (["plan", "x", "--limit", "0"], "error: Invalid value for '--limit': 0 is not in the range x>=1."),
        (["rnu"], "error: No such command 'rnu'."),
        (["plan", "no-such-suite"], "error: there is no suite 'no-such-suite'; give a path"),
    ],
)
def test_errors_have_one_form(line: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line) == 2
    assert capsys.readouterr().err.startswith(told)


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert _error_prefix() != "error:"
    monkeypatch.setenv("NO_COLOR", "1")
    assert _error_prefix() == "error:"
    with cli.make_context("harness", ["list"]) as context:
        cli.callback and context.invoke(cli.callback, plugins_dirs=(), debug=False)
        assert context.color is False


def test_shells_can_complete_options(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("_HARNESS_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "harness run --li")
    monkeypatch.setenv("COMP_CWORD", "2")
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 0
    assert capsys.readouterr().out.split() == ["plain,--limit"]
