"""Random search over a declared space."""

from __future__ import annotations

import math
from typing import Any

import pytest

from harness.suite.draws import drawn_values, value_at
from harness.suite.schema import DrawsEntry, RangeEntry

SPACE = {
    "learning_rate": {"log_uniform": [1e-4, 1e-1]},
    "width": {"choice": [16, 64, 256]},
    "depth": {"integer": [1, 4]},
    "dropout": {"uniform": [0, 0.5]},
    "trees": {"log_integer": [10, 1000]},
}

PINNED = [
    {"learning_rate": 0.0008489, "width": 256, "depth": 4, "dropout": 0.4337, "trees": 102},
    {"learning_rate": 0.03017, "width": 256, "depth": 3, "dropout": 0.4844, "trees": 46},
    {"learning_rate": 0.003095, "width": 64, "depth": 4, "dropout": 0.1212, "trees": 148},
]


def draws(n: int, seed: int = 0, component: str = "p/mlp", **space: Any) -> list[dict[str, Any]]:
    return list(drawn_values(DrawsEntry.model_validate({"n": n, "seed": seed, "from": space or SPACE}), component))


def test_the_same_on_every_machine() -> None:
    # Recorded once: keys of finished cells depend on these values.
    assert draws(3) == PINNED


def test_the_first_draws_stay_when_n_grows() -> None:
    assert draws(20)[:7] == draws(7)


def test_a_parameter_keeps_its_values_when_another_joins_the_space() -> None:
    alone = draws(5, width=SPACE["width"])
    assert [drawn["width"] for drawn in draws(5)] == [drawn["width"] for drawn in alone]


def test_seeds_components_and_parameters_are_drawn_independently() -> None:
    unit = {"uniform": [0.0, 1.0]}
    first = draws(400, a=unit, b=unit)
    columns = [
        [drawn["a"] for drawn in first],
        [drawn["b"] for drawn in first],
        [drawn["a"] for drawn in draws(400, seed=1, a=unit)],
        [drawn["a"] for drawn in draws(400, component="p/cnn", a=unit)],
    ]
    for i, one in enumerate(columns):
        for other in columns[:i]:
            mean = sum((x - 0.5) * (y - 0.5) for x, y in zip(one, other, strict=True)) / 400
            assert abs(mean * 12) < 4 / math.sqrt(400)  # 4 standard errors of a correlation


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ({"uniform": [0, 0.5]}, 0.0, 0.0),
        ({"uniform": [0, 0.5]}, 0.5, 0.25),
        ({"uniform": [1, 3]}, 0.123456789, 1.247),
        ({"uniform": [1000, 1000.1]}, 0.5, 1000.05),
        ({"log_uniform": [0.12341, 9]}, 0.0, 0.12341),  # rounded it is .1234, which lies below the range
        ({"log_uniform": [1e-4, 1e-2]}, 0.5, 1e-3),
        ({"log_uniform": [1, 8]}, 2 / 3, 4.0),
        ({"integer": [1, 4]}, 0.2499, 1),
        ({"integer": [1, 4]}, 0.25, 2),
        ({"integer": [1, 4]}, 0.9999999, 4),
        ({"log_integer": [1, 7]}, 1 / 3 - 1e-6, 1),  # 1 reaches to 2, which is a third of the logarithm of 8
        ({"log_integer": [1, 7]}, 2 / 3 + 1e-6, 4),
        ({"log_integer": [1, 7]}, 0.9999999, 7),
        ({"choice": ["a", "b", "c"]}, 0.34, "b"),
        ({"choice": ["a", "b", "c"]}, 0.9999999, "c"),
    ],
)
def test_the_value_below_which_a_share_lies(values: dict[str, Any], share: float, expected: Any) -> None:
    value = value_at(RangeEntry.model_validate(values), share)
    assert (value, type(value)) == (expected, type(expected))


def test_whole_numbers_are_equally_likely() -> None:
    counts = [0, 0, 0, 0]
    for drawn in draws(4000, depth=SPACE["depth"]):
        counts[drawn["depth"] - 1] += 1
    assert sum((count - 1000) ** 2 / 1000 for count in counts) < 16.3  # chi squared, 3 degrees, p = .001
