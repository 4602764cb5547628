"""The change of the log-probability of the true class, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from harness.api import Records
from harness_capacity.metrics.invariance_error import InvarianceError

RECORDS = Records.of(
    {
        "id": ["a", "b", "c"],
        "success": [True, False, None],
        "clean_loss": [0.1, 0.5, 9.0],
        "adversarial_loss": [2.1, 0.4, None],
    }
)


def test_the_mean_over_attacked_examples_of_the_change_in_either_direction() -> None:
    found = InvarianceError().estimate(RECORDS)
    assert found.value == pytest.approx(1.05)
    assert (found.n, found.n_missing) == (2, 0)
    per_example = InvarianceError().per_example(RECORDS)
    assert per_example[:2] == pytest.approx([2.0, 0.1])
    assert np.isnan(per_example[2])


def test_nothing_attacked_has_no_value() -> None:
    none = RECORDS.where([False, False, True])
    found = InvarianceError().estimate(none)
    assert found.value is None
