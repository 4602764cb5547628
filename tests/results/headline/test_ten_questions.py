"""Ten questions that the shipped suites are run for are answered by the last 25 lines of a terminal of 80 columns.

The rows are those of the committed tables. They have no records, so that tests there are of intervals, not of pairs.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from harness.plugins import load_catalog
from harness.results.comparison.open_runs import open_side, side_of
from harness.results.fitted import width_of
from harness.results.headline.make import make_headline
from harness.results.headline.text import terminal_headline
from harness.scoring.in_process import InThisProcess
from harness.signatures import SignatureReader
from harness.store.run_folder import RunFolder
from harness.suite.load import load_suite
from harness.suite.resolve import make_plan

ROOT = Path(__file__).parents[3]
LINES, COLUMNS = 25, 80


@cache
def last_lines(suite: str) -> str:
    """What stands above the prompt after a run of a suite, on one line, so that broken sentences can be read."""
    catalog = load_catalog([])
    signatures, calls = SignatureReader(), InThisProcess(catalog)
    plan = make_plan(load_suite(str(ROOT / "suites" / f"{suite}.yaml")), catalog, signatures)
    table = ROOT / "results" / "reference" / f"{suite}.json"
    rows = open_side(str(table), ROOT, catalog, calls).rows
    side = side_of(RunFolder(table.parent), plan, rows, catalog, signatures, calls)
    side = replace(side, values=lambda row, metric: None)
    lines = terminal_headline(make_headline(plan, rows, side), COLUMNS, most_lines=LINES - 2).splitlines()
    assert max(map(width_of, lines)) <= COLUMNS
    # The last line in sight is the prompt.
    return " ".join(" ".join(lines[1 - LINES :]).split())


@pytest.mark.parametrize(
    ("suite", "question", "answer"),
    [
        (
            "robustness",
            "Which model is more robust at L-inf 0.1, and is that resolved?",
            "hardened has robust accuracy 0.856 [0.815, 0.888], linear 0.547 (robustness, linf ≤ 0.1): +0.308",
        ),
        ("robustness", "And within L2 0.5?", "hardened has robust accuracy 0.769 [0.723, 0.810], linear 0.583"),
        (
            "robustness",
            "Which model do pictures seen from many sides mislead least?",
            "hardened has robust accuracy 0.536 [0.484, 0.587], standard 0.125 (physical",
        ),
        (
            "generation",
            "Does R1 help the GAN?",
            "gan with R1 / one_shot has recall 0.872 [0.831, 0.904], gan without R1 / one_shot 0.497",
        ),
        (
            "generation",
            "Is that so of other trainings?",
            "gan with R1 (mean of 3 seeds) against gan without R1 (mean of 3 seeds) (stability of training).",
        ),
        (
            "fairness",
            "Which group gets more errors?",
            "By population, minority has the worst accuracy of plain (coloured), 0.676 [0.619, 0.729], and majority",
        ),
        ("fairness", "Does training close the gap?", "group DRO has error gap 0.150 [0.097, 0.203], plain 0.305"),
        (
            "fairness",
            "Is the minority easier to attack?",
            "population: majority has robust accuracy 0.873 [0.828, 0.908], population: minority 0.298",
        ),
        ("uncertainty", "Is an ensemble better than one net?", "Not resolved: ensemble against softmax (clean)"),
        (
            "language",
            "Is the model sure of facts it was never told?",
            "gpt that may admit has confident errors 0.436 [0.293, 0.590], gpt 1.000 (made-up facts)",
        ),
    ],
)
def test_it_is_answered(suite: str, question: str, answer: str) -> None:
    assert answer in last_lines(suite), question
