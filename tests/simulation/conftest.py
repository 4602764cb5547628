"""The seed of the simulations."""

from __future__ import annotations

import secrets

import pytest

from simulation.framework import FIXED_SEED


@pytest.fixture(scope="session")
def simulation_seed(request: pytest.FixtureRequest) -> int:
    """The same seed always, or with `--fresh` another every time; a failure says which."""
    return secrets.randbelow(2**31) if request.config.getoption("--fresh") else FIXED_SEED
