"""Metrics of answers, on records written by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from harness.api import Records
from harness_language.metrics.answers import (
    AnswerLikelihood,
    ChoiceAccuracy,
    ExactMatch,
    ExtractionFailures,
    TokensPerSecond,
)


def test_exact_match_leaves_out_what_has_no_right_answer() -> None:
    records = Records.of({"correct": [True, False, None, True]})
    found = ExactMatch().estimate(records)
    assert (found.value, found.n, found.n_missing) == (2 / 3, 3, 0)
    assert (found.low, found.high) == pytest.approx(proportion_confint(2, 3, method="wilson"))
    assert np.isnan(ExactMatch().per_example(records)).tolist() == [False, False, True, False]


def test_choice_accuracy_counts_shared_credit_and_only_choices() -> None:
    records = Records.of({"credit": [1.0, 0.5, 0.0, 1.0, None], "choice_confidence": [0.6, 0.5, 0.9, None, 0.7]})
    found = ChoiceAccuracy().estimate(records)
    assert (found.value, found.n) == (0.5, 3)
    z, p, n = 1.959964, 0.5, 3
    centre, half = (p + z * z / 6) / (1 + z * z / n), z / (1 + z * z / n) * math.sqrt(p * p / n + z * z / 36)
    assert (found.low, found.high) == pytest.approx((centre - half, centre + half), abs=1e-6)
    assert ChoiceAccuracy().estimate(Records.of({"credit": [1.0, 0.0, 0.5, 0.5]})).value == 0.5
    free = Records.of({"credit": [1.0], "choice_confidence": [None]})
    assert not ChoiceAccuracy().estimate(free).applies


def test_the_interval_of_shared_credit_covers_at_least_as_often_as_it_says() -> None:
    """Credits of 0, 1/2 and 1: they vary less than answers that are right or wrong."""
    rng = np.random.default_rng(0)
    drawn = rng.choice([0.0, 0.5, 1.0], p=[0.3, 0.2, 0.5], size=(400, 60))
    found = [ChoiceAccuracy().estimate(Records.of({"credit": row})) for row in drawn]
    assert np.mean([each.low <= 0.6 <= each.high for each in found]) >= 0.95


def test_extraction_failures_count_answers_without_a_value_but_not_choices() -> None:
    records = Records.of({"extracted": ["4", None, None, "x"], "method": ["marker", "last_number", "line", "choice"]})
    assert ExtractionFailures().estimate(records).value == pytest.approx(2 / 3)
    all_failed = Records.of({"extracted": [None, None], "method": ["line", "line"]})
    assert ExtractionFailures().estimate(all_failed).value == 1.0
    chosen = Records.of({"extracted": ["x"], "method": ["choice"]})
    assert not ExtractionFailures().estimate(chosen).applies


def test_answer_likelihood_is_the_geometric_mean_over_tokens() -> None:
    nats = [-math.log(0.5) * 2, -math.log(0.25), None]
    columns = {"expected_nll": nats, "expected_tokens": [2, 1, None], "tokenizer": ["bytes"] * 3}
    found = AnswerLikelihood().estimate(Records.of(columns))
    assert found.value == pytest.approx((0.5**2 * 0.25) ** (1 / 3))
    # 4/3 log 2 nats a token, residuals of -+ 2/3 log 2, so half an interval of t(1) * 4/9 log 2; t(1) = 12.7062.
    per_token, factor = 4 / 3 * math.log(2), math.exp(12.7062 / 3)
    assert (found.low, found.high) == pytest.approx((math.exp(-per_token * factor), math.exp(-per_token / factor)))
    assert (found.n, found.n_missing, found.within) == (2, 0, "tokenizer bytes")
    lost = Records.of({**columns, "expected_tokens": [2, 1, 3]})
    assert AnswerLikelihood().estimate(lost).n_missing == 1
    sure = AnswerLikelihood().estimate(Records.of({**columns, "expected_nll": [0.0, 0.0, 0.0]}))
    assert (sure.value, sure.low, sure.high) == (1.0, 1.0, 1.0)


def test_the_interval_of_answer_likelihood_covers_what_it_says() -> None:
    rng = np.random.default_rng(0)
    held = []
    for _ in range(400):
        tokens = rng.integers(1, 7, 100)
        nats = tokens * rng.gamma(2.0, 0.5, 100)
        columns = {"expected_nll": nats, "expected_tokens": tokens, "tokenizer": ["b"] * 100}
        found = AnswerLikelihood().estimate(Records.of(columns))
        held.append(found.low <= math.exp(-1) <= found.high)
    assert 0.92 <= np.mean(held) <= 0.975


def timed(tokens: list[Any], seconds: list[Any], batch: list[Any]) -> Records:
    return Records.of({"tokens": tokens, "seconds": seconds, "batch": batch})


def test_tokens_per_second_leaves_out_the_first_batch_and_takes_batches_as_trials() -> None:
    found = TokensPerSecond().estimate(timed([9, 4, 6, 10, None], [9.0, 1.0, 1.0, 2.0, None], [0, 1, 1, 2, None]))
    # Batches of 10 tokens in 2 s and of 10 tokens in 2 s: 5 tokens a second, and they agree.
    assert (found.value, found.low, found.high, found.n) == (5.0, 5.0, 5.0, 3)
    uneven = TokensPerSecond().estimate(timed([9, 8, 12], [9.0, 2.0, 2.0], [0, 1, 2]))
    # 20 tokens in 4 s; residuals of -2 and +2; spread sqrt(2 * 8) / 4 = 1; t(1) = 12.706.
    assert (uneven.value, uneven.high) == pytest.approx((5.0, 5.0 + 12.7062))
    assert uneven.low == 0.0
    alone = TokensPerSecond().estimate(timed([6, 4], [1.0, 1.0], [0, 0]))
    assert (alone.value, alone.low, alone.method) == (5.0, None, "student-t over 1 batch")
