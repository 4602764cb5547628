"""Best of k tries: what each row says, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from harness.api import Row, Status
from harness_capacity.comparisons.best_of_k import BestOfK, configurations_deviation, seeds_deviation
from searched_rows import cells, rows

VALIDATION = [[0.5, 0.7], [0.9, 0.8], [0.2, 0.4], [0.7, 0.7]]
TEST = [[0.4, 0.6], [0.7, 0.8], [0.3, 0.1], [0.9, 0.9]]


def by_words(target: float = 0.7, tries: list[int] | None = None) -> dict[str, Row]:
    made = BestOfK(target=target, tries=tries).rows(cells(rows("net", VALIDATION, TEST)))
    return {row.labels["model"].removeprefix("net "): row for row in made}


def test_one_try_is_the_mean_and_all_are_the_maximum() -> None:
    table = by_words()
    assert list(table) == ["(best of 1 try)", "(best of all 4 tries)", "(tries for accuracy 0.7)"]
    one, every = table["(best of 1 try)"].estimates, table["(best of all 4 tries)"].estimates
    assert one["best_on_validation"].value == pytest.approx((0.6 + 0.85 + 0.3 + 0.7) / 4)
    assert one["test_of_best"].value == pytest.approx((0.5 + 0.75 + 0.2 + 0.9) / 4)
    assert every["best_on_validation"].value == pytest.approx(0.85)


def test_the_try_that_is_best_on_validation_is_reported_on_test() -> None:
    every = by_words()["(best of all 4 tries)"]
    # The fourth is better on test, and was not chosen by it.
    assert every.estimates["test_of_best"].value == pytest.approx(0.75)
    assert every.display == {"configuration": "width 16"}


def test_two_tries_by_hand() -> None:
    two = by_words(tries=[2])["(best of 2 tries)"].estimates
    # Of the six pairs .85 is the best in three, .7 in two, .6 in one.
    assert two["best_on_validation"].value == pytest.approx((3 * 0.85 + 2 * 0.7 + 0.6) / 6)
    assert two["test_of_best"].value == pytest.approx((3 * 0.75 + 2 * 0.9 + 0.5) / 6)


def test_the_tries_that_a_target_needs() -> None:
    # The expected best of 1, 2, 3, 4 tries is .6125, .758, .8125 and .85.
    assert by_words(0.6)["(tries for accuracy 0.6)"].estimates["tries_needed"].value == 1
    needed = by_words()["(tries for accuracy 0.7)"].estimates["tries_needed"]
    assert needed.value == 2
    assert needed.low is not None
    assert needed.low <= 2
    never = by_words(0.9)["(tries for accuracy 0.9)"].estimates["tries_needed"]
    assert never.value is None
    assert never.reason.startswith("not reached in 4 tries")


def test_the_spreads() -> None:
    scores = np.array(VALIDATION)
    pooled = np.mean([0.02, 0.005, 0.02, 0.0])
    assert seeds_deviation(scores) == pytest.approx(np.sqrt(pooled))
    assert configurations_deviation(scores) == pytest.approx(np.sqrt(scores.mean(axis=1).var(ddof=1) - pooled / 2))
    alike = np.array([[0.5, 0.7], [0.7, 0.5]])
    assert configurations_deviation(alike) == 0


def test_the_test_score_of_the_chosen_has_an_interval_over_seeds() -> None:
    scores = [[0.5, 0.6, 0.7], [0.8, 0.9, 0.85], [0.1, 0.2, 0.3], [0.3, 0.2, 0.3], [0.4, 0.4, 0.5]]
    *_, every, summary = BestOfK().rows(cells(rows("net", scores, scores)))
    test = every.estimates["test_of_best"]
    # Student's t with 2 degrees: .85 +- 4.3027 * .05 / sqrt(3).
    assert (test.value, test.low) == (pytest.approx(0.85), pytest.approx(0.85 - 4.302653 * 0.05 / np.sqrt(3)))
    spread = summary.estimates["spread_configurations"]
    assert spread.low is not None
    assert spread.high is not None
    assert 0 < spread.low < spread.value < spread.high  # type: ignore[operator]


def test_one_seed_has_no_spread_over_seeds() -> None:
    made = list(BestOfK().rows(cells(rows("net", [[0.5], [0.6], [0.9]], [[0.5], [0.6], [0.9]]))))
    assert made[-1].estimates["spread_seeds"].reason == "the models were trained under one seed"


def test_a_search_without_a_number_is_invalid_and_spares_the_others() -> None:
    none = [[None], [None], [None]]
    made = list(BestOfK().rows(cells(rows("broken", none, none) + rows("net", VALIDATION, TEST))))
    assert (made[0].status, made[0].reason) == (Status.INVALID, "no try gave a number above 0")
    assert made[1].labels["model"] == "net (best of 1 try)"
