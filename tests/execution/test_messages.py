"""Whatever a plugin writes between the messages of its worker costs its own cell: the coordinator goes on."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest

from harness.execution import process
from harness.execution.executor import Working
from harness.execution.process import ProcessExecutor

PROGRESS = '{{"kind": "progress", "what": "x", "done": {}, "total": 1}}\n'


def taken(data: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What becomes of a worker that has sent this."""
    executor: Any = ProcessExecutor.__new__(ProcessExecutor)
    worker = SimpleNamespace(buffer=b"", job=SimpleNamespace(cell=None), deadline=0.0)
    said: list[str] = []
    executor._workers = [worker]
    executor._news = deque()
    monkeypatch.setattr(ProcessExecutor, "_new_deadline", lambda self: 0.0)
    monkeypatch.setattr(ProcessExecutor, "_take_garbage", lambda self, slot, worker: said.append("garbage"))
    executor._take_messages(0, worker, data.encode())
    return said + ["progress" for news in executor._news if isinstance(news, Working)]


@pytest.mark.parametrize(
    "data",
    [
        PROGRESS.format("Infinity"),
        PROGRESS.format("1e999"),
        PROGRESS.format("NaN"),
        PROGRESS.format("[" * 100_000),
        PROGRESS.format("9" * 5000),
        "[]\n",
        "7\n",
        '{"kind": "ended"}\n',
        '{"kind": "ended", "result": {"status": "splendid"}, "left_behind": 0, "spoilt": false}\n',
        '{"what": 1}\n',
        "\x00\n",
    ],
)
def test_garbage(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert taken(data, monkeypatch) == ["garbage"]


def test_a_message_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_MAX_MESSAGE_BYTES", 100)
    assert taken("x" * 101, monkeypatch) == ["garbage"]
    assert taken("x" * 99, monkeypatch) == []


def test_what_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    assert taken(PROGRESS.format(1), monkeypatch) == ["progress"]
