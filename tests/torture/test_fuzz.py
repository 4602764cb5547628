"""Mutated suites, tables and run folders: every command ends with words and an exit code of its own."""

from __future__ import annotations

import copy
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cli.conftest import MIXED, Finished, Say

pytestmark = pytest.mark.usefixtures("metrics_here")
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(st.characters(exclude_categories=()), max_size=12),
    st.sampled_from([10**400, "", "..", "/", "=1", "\x1b[2J", "*", "none", "0", -1, 2**63, 1e308]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON document but the whole."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield (*at, name)
        yield from places(each, (*at, name))


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """A document with one to three changes: a value replaced, removed, doubled, or put in the place of another."""
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        known = list(places(changed))
        if not known:
            break
        at = draw(st.sampled_from(known))
        inside = changed
        for name in at[:-1]:
            inside = inside[name]
        how = draw(st.sampled_from(["value", "value", "value", "removed", "moved", "renamed", "doubled"]))
        if how == "value":
            inside[at[-1]] = draw(VALUES)
        elif how == "removed":
            del inside[at[-1]]
        elif how == "moved":
            other: Any = changed
            for name in draw(st.sampled_from(known)):
                other = other[name]
            inside[at[-1]] = copy.deepcopy(other)
        elif how == "renamed" and isinstance(inside, dict):
            inside[draw(st.text(max_size=8))] = inside.pop(at[-1])
        elif how == "doubled" and isinstance(inside, list):
            inside.append(copy.deepcopy(inside[at[-1]]))
    return changed


@st.composite
def damaged_text(draw: st.DrawFn, text: str) -> bytes:
    """A text that was cut, or had a few bytes replaced."""
    content = bytearray(text.encode())
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        content[start : start + draw(st.integers(0, 6))] = draw(st.binary(max_size=6))
    return bytes(content)


class Fuzz:
    """Runs commands with mutated files until the time is over."""

    def __init__(self, seconds: float, say: Say) -> None:
        self._end, self._say = time.monotonic() + seconds, say
        self.tried = 0

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self._end

    def __call__(self, *command: str | Path) -> None:
        said = self._say(*command)
        self.tried += 1
        assert said.code in (0, 1, 2, 3), (command, said.err)
        assert "Traceback" not in said.err
        if said.code == 2:
            assert "rror: " in said.err
        assert not set("\x1b\x07\x9b\u202e") & set(said.out + said.err)


def drive(seconds: float, finished: Finished, say: Say, folder: Path) -> int:
    fuzz = Fuzz(seconds, say)
    table = json.loads((finished.coins / "table.json").read_text())
    run = folder / "copy" / "coins" / finished.coins.name
    shutil.copytree(finished.coins, run)
    texts = {name: (run / name).read_text() for name in ("run.json", "plan.json", "table.json")}
    suite = yaml.safe_load(MIXED)

    def written(name: str, content: bytes) -> Path:
        (run / name).unlink(missing_ok=True)
        (run / name).write_bytes(content)
        return run / name

    how = settings(
        max_examples=20,
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )

    @how
    @given(st.data())
    def examples(data: st.DataObject) -> None:
        target = data.draw(st.sampled_from(["suite", "suite text", "table", "table text", "run", "plan", "result"]))
        if target.startswith("suite"):
            text = data.draw(damaged_text(MIXED)) if "text" in target else yaml.safe_dump(data.draw(mutated(suite)))
            (folder / "s.yaml").write_bytes(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))
            fuzz("plan", "s.yaml", "--results", "copy")
        elif target.startswith("table"):
            whole = json.dumps(data.draw(mutated(table))).encode()
            content = data.draw(damaged_text(texts["table.json"])) if "text" in target else whole
            bad = written("table.json", content)
            fuzz("compare", bad, finished.coins / "table.json", "--results", "copy")
            fuzz("leaderboard", bad, "--results", "copy", "--protocol", "")
            fuzz("history", "coins", "--results", "copy", "--output", folder / "h.png")
        else:
            name = "run.json" if target == "run" else "plan.json"
            if target == "result":
                path = next((run / "cells").iterdir()) / "result.json"
                name = str(path.relative_to(run))
                texts.setdefault(name, path.read_text())
            written(name, json.dumps(data.draw(mutated(json.loads(texts[name])))).encode())
            command = data.draw(st.sampled_from(["table", "report", "compare", "leaderboard", "explain"]))
            more = {"compare": [run], "explain": ["fair.wind"], "leaderboard": ["--protocol", ""]}.get(command, [])
            fuzz(command, run, *more, "--results", "copy")
            for each, text in texts.items():
                written(each, text.encode())

    while not fuzz.is_over:
        examples()
    print(f"{fuzz.tried} commands")
    return fuzz.tried


def test_for_five_seconds(finished: Finished, say: Say, tmp_path: Path) -> None:
    assert drive(5.0, finished, say, tmp_path) > 0


@pytest.mark.extended
def test_for_a_minute(finished: Finished, say: Say, tmp_path: Path) -> None:
    assert drive(60.0, finished, say, tmp_path) > 0
