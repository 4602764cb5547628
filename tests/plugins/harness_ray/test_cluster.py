"""Joining a cluster: what cannot be joined is said in words, soon; one of this machine ends with the run."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from harness import run
from harness.api import HarnessError

SUITE = """
suite: cluster
task: classify
data: {use: digits, limit: 24}
models: [digit_linear]
metrics: [accuracy]
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "suite.yaml"
    path.write_text(SUITE, encoding="utf-8")
    return path


def over_ray(suite: Path, *given: str) -> None:
    run(suite, results=suite.parent / "results", device="cpu", executor="ray", executor_with=given)


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1", "127.0.0.1:port", ":6379"])
def test_what_is_no_address_is_refused(suite: Path, address: str) -> None:
    pytest.importorskip("ray")
    with pytest.raises(HarnessError, match="of a Ray cluster is HOST:PORT or auto"):
        over_ray(suite, f"address='{address}'")


def test_an_address_that_nobody_answers_is_said_at_once(suite: Path) -> None:
    pytest.importorskip("ray")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(HarnessError, match=f"no Ray cluster answers at '127.0.0.1:{port}'"):
        over_ray(suite, f"address='127.0.0.1:{port}'")


def test_without_ray_the_extra_is_named(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.plugins.distribution_version", lambda name: "absent" if name == "ray" else "1.0")
    with pytest.raises(HarnessError, match=r"executor 'ray' needs ray, not installed here"):
        over_ray(suite)
