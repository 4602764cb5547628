"""Hooks that lie, raise, hang or crash while a run is planned, described or redacted: each costs its own answer."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import COINS, PLUGINS, Say, say
from harness import run
from harness.contract.cells import Cell
from harness.isolation import Fault
from harness.plugins import load_catalog
from harness.scoring_process import client
from harness.scoring_process.client import ScoringProcess
from harness.signatures import SignatureReader
from harness.suite.load import load_suite
from harness.suite.plan_hooks import filtered, first_objections
from harness.suite.resolve import make_plan

__all__ = ["say"]

LIMIT = 3.0
NAME = "odd_hooks"
GARBAGE = (
    "import os, stat; [os.write(f, b'[' * 100_000 + b'\\n') for f in map(int, os.listdir('/proc/self/fd')) "
    "if f > 2 and os.path.exists(f'/proc/self/fd/{f}') and stat.S_ISSOCK(os.fstat(f).st_mode)]"
)
MISDEEDS = {
    "import time; time.sleep(1000)": f"took longer than {LIMIT:g} s",
    "import os; os._exit(0)": "its worker exited with code 0 without a result",
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": "its worker crashed: SIGSEGV",
    "raise BaseException('stop')": "BaseException: stop",
    "raise SystemExit(0)": "SystemExit: 0",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "raise OSError(b'\\xff'.decode('utf-8', 'surrogateescape'))": "OSError: \\udcff",
    GARBAGE: "its worker sent something else than an answer",
}
KEPT = {
    "cells.append(cells[0])": "put a cell into the plan twice",
    "cells.append(3)": "put something new into the plan",
    "import dataclasses; cells[0] = dataclasses.replace(cells[0], seed=7)": "put something new into the plan",
}
OBJECTIONS = {"return 3": "it must return text or None, not int"}
FACTS = {
    "return 7": "it must return a mapping, not int",
    "return {1: object()}": "what it returned cannot stand in JSON: Object of type object is not JSON serializable",
    "return {'x': float('nan')}": "what it returned cannot stand in JSON: Out of range float values",
    "x = []; [x := [x] for _ in range(500)]; return {'x': x}": "its answer: x is nested deeper than 30 levels",
    "return {'x': ['y' * 100] * 100_000}": "its facts have 10,4",
}
TEXTS = {"return 7": f"[not shown: harness_redact of plugin {NAME!r} gave a int, not text]"}


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "coins.py").write_text((PLUGINS / "coins.py").read_text())
    (tmp_path / "coins.yaml").write_text(COINS)
    monkeypatch.setattr(client, "HOOK_LIMIT_SECONDS", LIMIT)
    # Other tests have plugins of these names too.
    for name in (NAME, "coins"):
        sys.modules.pop(name, None)
    yield folder
    for name in (NAME, "coins"):
        sys.modules.pop(name, None)


def write_hook(folder: Path, hook: str, body: str) -> Path:
    text = f"from harness.api import hookimpl\n\n\n@hookimpl\ndef {hook}:\n    {body}\n"
    (folder / f"{NAME}.py").write_text(text, encoding="utf-8")
    return folder


def cells_in(folder: Path) -> list[Cell]:
    # Without hooks, which would do here what they do.
    alone = load_catalog(entry_points=[], extra={"coins": sys.modules["coins"]})
    return list(make_plan(load_suite(str(folder.parent / "coins.yaml")), alone, SignatureReader()).cells)


def kept(calls: ScoringProcess, folder: Path) -> str:
    catalog = load_catalog([folder], entry_points=[])
    cells = cells_in(folder)
    left, (warning,) = filtered(cells, catalog, calls)
    assert left == cells
    return warning.removeprefix(f"plugin {NAME!r} is ignored: harness_modify_cells: ")


def objections(calls: ScoringProcess, folder: Path) -> str:
    catalog = load_catalog([folder], entry_points=[])
    reasons, warnings = first_objections(cells_in(folder), catalog, calls)
    assert reasons == {}
    (warning,) = set(warnings)
    return warning.removeprefix(f"plugin {NAME!r} is ignored: harness_incompatible: ")


def facts(calls: ScoringProcess, folder: Path) -> str:
    answer = calls.facts(NAME)
    assert isinstance(answer, Fault)
    return answer.reason


def redacted(calls: ScoringProcess, folder: Path) -> str:
    answer = calls.redact(["one", "two"])
    if isinstance(answer, Fault):
        return answer.reason
    first, second = answer
    assert first == second
    return re.sub(r"^\[not shown: harness_redact of plugin '\w+' failed: (.*)\]$", r"\1", first)


Ask = Callable[[ScoringProcess, Path], str]
HOOKS: list[tuple[str, Ask, dict[str, str]]] = [
    ("harness_modify_cells(cells)", kept, KEPT),
    ("harness_incompatible(cell)", objections, OBJECTIONS),
    ("harness_provenance()", facts, FACTS),
    ("harness_redact(text)", redacted, TEXTS),
]


@pytest.mark.slow
@pytest.mark.parametrize(("hook", "ask", "own"), HOOKS)
def test_a_misdeed_costs_its_own_answer(plugins: Path, hook: str, ask: Ask, own: dict[str, str]) -> None:
    # What it does is read anew at each call, so that one process serves until it dies.
    write_hook(plugins, hook, f"return eval_body({', '.join(re.findall('[a-z]+(?=[,)])', hook))})")
    with (plugins / f"{NAME}.py").open("a") as file:
        arguments = hook.partition("(")[2]
        file.write(
            "\n\ndef eval_body(*arguments):\n    from pathlib import Path\n    scope = {}\n"
            f"    exec('def hook({arguments}:\\n    ' + (Path(__file__).parent / 'body').read_text(), scope)\n"
            "    return scope['hook'](*arguments)\n"
        )
    answers: dict[str, Any] = {}
    (plugins / "body").write_text("return None")
    with ScoringProcess([plugins]) as calls:
        for body in (*MISDEEDS, *own):
            # The catalog of this process may not do it.
            (plugins / "body").write_text(body)
            answers[body] = ask(calls, plugins)
    for body, reason in {**MISDEEDS, **own}.items():
        assert answers[body].startswith(reason), body


def test_hooks_of_the_plan_work_in_their_process(say: Say, plugins: Path) -> None:
    body = "cells[:] = [cell for cell in reversed(cells) if cell.labels['attack'] == 'none']"
    said = say("plan", "coins.yaml", plugins=write_hook(plugins, "harness_modify_cells(cells)", body))
    lines = [line.split() for line in said.out.splitlines() if " none " in line]
    assert [line[1] for line in lines] == ["bent", "fair"]
    assert "2 cells: 2 to run, 0 skipped, 2 deselected" in said.out
    sys.modules.pop(NAME)
    body = "return 'no\\nwind' if cell.labels['attack'] == 'wind' else None"
    said = say("plan", "coins.yaml", plugins=write_hook(plugins, "harness_incompatible(cell)", body))
    assert said.out.count("skip: no wind") == 2
    assert said.err == ""


@pytest.mark.slow
def test_a_run_ends_with_its_tables(plugins: Path, tmp_path: Path) -> None:
    hooks = ("harness_modify_cells(cells)", "harness_incompatible(cell)", "harness_provenance()")
    text = "\n".join(f"@hookimpl\ndef {hook}:\n    os._exit(0)\n" for hook in hooks)
    hang = "@hookimpl\ndef harness_cell_end(run_id, row):\n    time.sleep(1000)\n"
    (plugins / f"{NAME}.py").write_text(f"import os, time\nfrom harness.api import hookimpl\n\n{text}\n{hang}")
    done = run(tmp_path / "coins.yaml", results=tmp_path / "results", plugin_folders=[plugins])
    assert done.exit_code == 0
    assert (done.folder.path / "table.md").is_file()
    exited = "its worker exited with code 0 without a result"
    assert done.warnings == (
        f"plugin {NAME!r} is ignored: harness_modify_cells: {exited}",
        f"plugin {NAME!r} is ignored: harness_incompatible: {exited}",
        f"plugin {NAME}: harness_cell_end: took longer than {LIMIT:g} s; it is told no more in this run",
    )
    about = json.loads((done.folder.path / "run.json").read_text())
    assert about["provenance"]["plugins"] == {NAME: {"error": exited}}
