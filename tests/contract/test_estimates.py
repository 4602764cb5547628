"""Estimates check themselves: what is no number, lies outside its interval or cannot be written is refused in words."""

from __future__ import annotations

import json
from dataclasses import asdict
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from harness.api import Estimate, InvalidOutput

NAN, INF = float("nan"), float("inf")


def made(**changes: Any) -> Estimate:
    return Estimate(**{"value": 0.5, "low": 0.4, "high": 0.6, "level": 0.95, "method": "m", "n": 8, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": NAN}, "value is NaN"),
        ({"low": NAN}, "low is NaN"),
        ({"value": None}, "needs a reason"),
        ({"low": 0.6, "high": 0.4}, r"interval \[0.6, 0.4\] is upside down"),
        ({"value": 0.9, "low": 0.1, "high": 0.2}, r"the value 0.9 lies outside its interval \[0.1, 0.2\]"),
        ({"low": None, "high": 0.4}, r"outside its interval \[..., 0.4\]"),
        ({"value": INF}, "value is infinite"),
        ({"high": INF}, "high is infinite"),
        ({"null": INF}, "null is infinite"),
        ({"n": -5}, "n is -5, not a number of records"),
        ({"n": 3.7}, "n is 3.7"),
        ({"n": NAN}, "n is nan"),
        ({"n": "many"}, "n is a str, not a number"),
        ({"n": None}, "n is a NoneType"),
        ({"n_missing": -3}, "n_missing is -3"),
        ({"p": 7}, "p is 7, not from 0 to 1"),
        ({"p": NAN}, "p is NaN"),
        ({"level": 42}, "level is 42"),
        ({"level": None}, "level is None"),
        ({"value": "0.5"}, "value is a str"),
        ({"value": np.array([0.5])}, r"value is a ndarray of shape \[1\], not a number"),
        ({"value": torch.ones(2)}, r"value is a Tensor of shape \[2\]"),
        ({"value": 0.5 + 1j}, "value is a complex"),
        ({"value": Decimal("NaN")}, "value is NaN"),
        ({"value": 10**400}, "value has no value as a float: int too large"),
        ({"reason": 3}, "reason is a int, not text"),
        ({"method": None}, "method is a NoneType, not text"),
    ],
)
def test_what_is_no_estimate_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOutput, match=message):
        made(**changes)


@pytest.mark.parametrize(
    "half",
    [
        np.float32(0.5),
        np.float64(0.5),
        np.array(0.5),
        torch.tensor(0.5, requires_grad=True),
        Decimal("0.5"),
        Fraction(1, 2),
    ],
)
def test_scalars_become_plain_numbers(half: Any) -> None:
    estimate = made(value=half, p=half, null=half)
    assert estimate == made(p=0.5, null=0.5)
    assert {type(estimate.value), type(estimate.p), type(estimate.null)} == {float}
    assert json.loads(json.dumps(asdict(estimate)))["value"] == 0.5


@pytest.mark.parametrize("n", [np.int64(8), np.uint8(8), np.array(8), torch.tensor(8), 8.0])
def test_counts_become_integers(n: Any) -> None:
    estimate = made(n=n)
    assert estimate.n == 8
    assert type(estimate.n) is int


def test_truth_values_count_as_0_and_1() -> None:
    for yes in (True, np.bool_(True), torch.tensor(True)):
        assert made(value=yes, low=None, high=None).value == 1.0
    assert made(n=np.bool_(True)).n == 1


def test_plain_numbers_stay_as_they_are() -> None:
    """An integer value is written as 3, not 3.0."""
    estimate = made(value=3, low=1, high=4)
    assert [type(number) for number in (estimate.value, estimate.low, estimate.high)] == [int] * 3


def test_round_off_is_no_fault() -> None:
    assert made(value=1.0, low=0.7, high=1.0 - 2e-16).high == 1.0 - 2e-16
    assert made(value=0.0, low=1e-17, high=0.3).low == 1e-17
    assert made(p=1.0 + 1e-15).p == 1.0 + 1e-15
    with pytest.raises(InvalidOutput):
        made(value=1.0, low=0.7, high=0.9999)


def test_half_characters_can_be_written() -> None:
    """As a file name holds them that is no UTF-8."""
    estimate = made(reason="no file caf\udce9.txt")
    assert estimate.reason == "no file caf\\udce9.txt"
    assert estimate.reason.encode()
