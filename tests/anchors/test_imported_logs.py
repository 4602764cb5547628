"""The paired test of two logs is McNemar's exact test as statsmodels has it."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar

from harness.statistics.paired import paired_difference


@pytest.mark.parametrize(("n", "right", "other"), [(220, 0.7, 0.8), (220, 0.5, 0.5), (40, 0.9, 0.2), (2000, 0.6, 0.64)])
def test_the_p_value_is_that_of_statsmodels(n: int, right: float, other: float) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.random(n) < right, rng.random(n) < other
    expected = mcnemar([[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]], exact=True).pvalue
    found = paired_difference(a.astype(float), b.astype(float), rng)
    assert found.p == pytest.approx(expected, rel=1e-12, abs=1e-12)
