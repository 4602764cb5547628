"""A served model under load: near the capacity of its server, and no memory for what was asked."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("httpx")

from harness_language.served.service import Answer, Request, Service
from served_stub import Stub

pytestmark = pytest.mark.extended
_STUB = Path(__file__).parents[3] / "served_stub.py"


@contextmanager
def server(latency: float) -> Iterator[str]:
    """The address of a stub in a process of its own."""
    command = [sys.executable, str(_STUB), str(latency)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(30)


def requests(n: int) -> Iterator[Request]:
    for i in range(n):
        yield Request({"model": "tiny", "messages": [{"role": "user", "content": f"What is {i} + 1? " + "x" * 400}]})


def ask(url: str, cache: Path, n: int, connections: int = 64) -> int:
    """How many requests were answered."""
    service = Service(f"{url}/chat/completions", {"model": "tiny"}, "tiny", connections, cache=cache)
    return sum(1 for _ in service.ask(requests(n), lambda raw: Answer(raw["choices"][0]["message"]["content"])))


def measure_capacity(n: int, latency: float, connections: int, cache: Path) -> float:
    """Answers per second as a share of what the latency and the connections allow."""
    with server(latency) as url:
        began = time.monotonic()
        assert ask(url, cache, n, connections) == n
        return n / (time.monotonic() - began) / (connections / latency)


def test_ten_thousand_prompts_take_the_memory_of_a_thousand(tmp_path: Path) -> None:
    peaks = {}
    for n in (1_000, 10_000):
        with Stub(keep=False) as stub:
            tracemalloc.start()
            try:
                assert ask(stub.url, tmp_path / str(n), n) == n
                peaks[n] = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
    assert peaks[10_000] < 1.2 * peaks[1_000] + 2**20


if __name__ == "__main__":
    import tempfile

    # 64 connections and half a second: python tests/plugins/harness_language/served/test_load.py
    with tempfile.TemporaryDirectory() as folder:
        print(f"{measure_capacity(64 * 40, 0.5, 64, Path(folder)):.3f} of the capacity")
