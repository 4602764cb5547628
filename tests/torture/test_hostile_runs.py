"""Run folders of strangers: nothing in them is followed, waited for or believed, and the message names the file."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.conftest import Say
from harness.store.store import MANIFEST, _digest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("metrics_here")]
SECRET = "a secret of the reader"
COMMANDS = ("table", "report", "score", "compare", "leaderboard", "explain", "history")
FILES = ("plan.json", "curve.png", "cell/result.json", "cell/records.parquet", "cell/artifacts/a.png")
SPECIALS: dict[str, Callable[[Path, Path], None]] = {
    "link": lambda path, secret: path.symlink_to(secret),
    "dangling link": lambda path, secret: path.symlink_to("nowhere"),
    "pipe": lambda path, secret: os.mkfifo(path),
    "device": lambda path, secret: path.symlink_to("/dev/zero"),
    "socket": lambda path, secret: _listen(path),
}


def _listen(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket has at most 108 bytes
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


def arguments(command: str, run: Path) -> list[str | Path]:
    more: dict[str, list[str | Path]] = {
        "score": [run, "--metrics", "heads"],
        "compare": [run, run],
        "leaderboard": [run],
        "history": ["coins"],
        "explain": [run, "fair.wind"],
    }
    return [command, *more.get(command, [run]), "--results", "copy"]


def cell(run: Path) -> Path:
    return next(path for path in (run / "cells").iterdir() if path.name.startswith("fair.wind"))


def placed(run: Path, name: str, special: str, secret: Path) -> Path:
    path = cell(run) / name.removeprefix("cell/") if name.startswith("cell/") else run / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    SPECIALS[special](path, secret)
    return path


@pytest.mark.parametrize("special", SPECIALS)
@pytest.mark.parametrize(
    "name",
    ["plan.json", "curve.png", "cell/log.txt", "cell/result.json", "cell/records.parquet", "cell/artifacts/a.png"],
)
def test_what_is_no_plain_file_is_refused_by_every_command(
    name: str, special: str, run: Path, say: Say, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(SECRET)
    path = placed(run, name, special, tmp_path / "secret")
    for command in COMMANDS[:-1]:
        said = say(*arguments(command, run))
        assert said.code == 2, (command, said)
        assert said.err.startswith("error: ")
        assert f"{path} is a" in said.err
        assert SECRET not in said.out + said.err
    assert say(*arguments("history", run)).code in (0, 2)
    assert not (run / "report.html").exists()


@pytest.mark.parametrize(("name", "special"), [("run.json", "link"), ("table.json", "link"), ("table.json", "pipe")])
def test_history_reads_plain_files_only(name: str, special: str, run: Path, say: Say, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    placed(run, name, special, tmp_path / "secret")
    said = say("history", "coins", "--results", "copy")
    assert said.code == 2
    assert said.err.startswith("error: there is no finished run")


def test_links_to_runs_elsewhere_are_taken_where_the_user_names_them_only(run: Path, say: Say) -> None:
    (run.parent / "29991231T000000.000Z-ffff").symlink_to(run)
    assert f"  in copy/coins/{run.name}\n" in say("explain", "coins", "fair.wind", "--results", "copy").out
    assert say("table", run.parent / "29991231T000000.000Z-ffff", "--results", "copy").code == 0


@pytest.mark.parametrize("special", ["link", "pipe", "device"])
def test_a_store_of_a_stranger(special: str, run: Path, say: Say, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    before = say(*arguments("table", run)).out
    for path in [*(tmp_path / "copy" / "store").rglob("*.json")]:
        path.unlink()
        SPECIALS[special](path, tmp_path / "secret")
    assert say(*arguments("table", run)).out == before


def rewritten(path: Path, change: Callable[[Any], Any]) -> None:
    document = json.loads(path.read_bytes())
    path.unlink()
    path.write_text(json.dumps(change(document) or document))


def sealed(folder: Path) -> None:
    """Write the manifest of a cell anew, as whoever forges it would."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    manifest = {"files": {str(path.relative_to(folder)): _digest(path) for path in files}}
    (folder / MANIFEST).write_text(json.dumps(manifest))


def nested(depth: int) -> Any:
    return json.loads("[" * depth + "]" * depth)


PLANS: dict[str, Callable[[Any], Any]] = {
    "a seed that leads out": lambda p: p["cells"][0].update(seed="/../../../../secret"),
    "a number for a label": lambda p: next(iter(p["uses"].values())).update(label=3),
    "no uses": lambda p: p.pop("uses"),
    "another component": lambda p: next(iter(p["uses"].values())).update(name="os:system"),
    "a list for parameters": lambda p: next(iter(p["uses"].values())).update(parameters=[]),
    "a deep parameter": lambda p: next(iter(p["uses"].values())).update(parameters={"x": nested(500)}),
    "a missing use": lambda p: p["cells"][0].update(task="0"),
    "an experiment that is a list": lambda p: p.update(experiments=[[]]),
    "an expectation without bound": lambda p: p["experiments"][0].update(expect=[{"metric": "heads", "where": {}}]),
    "a number for the suite": lambda p: p.update(suite=3),
    "a truth value for a seed": lambda p: p["cells"][0].update(seed=True),
    "a list": lambda p: [p],
    "a schema of the future": lambda p: p.update(schema=10**6),
    "an unknown field": lambda p: next(iter(p["uses"].values())).update(unknown=1),
}


