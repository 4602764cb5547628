"""Tables of strangers are used or refused with exit code 2, and the message names the file and the field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Finished, Say

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("metrics_here")]
Change = Callable[[dict[str, Any]], object]


def nested(depth: int) -> Any:
    return json.loads("[" * depth + "]" * depth)


def estimate(row: dict[str, Any]) -> dict[str, Any]:
    return row["estimates"]["heads"]


ROWS: dict[str, tuple[Change, str]] = {
    "label: number": (lambda r: r["labels"].update(model=3), "row 1: labels: model is 3, not str"),
    "label: list": (lambda r: r["labels"].update(model=[]), "row 1: labels: model is [], not str"),
    "labels: list": (lambda r: r.update(labels=[]), "row 1: labels is [], not dict"),
    "labels: null": (lambda r: r.update(labels=None), "row 1: labels is null"),
    "seed: text": (lambda r: r.update(seed="0"), 'row 1: seed is "0", not int'),
    "seed: true": (lambda r: r.update(seed=True), "row 1: seed is true"),
    "status: own": (lambda r: r.update(status="best"), "row 1 is no row: 'best' is not a valid Status"),
    "status: list": (lambda r: r.update(status=[]), "row 1: status is []"),
    "n: text": (lambda r: r.update(n="x"), 'row 1: n is "x"'),
    "n: negative": (lambda r: r.update(n=-1), "row 1: n is -1"),
    "n: list": (lambda r: r.update(n=[1]), "row 1: n is [1]"),
    "seconds: NaN": (lambda r: r.update(seconds=float("nan")), "row 1: seconds is nan"),
    "cost: text": (lambda r: r.update(cost={"passes": "x"}), 'row 1: cost: passes is "x"'),
    "cost: negative": (lambda r: r.update(cost={"passes": -1}), "row 1: passes is -1"),
    "cost: huge": (lambda r: r.update(cost={"passes": 10**400}), "passes has no value as a float"),
    "deep": (lambda r: r["comparability"]["protocol"].update(x=nested(60)), "protocol: x is nested deeper than 30"),
    "deeper": (lambda r: r["facts"].update(x=nested(500)), "facts: x is nested deeper than 30 levels"),
    "task: text": (lambda r: r["comparability"].update(task="x"), 'row 1: comparability: task is "x"'),
    "data: list": (lambda r: r["comparability"].update(data=[]), "row 1: comparability: data is []"),
    "data.n: text": (lambda r: r["comparability"]["data"].update(n="x"), "comparability: data: n is"),
    "protocol: null": (lambda r: r["comparability"].update(protocol=None), "comparability: protocol is null"),
    "seeds": (lambda r: r["comparability"]["protocol"].update(over_seeds={"seeds": ["x"]}), "over_seeds: seeds is"),
    "components: list": (lambda r: r.update(components=[]), "row 1: components is []"),
    "facts: text": (lambda r: r.update(facts="x"), "row 1: facts is"),
    "display: number": (lambda r: r["facts"].update(display={"x": 3}), "facts: display: x is 3"),
    "cost block: text": (lambda r: r["facts"].update(cost={"flops": "x"}), "cost: flops is"),
    "value: text": (lambda r: estimate(r).update(value="x"), "row 1: estimates: heads: value is a str, not a number"),
    "value: outside": (lambda r: estimate(r).update(value=7), "heads: the value 7 lies outside its interval"),
    "value: NaN": (lambda r: estimate(r).update(value=float("nan")), "estimates: heads: value is NaN"),
    "value: inf": (lambda r: estimate(r).update(value=float("inf")), "estimates: heads: value is infinite"),
    "value: huge": (lambda r: estimate(r).update(value=10**400), "heads: value has no value as a float"),
    "low: above": (lambda r: estimate(r).update(low=0.9, high=0.1), "heads: interval"),
    "level": (lambda r: estimate(r).update(level=42), "heads: level is 42"),
    "p": (lambda r: estimate(r).update(p=7), "heads: p is 7"),
    "estimate.n": (lambda r: estimate(r).update(n=-5), "heads: n is -5"),
    "method: number": (lambda r: estimate(r).update(method=3), "heads: method is a int, not text"),
    "estimate: field": (lambda r: estimate(r).update(unknown=1), "heads: got an unexpected keyword argument 'unknown'"),
    "estimate: missing": (lambda r: estimate(r).pop("level"), "heads: missing 1 required positional argument: 'level'"),
    "estimate: list": (lambda r: r["estimates"].update(heads=[]), "estimates: heads is [], not dict"),
    "estimates: null": (lambda r: r.update(estimates=None), "row 1: estimates is null"),
    "no status": (lambda r: r.pop("status"), "row 1 has no 'status'"),
    "unknown field": (lambda r: r.update(unknown=1), "row 1 is no row: "),
    "long text": (lambda r: r["labels"].update(model="x" * 10_000_001), "labels: model is a text of 10,000,001 char"),
    "long name": (lambda r: r["labels"].update({"x" * 10_000_001: "y"}), "a name in row 1: labels is a text of"),
    "derived: number": (lambda r: r.update(derived=3), "row 1: derived is 3, not str"),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_hostile_row_is_refused_by_name(name: str, finished: Finished, say: Say, tmp_path: Path) -> None:
    change, told = ROWS[name]
    table = json.loads((finished.coins / "table.json").read_text())
    change(table["rows"][0])
    (tmp_path / "bad.json").write_text(json.dumps(table))
    for command in (("compare", "bad.json", finished.coins / "table.json"), ("leaderboard", "bad.json")):
        said = say(*command, "--results", finished.results)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith("error: bad.json is no table that this version can read: ")
        assert told in said.err
        assert len(said.err) < 1000


TEXTS = {
    "a name twice": ('{"rows": [], "rows": []}', "'rows' stands twice in an object"),
    "a name twice, deep": ('{"rows": [{"labels": {"model": "a", "model": "b"}}]}', "'model' stands twice"),
    "nothing": ("", "Expecting value"),
    "a list": ("[]", "it is [], not dict"),
    "no rows": ("{}", "rows is null, not list"),
    "a number for rows": ('{"rows": 3}', "rows is 3, not list"),
    "a number for a row": ('{"rows": [3]}', "row 1 is 3, not dict"),
    "nothing but brackets": ("[" * 100_000, "recursion"),
    "a long line": (f'{{"rows": ["{"x" * 100_000_000}"]}}', "row 1 is a text of 100,000,000 characters"),
    "a long number": (f'{{"rows": [{"1" * 5000}]}}', "4300 digits"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_no_table(name: str, finished: Finished, say: Say, tmp_path: Path) -> None:
    text, told = TEXTS[name]
    (tmp_path / "bad.json").write_text(text)
    said = say("leaderboard", "bad.json", "--results", finished.results)
    assert said.code == 2
    assert re.match("error: bad.json is no table that this version can read: ", said.err)
    assert told in said.err


def test_a_file_that_never_ends_is_not_read_whole(finished: Finished, say: Say, tmp_path: Path) -> None:
    with (tmp_path / "bad.json").open("wb") as file:
        file.truncate(1 << 40)
    said = say("leaderboard", "bad.json", "--results", finished.results)
    assert said.code == 2
    assert said.err == "error: bad.json cannot be read: it has more than 1,073,741,824 bytes\n"


@pytest.mark.parametrize("name", ["label: number", "value: outside", "deep", "seed: text", "estimates: null"])
def test_history_leaves_out_a_hostile_table_by_name(name: str, run: Path, say: Say) -> None:
    change, told = ROWS[name]
    table = json.loads((run / "table.json").read_text())
    change(table["rows"][0])
    (run / "table.json").unlink()
    (run / "table.json").write_text(json.dumps(table))
    said = say("history", "coins", "--results", "copy")
    assert said.code == 2
    assert f"{run.name} is left out: " in said.err
    assert told in said.err
