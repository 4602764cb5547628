"""A table.json of somebody else is compared and ranked, or refused in words; nothing in it is an internal error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.api import Estimate, Row, Status
from harness.contract.errors import HarnessError, InvalidOutput, UsageError
from harness.plugins import Catalog
from harness.results.comparison.compare import compare
from harness.results.comparison.open_runs import open_latest, open_sides
from harness.results.comparison.table import WRITERS as COMPARISON_WRITERS
from harness.results.comparison.table import terminal_text
from harness.results.leaderboard.ranks import board, chosen_protocols, protocols
from harness.results.leaderboard.table import WRITERS as BOARD_WRITERS
from harness.results.leaderboard.table import protocols_text
from harness.results.table import table_json
from harness.scoring.in_process import InThisProcess
from json_places import places, put

DEEP = json.loads("[" * 60 + "]" * 60)
NONSENSE: list[Any] = [None, "x", "\ud800", -1, 0, 2.5, 10**400, True, [], {}, [[1]], {"a": {"b": []}}, DEEP, 10**12]


def rows() -> list[dict[str, Any]]:
    made = []
    for model, accuracy in (("small", 0.5), ("large", 0.75)):
        estimate = Estimate(accuracy, accuracy - 0.1, accuracy + 0.1, 0.95, "wilson", 120, null=0.1, p=0.5)
        comparability = {
            "task": {"name": "harness_classification/classify", "version": 1, "parameters": {}},
            "data": {"digest": "d", "ids": "i", "n": 120},
            "protocol": {"threat": {"norm": "linf", "eps": 0.1}, "over_seeds": {"statistic": "mean", "seeds": [0, 1]}},
        }
        facts = {
            "model": {},
            "weights": {"digest": "w", "trained_here": True},
            "cost": {"parameters": 10, "flops_call": "forward"},
            "display": {"threat": "linf 0.1"},
        }
        components = {"model": {"name": model}, "data": {"name": "digits"}, "attack": None}
        row = Row(
            "e",
            {"model": model, "data": "digits", "attack": "none"},
            0,
            Status.OK,
            estimates={"accuracy": estimate},
            n=120,
            comparability=comparability,
            cost={"passes": 1.0},
            seconds=0.5,
            cell=f"e-{model}",
            components=components,
            facts=facts,
        )
        made.append(row.to_json())
    return made


PLACES = [at for at in places(rows()[0]) if at]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return written(tmp_path / "good.json", rows())


def written(path: Path, table: Any) -> Path:
    path.write_text(json.dumps({"suite": "s", "rows": table}))
    return path


def test_a_good_table_is_read_as_it_was(good: Path) -> None:
    assert [row.to_json() for row in table_json(good)] == rows()


def use(bad: Path, good: Path, tmp_path: Path, catalog: Catalog) -> None:
    for sides in ((bad, good), (good, bad)):
        comparison = compare(
            *open_sides(str(sides[0]), str(sides[1]), tmp_path, catalog, InThisProcess(catalog)), (), (), ()
        )
        terminal_text(comparison, 100, everything=True)
        for write in COMPARISON_WRITERS.values():
            write(comparison).encode()
    sides, _ = open_latest(str(bad), tmp_path, catalog, InThisProcess(catalog))
    candidates = protocols(sides)
    protocols_text(candidates).encode()
    for protocol in candidates:
        boards = [board(each, "") for each in chosen_protocols(candidates, protocol.key, "")]
        for write in BOARD_WRITERS.values():
            write(boards).encode()


@pytest.mark.slow
@pytest.mark.parametrize("at", PLACES, ids=lambda at: ".".join(map(str, at)))
def test_nonsense_anywhere_is_used_or_refused_in_words(
    at: tuple[Any, ...], good: Path, tmp_path: Path, catalog: Catalog
) -> None:
    errors = {}
    for nonsense in NONSENSE:
        bad = written(tmp_path / "bad.json", [put(rows()[0], at, nonsense), rows()[1]])
        try:
            use(bad, good, tmp_path, catalog)
        except HarnessError:
            continue
        except Exception as error:
            errors[repr(nonsense)] = repr(error)
    assert errors == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"rows": 3}', '{"rows": [3]}', "[" * 100_000, '{"rows": [{}]}'])
def test_what_is_no_table_is_refused(text: str, good: Path, tmp_path: Path, catalog: Catalog) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(text)
    with pytest.raises(UsageError, match=r"bad.json is no table"):
        use(bad, good, tmp_path, catalog)


def test_the_message_names_row_and_field(tmp_path: Path) -> None:
    bad = written(tmp_path / "bad.json", [rows()[0], put(rows()[1], ("labels", "model"), 3)])
    with pytest.raises(InvalidOutput, match=r"^row 2: labels: model is 3, not str$"):
        table_json(bad)
