"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import signal

# Before NumPy is imported, whose own threads take many times as long on matrices of 64 columns as one thread does. The
# processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

from harness import Run
from harness.plugins import Catalog, load_catalog
from harness.testing import run_suite

ROOT = Path(__file__).resolve().parents[1]

# A loaded machine makes examples slow, which says nothing of the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fresh", action="store_true", help="simulations take a new seed instead of the fixed one")


@pytest.fixture(autouse=True, scope="session")
def _threads() -> None:
    """Tiny networks are slower, not faster, on several threads, so one is used unless more are asked for."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


@pytest.fixture(autouse=True, scope="session")
def _signals() -> Iterator[None]:
    """What tests start is not deaf to signals that whoever started them ignores: `nohup`, a job in the background."""
    deaf = [each for each in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT) if signal.getsignal(each) == signal.SIG_IGN]
    for each in deaf:
        signal.signal(each, signal.SIG_DFL)
    yield
    for each in deaf:
        signal.signal(each, signal.SIG_IGN)


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="session")
def shared_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One results folder for the whole session, so that each model is trained once."""
    return tmp_path_factory.mktemp("results")


@pytest.fixture
def run(shared_results: Path) -> Callable[..., Run]:
    """Run a suite into the shared results folder."""

    def call(suite: str | Path, **options: object) -> Run:
        return run_suite(suite, shared_results, **options)  # type: ignore[arg-type]

    return call


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Real data that does not belong to the project; its place is in the variable HARNESS_DATA."""
    place = os.environ.get("HARNESS_DATA", "")
    if not place or not Path(place).is_dir():
        pytest.skip("HARNESS_DATA does not name a folder with test data")
    return Path(place)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Extended tests are slow; CUDA tests skip themselves where there is no GPU, unless they are rehearsed."""
    absent = not torch.cuda.is_available() and "HARNESS_GPU" not in os.environ
    for item in items:
        if item.get_closest_marker("extended"):
            item.add_marker(pytest.mark.slow)
        if absent and item.get_closest_marker("cuda"):
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
