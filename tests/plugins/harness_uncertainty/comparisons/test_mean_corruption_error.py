"""The aggregate: which cells it takes, what it refuses, and a suite of digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness import Run
from harness.api import MeasuredCell, Records, Row, Status
from harness_uncertainty.comparisons.mean_corruption_error import MeanCorruptionError

DIGITS = {"name": "digits", "parameters": {"split": "test"}}
KINDS = ["fog", "contrast"]


def cell(
    model: str,
    kind: str | None,
    severity: int = 1,
    right: str = "1110",
    *,
    ids: str = "abcd",
    status: Status = Status.OK,
    attack: str = "none",
) -> MeasuredCell:
    corrupted = {"dataset": DIGITS, "kind": kind, "severity": severity, "draw": 0}
    data = {"name": "harness_uncertainty:corrupted", "parameters": corrupted} if kind else DIGITS
    columns: dict[str, Any] = {
        "id": list(ids),
        "correct": [None if mark == "?" else mark == "1" for mark in right],
    }
    row = Row(
        experiment="e",
        labels={"model": model, "data": f"{kind} {severity}", "attack": attack},
        seed=0,
        status=status,
        reason="" if status is Status.OK else "why",
        n=4,
        comparability={"task": "classify", "data": f"{kind}", "protocol": {"threat": None}},
        seconds=1.0,
        components={"model": {"name": model}, "data": data},
    )
    return MeasuredCell(row, "", lambda: Records.of(columns))


def grid(model: str, *rights: str) -> list[MeasuredCell]:
    """Fog at 1 and 2, then contrast at 1 and 2."""
    places = [(kind, severity) for kind in KINDS for severity in (1, 2)]
    return [cell(model, *place, right) for place, right in zip(places, rights, strict=True)]


def rows(cells: list[MeasuredCell], baseline: str | None = None) -> dict[str, Row]:
    made = MeanCorruptionError(baseline, KINDS, [1, 2]).rows(cells)  # type: ignore[arg-type]
    return {row.labels.get("model", ""): row for row in made}


A = grid("a", "1110", "1100", "1111", "1000")
B = grid("b", "1100", "1100", "1100", "0000")


def test_the_plain_error_by_hand() -> None:
    made = rows([cell("a", None), *A, cell("a", "fog", 1, "0000", attack="pgd")])["a"]
    assert made.status is Status.OK
    assert set(made.estimates) == {"mean_error"}
    assert made.estimates["mean_error"].value == pytest.approx((1 + 2 + 0 + 3) / 16)
    assert made.labels["data"] == "2 corruptions x 2 severities"
    assert made.protocol["kinds"] == KINDS


def test_against_a_baseline_by_hand() -> None:
    """Fog 3/8 against 4/8, contrast 3/8 against 6/8; clean 1/4 and 1/4."""
    made = rows([cell("a", None), cell("b", None), *A, *B], "b")
    own = made["a"].estimates
    assert own["mean_corruption_error"].value == pytest.approx((3 / 4 + 3 / 6) / 2)
    assert own["relative_mean_corruption_error"].value == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert made["b"].estimates["mean_corruption_error"].value == pytest.approx(1)
    assert "relative_mean_corruption_error" not in rows([*A, *B], "b")["a"].estimates
    assert made["a"].key != rows([*A, *B])["a"].key


def test_examples_without_an_answer_are_left_out_and_counted() -> None:
    made = rows(grid("a", "1110", "?100", "1111", "1000"))["a"].estimates["mean_error"]
    assert (made.n, made.n_missing) == (3, 1)
    assert made.value == pytest.approx((1 + 2 + 0 + 3) / 12)


@pytest.mark.parametrize(
    ("cells", "baseline", "reason"),
    [
        (A[:3], None, "a lacks 1 (contrast 2) of 4 corruptions"),
        ([*A[:3], cell("a", "contrast", 2, status=Status.FAILED)], None, "a has no result under 1 (contrast 2)"),
        ([*A[:3], cell("a", "contrast", 2, ids="abce")], None, "applied to different examples"),
        (A, "c", "there is no model 'c' to divide by; there are a"),
        ([*A, *B[:2]], "b", "b lacks 2 (contrast 1, contrast 2) of 4"),
    ],
)
def test_what_is_refused(cells: list[MeasuredCell], baseline: str | None, reason: str) -> None:
    made = rows(cells, baseline)["a"]
    assert made.status is Status.INVALID
    assert reason in made.reason
    assert all(estimate.value is None for estimate in made.estimates.values())


def test_fewer_than_fifteen_kinds_are_refused_unless_they_are_named() -> None:
    (made,) = MeanCorruptionError().rows(A)
    assert "a lacks 71 (gaussian_noise 1, gaussian_noise 2, gaussian_noise 3, ...) of 75" in made.reason
    (none,) = MeanCorruptionError().rows([cell("a", None)])
    assert "no cell of this experiment is of the dataset `corrupted`" in none.reason


def test_doubt_about_a_cell_is_doubt_about_the_number() -> None:
    made = rows([*A[:3], cell("a", "contrast", 2, "1000", status=Status.SUSPECT)])["a"]
    assert made.status is Status.SUSPECT
    assert "contrast 2: why" in made.reason


SUITE = """
suite: corruptions
task: classify
data:
  - {use: digits, with: {split: test}}
  - use: corrupted
    with: {dataset: {use: digits, with: {split: test}}}
    sweep: {kind: [gaussian_noise, fog], severity: [1, 5]}
models: [{use: digit_linear, as: plain, with: {epochs: 10}}, {use: digit_linear, as: short, with: {epochs: 1}}]
metrics: [accuracy]
aggregates:
  - {use: mean_corruption_error, with: {baseline: short, kinds: [gaussian_noise, fog], severities: [1, 5]}}
"""


def test_a_suite(run: Callable[..., Run]) -> None:
    done = run(SUITE)
    made = {row.labels["model"]: row for row in done.rows if row.derived}
    corrupted = [row for row in done.rows if not row.derived and "corrupted" in row.labels["data"]]
    errors = [1 - row.estimates["accuracy"].value for row in corrupted if row.labels["model"] == "plain"]  # type: ignore[operator]
    assert len(errors) == 4
    own = made["plain"].estimates
    assert own["mean_error"].value == pytest.approx(sum(errors) / 4)
    assert own["mean_error"].low < own["mean_error"].value < own["mean_error"].high  # type: ignore[operator]
    assert own["mean_corruption_error"].value < 1  # type: ignore[operator]
    assert own["relative_mean_corruption_error"].value is not None
