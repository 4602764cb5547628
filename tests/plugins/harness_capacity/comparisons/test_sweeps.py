"""Families of rows that differ in one number."""

from __future__ import annotations

import pytest

from harness.api import HarnessError
from harness_capacity.comparisons.sweeps import parameter, sweeps
from swept_rows import row


def test_rows_that_differ_in_the_number_and_the_seed_are_one_family() -> None:
    rows = [row(w, w / 10, seed) for seed in (0, 1) for w in (8, 4)] + [row(w, 1.0, data="step") for w in (4, 8)]
    one, other = sweeps(rows, "model.width")
    assert (one.labels, other.labels) == ({"data": "sine", "model": "net"}, {"data": "step", "model": "net"})
    assert one.values_of("sup_error") == {4.0: [0.4, 0.4], 8.0: [0.8, 0.8]}
    assert list(one.members) == [4.0, 8.0]


def test_a_parameter_of_the_training_data_with_draws_alike() -> None:
    rows = [row(4, n / 100, draw=draw, n=n) for n in (10, 20) for draw in (0, 1, 2)]
    (one,) = sweeps(rows, "model.trained_on.n", ("model.trained_on.draw",))
    assert {n: len(values) for n, values in one.values_of("sup_error").items()} == {10.0: 3, 20.0: 3}
    assert len(sweeps(rows, "model.trained_on.n")) == 3


def test_what_failed_is_left_out_of_the_values() -> None:
    (one,) = sweeps([row(4, None), row(8, 0.1)], "model.width")
    assert one.values_of("sup_error") == {8.0: [0.1]}


def test_without_a_sweep_there_is_an_error_that_names_it() -> None:
    with pytest.raises(HarnessError, match=r"no rows differ in `model\.width` alone"):
        sweeps([row(4, 0.1), row(8, 0.1, data="step")], "model.width")
    assert parameter(row(4, 0.1).components, "model.nothing.n") is None
    with pytest.raises(HarnessError, match=r"model\.deep"):
        sweeps([row(4, 0.1), row(8, 0.1)], "model.deep")
