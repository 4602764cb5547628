"""The device that these tests run on; `HARNESS_GPU=cpu` rehearses them where there is no GPU."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def gpu() -> str:
    return os.environ.get("HARNESS_GPU", "cuda:0")
