"""Tables of the page: structured fields in the order of the printed table."""

from __future__ import annotations

import pytest

from harness.contract.estimates import Estimate
from harness.contract.rows import Row, Status
from harness.results.report.tables import Whisker, estimate_field, make_table
from harness.results.table import TableView

THREAT = {"norm": "linf", "eps": 0.1, "targeted": False, "minimal": False}
ROWS = [
    Row(
        "e",
        {"model": "m", "data": "d", "attack": "pgd"},
        0,
        Status.OK,
        estimates={"accuracy": Estimate(0.5, 0.25, 0.75, 0.95, "wilson", 12)},
        n=12,
        comparability={"task": "t", "protocol": {"threat": THREAT}},
        cost={"passes": 2.0},
        seconds=1.234,
        cell="c",
    ),
    Row("e", {"model": "m", "data": "d", "attack": "fgsm"}, 0, Status.FAILED, "boom", cell="f"),
    Row(
        "e",
        {"model": "m", "data": "d", "attack": "worst case"},
        0,
        Status.OK,
        estimates={"accuracy": Estimate.undefined("nobody knows")},
        derived="worst_case",
    ),
]


def test_a_table_has_a_field_for_every_column() -> None:
    table = make_table("e", "why?", TableView(ROWS, {"accuracy": "accuracy ↑"}, {"accuracy": "fraction"}))
    headings = [column.heading for column in table.columns]
    assert headings == [
        "model",
        "attack",
        "threat",
        "accuracy\N{NO-BREAK SPACE}↑",
        "status",
        "passes",
        "seconds",
        "key",
    ]
    assert table.constants == "data d, seed 0"
    assert all(len(line.fields) == len(headings) for line in table.lines)
    texts = [field.text for field in table.lines[0].fields]
    assert texts[:-1] == ["m", "pgd", "linf ≤ 0.1", "0.500", "ok", "2.0", "1.23"]
    assert [field.value for field in table.lines[0].fields][3:7] == [0.5, None, 2.0, 1.234]
    assert texts[-1] == ROWS[0].key[:8]
    assert table.lines[0].fields[-1].hover == ROWS[0].key
    assert [(line.status, line.reason, line.derived) for line in table.lines] == [
        ("ok", "", ""),
        ("failed", "boom", ""),
        ("ok", "", "worst_case"),
    ]
    assert table.notes == ("accuracy – nobody knows (m / worst case)",)


@pytest.mark.parametrize(
    ("estimate", "text", "detail", "hover", "whisker"),
    [
        (
            Estimate(0.5, 0.25, 0.75, 0.95, "wilson", 12),
            "0.500",
            "[0.250, 0.750]",
            "n = 12; 95% interval, wilson",
            Whisker(25.0, 50.0, 75.0),
        ),
        (
            Estimate(0.5, 0.25, 0.75, 0.95, "wilson", 12, n_missing=2),
            "0.500",
            "[0.250, 0.750] (2 missing)",
            "n = 12, 2 missing; 95% interval, wilson",
            Whisker(25.0, 50.0, 75.0),
        ),
        (Estimate(0.5, None, None, 0.95, "wilson", 1), "0.500", "", "n = 1", None),
        (Estimate.undefined("no examples"), "–", "", "no examples", None),
        (Estimate.not_applicable("no attack", n=3), "", "", "no attack", None),
    ],
)
def test_an_estimate_shows_its_interval(
    estimate: Estimate, text: str, detail: str, hover: str, whisker: Whisker | None
) -> None:
    field = estimate_field(estimate, "fraction")
    assert (field.text, field.detail, field.hover, field.whisker) == (text, detail, hover, whisker)
    assert field.value == estimate.value


def test_only_fractions_are_drawn() -> None:
    assert estimate_field(Estimate(3.0, 2.0, 4.0, 0.95, "student-t", 12), "pixels").whisker is None
