"""Every interval covers as often as it promises and every test keeps its level, as far as a few repetitions tell."""

from __future__ import annotations

from collections import Counter

import pytest

from simulation.framework import Case, all_cases, simulate

EVERY_CASE = all_cases()


@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.parametrize("case", EVERY_CASE, ids=[case.name for case in EVERY_CASE])
def test_shares_lie_within_their_limits(case: Case, simulation_seed: int) -> None:
    result = simulate(case, case.quick, simulation_seed)
    assert not result.verdict.startswith("too"), f"{result.share:.3f} is {result.verdict}, with seed {simulation_seed}"


def test_every_case_has_its_own_name() -> None:
    assert [name for name, times in Counter(case.name for case in EVERY_CASE).items() if times > 1] == []
