"""A comparison as a user reads it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from harness.contract.rows import Row, Status
from harness.results.comparison.compare import Comparison, MetricFacts, Side, compare
from harness.results.comparison.table import csv_text, json_text, markdown_text, summary, terminal_text
from harness.statistics.intervals import proportion


def row(model: str, k: int, *, eps: float = 0.1, **more: Any) -> Row:
    attack = {"name": "p/pgd", "version": 1, "parameters": {"eps": eps}}
    labels = {"model": model, "data": "digits", "attack": "pgd"}
    fields: dict[str, Any] = {"estimates": {"robust_accuracy": proportion(k, 100)}, "components": {"attack": attack}}
    return Row(**{"experiment": "e", "labels": labels, "seed": 0, "status": Status.OK, **fields, **more})


def side(name: str, *rows: Row) -> Side:
    facts = {("e", "robust_accuracy"): MetricFacts("max", "fraction", {"name": "p/robust_accuracy", "parameters": {}})}
    return Side(name, Path(name), rows, facts)


def four(**options: Any) -> Comparison:
    """Rows that got better, worse, stayed, and cannot be compared."""
    a = side("s/1", row("even", 50), row("up", 20), row("down", 80), row("odd", 50), row("odder", 50), row("gone", 50))
    b = side("s/2", row("even", 55), row("up", 80), row("down", 20), row("odd", 50, eps=0.2), row("odder", 50, eps=0.2))
    return compare(a, b, **options)


def test_resolved_rows_come_first_and_the_others_are_counted() -> None:
    lines = [" ".join(line.split()) for line in terminal_text(four(), 200).splitlines()]
    assert lines[:7] == [
        "1 worse, 1 better, 1 not resolved, 3 not comparable; 3 tests, Holm's correction at 0.05",
        "",
        "A: s/1",
        "B: s/2",
        "data digits, attack pgd, seed 0; difference is B − A, intervals at 95 %, p after Holm's correction",
        "",
        "model metric A B difference p verdict",
    ]
    assert lines[8:] == [
        "down robust accuracy ↑ 0.800 [0.711, 0.867] 0.200 [0.133, 0.289] −0.600 [−0.694, −0.474] < 0.001 worse",
        "up robust accuracy ↑ 0.200 [0.133, 0.289] 0.800 [0.711, 0.867] +0.600 [+0.474, +0.694] < 0.001 better",
        "",
        "not comparable: odd / pgd; odder / pgd: attack.eps 0.1 ≠ 0.2",
        "not comparable: gone / pgd: not in B",
        "",
        "1 not resolved; --all shows them",
    ]


def test_everything_can_be_shown() -> None:
    text = terminal_text(four(), 200, everything=True)
    assert [line.split()[0] for line in text.splitlines() if "robust accuracy" in line] == ["down", "up", "even"]
    assert "not comparable: odd / pgd: attack.eps 0.1 ≠ 0.2\nnot comparable: odder / pgd: attack.eps" in text


def test_a_table_is_shown_if_nothing_is_resolved() -> None:
    same = side("s/1", row("x", 50), row("y", 50))
    text = terminal_text(compare(same, same), 200)
    assert text.count("not resolved") == 3
    assert "0.000 [" in text


def test_many_lines_that_say_nothing_are_counted_and_not_shown() -> None:
    same = side("s/1", *(row(f"m{i}", 50) for i in range(13)))
    lines = terminal_text(compare(same, same), 200).splitlines()
    assert lines == [
        "0 worse, 0 better, 13 not resolved; 13 tests, Holm's correction at 0.05",
        "",
        "A: s/1",
        "B: s/1",
        "",
        "13 not resolved; --all shows them",
    ]
    assert terminal_text(compare(same, same), 200, everything=True).count("robust accuracy") == 13


def test_a_narrow_terminal_loses_the_intervals_of_the_sides() -> None:
    text = terminal_text(four(), 100)
    assert max(map(len, text.splitlines()[6:10])) <= 100
    (up,) = [line for line in text.splitlines() if line.startswith("up")]
    assert " ".join(up.split()) == "up robust accuracy ↑ 0.200 0.800 +0.600 [+0.474, +0.694] < 0.001 better"


def test_what_was_allowed_stands_above_the_table() -> None:
    comparison = four(allowed=["attack.eps"])
    for text in (terminal_text(comparison, 200), markdown_text(comparison)):
        assert "ALLOWED TO DIFFER: attack.eps (2 pairs of rows)" in text
    assert json.loads(json_text(comparison))["allowed"] == {"attack.eps": 2}
    lines = {line["model"]: line for line in csv.DictReader(io.StringIO(csv_text(comparison)))}
    assert lines["odd"]["allowed"] == "attack.eps 0.1 ≠ 0.2"
    assert lines["even"]["allowed"] == ""


def test_labels_of_two_models_and_worst_cases_are_told_apart() -> None:
    threats = [{"norm": "linf", "eps": eps, "targeted": False, "minimal": False} for eps in (0.1, 0.2)]
    rows = [
        row(model, 50, derived="worst_case", comparability={"protocol": {"threat": threat}})
        for model in ("x", "y")
        for threat in threats
    ]
    same = side("s/1", *rows)
    text = terminal_text(compare(same, same, ["x=y"]), 200)
    assert "model x → y" in text
    assert [line.partition("  ")[0] for line in text.splitlines() if "robust accuracy" in line] == [
        "pgd, linf ≤ 0.1",
        "pgd, linf ≤ 0.2",
    ]


def test_experiments_and_seeds_have_columns_where_there_are_several() -> None:
    rows = [row("x", 50, experiment=name, seed=seed) for name in ("first", "second") for seed in (0, 1)]
    lines = terminal_text(compare(side("s/1", *rows), side("s/1", *rows)), 200).splitlines()
    assert lines[4].startswith("data digits, model x, attack pgd; ")
    assert lines[6].split()[:3] == ["experiment", "seed", "metric"]
    assert [line.split()[:2] for line in lines[8:12]] == [[n, s] for n in ("first", "second") for s in "01"]


def test_a_table_of_one_line_keeps_a_label() -> None:
    same = side("s/1", row("x", 50))
    assert terminal_text(compare(same, same), 200).splitlines()[6].startswith("attack")


def test_csv_and_json_hold_every_row() -> None:
    comparison = four()
    lines = list(csv.DictReader(io.StringIO(csv_text(comparison))))
    assert [line["verdict"] for line in lines] == [
        "not resolved",
        "better",
        "worse",
        "not comparable",
        "not comparable",
        "not comparable",
    ]
    assert float(lines[1]["difference"]) == 0.8 - 0.2
    assert lines[3]["why"] == "attack.eps 0.1 ≠ 0.2"
    assert {line["tests"] for line in lines} == {"3"}
    document = json.loads(json_text(comparison))
    assert (document["tests"], document["gate_fails"]) == (3, True)
    assert document["counts"]["not comparable"] == 3
    assert document["compared"][3]["fields"] == [{"name": "attack.eps", "a": 0.1, "b": 0.2}]
    assert document["compared"][1]["a"]["value"] == 0.2
    assert document["compared"][5]["lost"]


def test_markdown_says_how_each_line_was_tested() -> None:
    text = markdown_text(four())
    assert text.startswith("# s/1 → s/2\n")
    assert text.count("| Newcombe independent |") == 3
    assert "- not comparable: odder / pgd: attack.eps 0.1 ≠ 0.2" in text
    assert text.endswith(f"- {summary(four())}\n")
