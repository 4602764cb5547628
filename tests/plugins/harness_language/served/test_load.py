"""A served model under load: near the capacity of its server, and no memory for what was asked."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

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


async def ask_barely(url: str, n: int, connections: int = 64) -> None:
    """The same requests by bare sockets, which shows what the server can do on this machine at this time."""
    host, _, port = url.removeprefix("http://").removesuffix("/v1").partition(":")
    left = requests(n)

    async def work() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for request in left:
            body = json.dumps(request.body).encode()
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            headers = (await reader.readuntil(b"\r\n\r\n")).lower()
            json.loads(await reader.readexactly(int(headers.split(b"content-length: ")[1].split(b"\r\n")[0])))
        writer.close()

    await asyncio.gather(*(work() for _ in range(connections)))


def shares_of_capacity(n: int, latency: float, rounds: int = 3) -> list[float]:
    """Answers per second as shares of those by bare sockets, measured in turn."""
    shares = []
    for _ in range(rounds):
        with server(latency) as url, tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            asyncio.run(ask_barely(url, n))
            between = time.monotonic()
            assert ask(url, Path(folder), n) == n
            shares.append((between - began) / (time.monotonic() - between))
    return shares


def test_ten_thousand_prompts_take_the_memory_of_a_thousand(tmp_path: Path) -> None:
    """What is held, every 500 answers: the middle, since on a busy machine more answers wait at times.

    Memory that grew with the prompts would have five times as much there.
    """
    held = {}
    for n in (1_000, 10_000):
        with Stub(keep=False) as stub:
            tracemalloc.start()
            try:
                held[n] = median(_held_while_asked(stub.url, tmp_path / str(n), n))
            finally:
                tracemalloc.stop()
    assert held[10_000] < 1.2 * held[1_000] + 2**20


def _held_while_asked(url: str, cache: Path, n: int) -> Iterator[int]:
    service = Service(f"{url}/chat/completions", {"model": "tiny"}, "tiny", 64, cache=cache)
    answers = service.ask(requests(n), lambda raw: Answer(raw["choices"][0]["message"]["content"]))
    for i, _ in enumerate(answers, start=1):
        if i % 500 == 0:
            gc.collect()
            yield tracemalloc.get_traced_memory()[0]
    assert i == n


if __name__ == "__main__":
    # 64 connections and half a second: PYTHONPATH=tests python tests/plugins/harness_language/served/test_load.py
    print("shares of the server's capacity:", *(f"{share:.3f}" for share in shares_of_capacity(64 * 20, 0.5)))