@pytest.mark.parametrize("name", PLANS)
def test_hostile_plans(name: str, run: Path, say: Say) -> None:
    rewritten(run / "plan.json", PLANS[name])
    for command in COMMANDS[:-1]:
        said = say(*arguments(command, run))
        assert said.code in (0, 2), (command, said)
        assert "Traceback" not in said.err
        if said.code == 2:
            assert said.err.startswith("error: ")


RESULTS: dict[str, Callable[[Any], Any]] = {
    "a text for n": lambda r: r.update(n="x"),
    "another n": lambda r: r.update(n=10**12),
    "a deep protocol": lambda r: r["comparability"].update(protocol={"x": nested(500)}),
    "seeds that are text": lambda r: r["comparability"].update(protocol={"over_seeds": {"seeds": "x"}}),
    "a number for a heading": lambda r: r["facts"].update(display={"x": 3}),
    "a list for facts": lambda r: r.update(facts=[]),
    "a half character": lambda r: r["comparability"].update(protocol={"\ud800": "\ud800"}),
    "a status of its own": lambda r: r.update(status="best"),
    "attempts without fields": lambda r: r.update(attempts=[{}], weights=[{}]),
    "NaN": lambda r: r.update(seconds=float("nan"), cost={"passes": float("nan")}),
    "a list": lambda r: [r],
}


@pytest.mark.parametrize("name", RESULTS)
def test_hostile_results(name: str, run: Path, say: Say) -> None:
    rewritten(cell(run) / "result.json", RESULTS[name])
    sealed(cell(run))
    for command in COMMANDS:
        said = say(*arguments(command, run))
        assert said.code in (0, 1, 2), (command, said)
        assert "Traceback" not in said.err
        assert "internal error" not in said.err


COLUMNS: dict[str, dict[str, Any]] = {
    "no id": {"heads": [True] * 10},
    "no column of the metric": {"id": [str(i) for i in range(10)]},
    "text for truth": {"id": [str(i) for i in range(10)], "heads": ["x"] * 10},
    "lists for truth": {"id": [str(i) for i in range(10)], "heads": [[1, 2]] * 10},
    "missing values": {"id": [None] * 10, "heads": [None] * 10},
    "one id": {"id": ["a"] * 10, "heads": [True] * 10},
    "no rows": {"id": pa.array([], pa.string()), "heads": pa.array([], pa.bool_())},
    "many rows": {"id": [str(i) for i in range(1000)], "heads": [True] * 1000},
    "huge numbers": {"id": [str(i) for i in range(10)], "heads": [2**62] * 10},
    "a schema of the future": {"id": ["a"], "heads": [True]},
}


@pytest.mark.parametrize("name", COLUMNS)
def test_hostile_records(name: str, run: Path, say: Say) -> None:
    schema = {"harness.schema": "x" if "future" in name else "2"}
    (cell(run) / "records.parquet").unlink()
    pq.write_table(pa.table(COLUMNS[name], metadata=schema), cell(run) / "records.parquet")
    sealed(cell(run))
    for command in COMMANDS:
        said = say(*arguments(command, run))
        assert said.code in (0, 1, 2), (command, said)
        assert "Traceback" not in said.err
        assert "internal error" not in said.err


@pytest.mark.parametrize("damage", ["text", "torn", "zeros"])
def test_records_that_are_no_parquet(damage: str, run: Path, say: Say) -> None:
    path = cell(run) / "records.parquet"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes({"text": b"hello", "torn": content[: len(content) // 2], "zeros": bytes(len(content))}[damage])
    sealed(cell(run))
    for command in COMMANDS:
        said = say(*arguments(command, run))
        assert said.code in (0, 1, 2), (command, said)
        assert "internal error" not in said.err


ABOUTS: dict[str, Callable[[Any], Any]] = {
    "text for provenance": lambda a: a.update(provenance="x"),
    "text for git": lambda a: a["provenance"].update(git="x"),
    "git without commit": lambda a: a["provenance"].update(git={"commit": 3}),
    "text for packages": lambda a: a["provenance"].update(packages="x"),
    "numbers for packages": lambda a: a["provenance"].update(packages={"a": 1}),
    "a list for cells": lambda a: a.update(cells=[]),
    "a number for the start": lambda a: a.update(started=3),
    "a list for the device": lambda a: a["provenance"].update(device=[], threads={}, python=None),
    "deep": lambda a: a["provenance"].update(plugins={"x": nested(500)}),
    "a status of its own": lambda a: a.update(status="running", exit_code=[]),
    "no schema": lambda a: a.pop("schema"),
}


@pytest.mark.parametrize("name", ABOUTS)
def test_hostile_facts_of_a_run(name: str, run: Path, say: Say) -> None:
    rewritten(run / "run.json", ABOUTS[name])
    for command in COMMANDS:
        said = say(*arguments(command, run))
        assert said.code in (0, 2), (command, said)
        assert "Traceback" not in said.err
