"""Tables: every number with its interval, every reason once, whole rows in every format."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pytest

from harness.contract.estimates import Estimate
from harness.contract.rows import Row, Status
from harness.results.table import TableView, csv_text, frame, interval, text_table


def row(model: str, attack: str, value: float | None = 0.5, **changes: object) -> Row:
    estimate = (
        Estimate.undefined("nobody knows", n=9) if value is None else Estimate(value, 0.4, 0.6, 0.95, "wilson", 9)
    )
    fields = {
        "experiment": "e",
        "labels": {"model": model, "data": "digits", "attack": attack},
        "seed": 0,
        "status": Status.OK,
        "estimates": {"accuracy": estimate},
        "n": 9,
        "comparability": {"task": "t"},
        "cost": {"passes": 2.0},
        "seconds": 1.234,
    }
    return Row(**{**fields, **changes})  # type: ignore[arg-type]


ROWS = [
    row("a", "none"),
    row("a", "pgd", None),
    row(
        "b", "none", status=Status.FAILED, reason="boom", estimates={}, n=None, seconds=None, cost={}, comparability={}
    ),
]


@pytest.fixture
def view() -> TableView:
    return TableView(ROWS, {"accuracy": "accuracy ↑"}, {"accuracy": "fraction"})


def test_intervals_read_well() -> None:
    assert interval(Estimate(0.9333, 0.9, 0.95, 0.95, "w", 9), "fraction") == "0.933 [0.900, 0.950]"
    assert interval(Estimate(1234.5678, 1.0, 2000.0, 0.95, "w", 9)) == "1235 [1, 2000]"
    assert interval(Estimate(0.5, None, None, 0.95, "w", 1), "fraction") == "0.500"
    assert (
        interval(Estimate(0.5, 0.4, 0.6, 0.95, "w", 9, n_missing=2), "fraction") == "0.500 [0.400, 0.600] (2 missing)"
    )
    assert interval(Estimate.undefined("x")) == "–"
    assert interval(Estimate.not_applicable("x", n=1)) == ""


def test_small_fractions_keep_their_digits() -> None:
    rare = Estimate(1.2e-5, 4e-6, 0.0021, 0.95, "wilson", 10**6)
    assert interval(rare, "fraction") == "1.2e-05 [4e-06, 0.002]"
    assert interval(Estimate(0.0, 0.0, 0.00049, 0.95, "wilson", 9), "fraction") == "0.000 [0.000, 0.00049]"
    # What a subtraction leaves is no rate.
    assert interval(Estimate(0.5, 1e-17, 1.0, 0.95, "wilson", 9), "fraction") == "0.500 [0.000, 1.000]"


def test_rows_over_seeds_show_them() -> None:
    over = row("a (mean of 3 seeds)", "none", comparability={"protocol": {"over_seeds": {"seeds": [0, 1, 2]}}})
    shown = TableView([row("a", "none"), over], {}, {})
    head, body = shown.columns()
    assert [line[head.index("seed")] for line in body] == ["0", "0-2"]
    assert [line["seed"] for line in csv.DictReader(io.StringIO(csv_text([over])))] == ["0-2"]
    assert TableView([over], {}, {}).constants()["seed"] == "0-2"


def test_what_never_changes_needs_no_column(view: TableView) -> None:
    assert view.constants() == {"data": "digits", "seed": "0"}
    head, body = view.columns()
    assert head == ["model", "attack", "accuracy ↑", "n", "status", "passes", "s", "key"]
    assert body[0] == ["a", "none", "0.500 [0.400, 0.600]", "9", "ok", "2.0", "1.23", "6e547b59"]
    assert body[2] == ["b", "none", "", "", "failed", "", "", ""]


def test_a_task_adds_columns_to_the_table() -> None:
    shown = [row("a", "pgd", facts={"display": {"threat": "linf ≤ 0.1", "dose": "2 mg"}}), row("a", "none")]
    head, body = TableView(shown, {}, {}).columns()
    assert head[:5] == ["model", "attack", "threat", "dose", "accuracy"]
    assert [line[:4] for line in body] == [["a", "pgd", "linf ≤ 0.1", "2 mg"], ["a", "none", "", ""]]


def test_rows_of_runs_before_version_1_show_their_threat() -> None:
    """They did not say what they show; it stood in the protocol of attacks on inputs."""
    threat = {"norm": "l2", "eps": 0.5, "targeted": True, "minimal": False}
    old = Row.from_json({**row("a", "pgd").to_json(), "comparability": {"protocol": {"threat": threat}}})
    assert old.display == {"threat": "l2 ≤ 0.5 targeted"}
    assert Row.from_json({**row("a", "none").to_json(), "comparability": {"protocol": {"threat": None}}}).display == {}


def test_repeated_labels_can_be_left_out(view: TableView) -> None:
    _, body = view.columns(repeat=False)
    assert [line[:2] for line in body] == [["a", "none"], ["", "pgd"], ["b", "none"]]


def test_reasons_are_told_once(view: TableView) -> None:
    assert view.notes() == ["accuracy – nobody knows (a / pgd)", "failed: boom (b / none)"]
    many = TableView([row("a", f"pgd {i}", None) for i in range(4)], {}, {})
    assert many.notes() == ["accuracy – nobody knows (a / pgd 0; a / pgd 1 and 2 more)"]


def test_a_metric_that_never_applies_is_told() -> None:
    estimates = {"success": Estimate.not_applicable("the records have no success", n=9)}
    assert TableView([row("a", "none", estimates=estimates)], {}, {}).notes() == [
        "success – the records have no success (a / none)"
    ]
    mixed = [
        row("a", "none", estimates=estimates),
        row("a", "pgd", estimates={"success": Estimate(0.5, 0.4, 0.6, 0.95, "w", 9)}),
    ]
    assert TableView(mixed, {}, {}).notes() == []


def test_names_from_files_do_not_break_a_table() -> None:
    name = "g: a|b\nc"
    lines = text_table(["group", "n"], [[name, "1"], ["g: d", "2"]], "github").splitlines()
    assert len(lines) == 4
    assert lines[2].split(" | ")[0] == r"| g: a\|b\nc"
    assert text_table(["group"], [[name]]).splitlines()[2] == r"g: a|b\nc"
    undefined = row("cnn", name, None, reason="no rows", status=Status.FAILED)
    assert TableView([undefined], {}, {}).notes() == [r"failed: no rows (cnn / g: a|b\nc)"]


def test_csv_has_every_field() -> None:
    lines = list(csv.DictReader(io.StringIO(csv_text(ROWS))))
    assert lines[0]["accuracy"] == "0.5"
    assert lines[0]["accuracy_low"] == "0.4"
    assert (lines[0]["accuracy_null"], lines[0]["accuracy_p"], lines[0]["accuracy_method"]) == ("", "", "wilson")
    tested = {"gap": Estimate(0.5, 0.4, 0.6, 0.95, "permutation", 9, null=0.1, p=0.0005)}
    (line,) = csv.DictReader(io.StringIO(csv_text([row("a", "none", estimates=tested)])))
    assert (line["gap_null"], line["gap_p"], line["gap_method"]) == ("0.1", "0.0005", "permutation")
    assert lines[1]["accuracy"] == ""
    assert lines[2]["reason"] == "boom"
    assert [line["model"] for line in lines] == ["a", "a", "b"]


def test_the_frame_agrees_with_the_csv() -> None:
    import pandas as pd

    read = pd.read_csv(io.StringIO(csv_text(ROWS)))
    made = frame(ROWS)
    assert list(read.columns) == list(made.columns)
    assert read["accuracy"].tolist()[0] == made["accuracy"].tolist()[0]


def test_rows_survive_json() -> None:
    for each in ROWS:
        assert Row.from_json(json.loads(json.dumps(each.to_json()))) == each


class CountedRows(list[Row]):
    """Rows that count how often they are gone through."""

    passes = 0

    def __iter__(self) -> Iterator[Row]:
        self.passes += 1
        return super().__iter__()


def test_notes_go_through_the_rows_a_few_times_however_many_they_are() -> None:
    def passes(n: int) -> int:
        view = TableView(CountedRows(row(f"m{i}", "pgd", None) for i in range(n)), {}, {})
        assert isinstance(view.rows, CountedRows)
        view.rows.passes = 0
        view.notes()
        return view.rows.passes

    assert passes(50) == passes(5)
