"""One hostile label in every place of a suite, through every command and every file: it commands nobody."""

from __future__ import annotations

import ast
import csv
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import PLUGINS, Said, Say
from harness.cli import display, main, streams, terminal_display
from harness.contract.rows import Row, Status

HOSTILE = "=x\x1b]0;owned\x07\x1b[2J\x9b31m\r\n\u202eb|<script>alert(1)</script>"
COMMANDS = set("\x1b\x07\x9b\r\u202e")
FORMATS = ("text", "md", "csv", "tex", "html")
LABEL = json.dumps(HOSTILE)
SUITE = f"""
suite: hostile
about: {LABEL}
task: toss
data: {{use: throws, as: {LABEL}}}
models:
  - {{use: coin, as: {LABEL}, with: {{heads: 6}}}}
  - {{use: coin, as: {json.dumps("other" + HOSTILE)}, with: {{heads: 9}}}}
attacks: [none, {{use: wind, as: {json.dumps("storm" + HOSTILE)}, with: {{how: hard}}}}]
metrics: [{{use: heads, as: {LABEL}}}]
expect:
  - {{metric: {LABEL}, at_least: 0.99}}
"""
PLUGIN = f"""
{(PLUGINS / "coins.py").read_text(encoding="utf-8")}

HOSTILE = {HOSTILE!r}
_run = Toss.run

def run(self, model: Coin, data: Dataset, attack: Wind | None = None, *, ctx: Context) -> Outcome:
    print(HOSTILE)
    if attack is not None:
        raise ValueError(HOSTILE)
    return _run(self, model, data, attack, ctx=ctx)

Toss.run = run

@hookimpl
def harness_provenance():
    return {{HOSTILE: HOSTILE}}
"""
Hostile = Callable[..., Said]


@pytest.fixture
def hostile(say: Say, tmp_path: Path) -> Hostile:
    (tmp_path / "s.yaml").write_text(SUITE, encoding="utf-8")
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "hostile_coins.py").write_text(PLUGIN, encoding="utf-8")
    return lambda *arguments: say(*arguments, plugins=tmp_path / "p")


def is_harmless(text: str) -> bool:
    return not COMMANDS & set(text)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Glyph")
def test_no_command_prints_it(hostile: Hostile, tmp_path: Path) -> None:
    assert hostile("run", "s.yaml", "--device", "cpu", "--isolation", "inline").code == 1
    (run,) = (tmp_path / "results" / "hostile").iterdir()
    cells = sorted((run / "cells").iterdir())
    key = json.loads((run / "table.json").read_text())["rows"][0]["key"]
    commands: list[tuple[str | Path, ...]] = [
        ("plan", "s.yaml"),
        ("table", "hostile", "--costs"),
        ("report", "hostile"),
        ("score", "hostile", "--metrics", f"[{{use: heads, as: {LABEL}}}]"),
        ("compare", "hostile", run / "table.json", "--all", "--output", "c.md"),
        ("compare", "hostile", "hostile", "--all", "--output", "c.csv"),
        ("compare", "hostile", "hostile", "--allow", HOSTILE, "--output", "c.json"),
        ("leaderboard", "results"),
        *(("leaderboard", "results", "--protocol", key, "--format", name) for name in FORMATS),
        *(("export", "hostile", "--format", name) for name in ("csv", "latex", "bmf", "hud", "hf-eval-results")),
        ("export", "hostile", "--format", "every-eval-ever", "--output", "e"),
        ("import", "s.yaml"),
        ("import", HOSTILE, "--map", HOSTILE),
        ("history", "hostile", "--json", "h.json"),
        *(("explain", "hostile", cell.name) for cell in cells),
        ("explain", "hostile", HOSTILE),
        ("list", "models"),
        ("describe", HOSTILE),
        ("run", HOSTILE),
        ("table", HOSTILE),
        ("compare", HOSTILE, "hostile"),
        ("table", "hostile", HOSTILE),
        ("--debug", "table", HOSTILE),
        ("--debug", "run", "s.yaml", "--device", HOSTILE),
        ("cache", "verify"),
    ]
    for command in commands:
        said = hostile(*command)
        assert said.code in (0, 1, 2), (command, said.err)
        assert is_harmless(said.out + said.err), command
    written = [*run.glob("*.*"), *tmp_path.glob("[ch].*")]
    assert {path.suffix for path in written} >= {".md", ".csv", ".json", ".html"}
    for path in written:
        if path.suffix != ".png":
            assert is_harmless(path.read_text(encoding="utf-8")), path
    tags = [path for path in written if path.suffix in (".md", ".html") and "<script>alert" in path.read_text()]
    assert [path.name for path in tags if r"\<script>alert" not in path.read_text()] == []
    models = [line["model"] for line in csv.DictReader((run / "table.csv").open(encoding="utf-8", newline=""))]
    assert models[0].startswith("'=x")


def test_styles_of_ours_are_kept_and_those_of_strangers_spelt_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    streams.echo(f"{streams.styled('error:', fg='red', bold=True)} \x1b[31m{HOSTILE}")
    told = capsys.readouterr().out
    assert told.startswith("\x1b[31m\x1b[1merror:\x1b[0m \\x1b[31m=x\\x1b]0;")
    assert told.count("\x1b") == 3


@pytest.mark.parametrize("make", [display.LineDisplay, terminal_display.TerminalDisplay])
def test_displays(make: type, capsys: pytest.CaptureFixture[str]) -> None:
    shown = make()
    shown.begin(1, 0)
    shown.cell_done(Row("e", {"model": HOSTILE}, 0, Status.FAILED, HOSTILE))
    shown.warn(HOSTILE)
    shown.close()
    told = capsys.readouterr().err
    assert "owned" in told
    assert is_harmless(told.replace("\r\n", "\n"))


def test_commands_print_by_one_function(root: Path) -> None:
    """What goes round it goes round the escaping."""
    for path in sorted((root / "harness" / "cli").glob("*.py")):
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        allowed = {
            "streams.py": {"click.echo", "click.style"},
            "display.py": {"print"},
            "run_command.py": {"print"},
        }.get(path.name, set())
        around = {"click.echo", "click.secho", "click.style", "print", "sys.stdout.write", "sys.stderr.write"}
        assert {ast.unparse(call) for call in calls} & around <= allowed, path.name


def test_warnings_of_libraries(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    streams.escape_warnings()
    warnings.showwarning(UserWarning(HOSTILE), UserWarning, HOSTILE, 1)
    told = capsys.readouterr().err
    assert "owned" in told
    assert is_harmless(told)


def test_messages_of_the_command_line_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([HOSTILE]) == 2
    assert main(["run", "s", "--isolation", HOSTILE]) == 2
    assert is_harmless(capsys.readouterr().err)
