"""A server on the loopback that speaks as OpenAI's does, and fails as it is told: late, cut off, throttled, no JSON.

As a program it answers at once or after a latency: `python tests/served_stub.py LATENCY` prints its port.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True)
class Say:
    """What the server does with a request.

    Attributes:
        status, headers, body: of the response; a text is sent as it is, all else as JSON; None for an answer as usual.
        seconds: waited before.
        cut: the connection is closed in the middle of the body.
        drop: it is closed without a word.
        signed: the model that the answer is said to be of.
        said: further fields of the only choice.
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    cut: bool = False
    drop: bool = False
    signed: str = ""
    said: Mapping[str, Any] = field(default_factory=dict)


USUAL = Say()
Plan = Callable[[str, int], Say]


def arithmetic(prompt: str) -> str:
    """The sum of the last two numbers of a prompt."""
    numbers = [int(number) for number in re.findall(r"\d+", prompt)]
    return f"The answer is {sum(numbers[-2:])}."


def as_usual(prompt: str, attempt: int) -> Say:
    """No failures."""
    return USUAL


class Stub:
    """The server, in a thread; use it in a `with` statement.

    Args:
        answer: the text for the last prompt of a conversation.
        plan: what to do with a prompt, by how often it was asked before.
        latency: seconds before each response.
        key: what requests must be authorised by.
        port: 0 for any that is free.

    Attributes:
        attempts: how often each prompt was asked.
        answered: how often each was answered whole.
        requests: the bodies, in order.
        headers: of the requests, in lower case.
        most: how many requests there were at a time.
    """

    def __init__(
        self,
        answer: Callable[[str], str] = arithmetic,
        plan: Plan = as_usual,
        latency: float = 0.0,
        key: str = "",
        port: int = 0,
        keep: bool = True,
    ) -> None:
        self._answer, self._plan, self._latency, self._key, self._port = answer, plan, latency, key, port
        self.attempts, self.answered = Counter[str](), Counter[str]()
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.most = self._now = 0
        self._keep = keep
        self._loop = asyncio.new_event_loop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def __enter__(self) -> Stub:
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self._port, backlog=512))
        self._port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                self._now += 1
                self.most = max(self.most, self._now)
                open_still = await self._respond(head.split()[1], headers, body, writer)
                self._now -= 1
                if not open_still:
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _respond(self, path: str, headers: dict[str, str], body: Any, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays open."""
        prompt = body["messages"][-1]["content"] if "messages" in body else body.get("prompt", body.get("inputs", ""))
        say = self._plan(prompt, self.attempts[prompt])
        if self._keep:
            self.attempts[prompt] += 1
            self.requests.append(body)
            self.headers.append(headers)
        if self._key and headers.get("authorization") != f"bearer {self._key}".lower():
            say = Say(401, {"error": {"message": f"wrong key: {headers.get('authorization')}"}})
        if self._latency or say.seconds:
            await asyncio.sleep(self._latency + say.seconds)
        if say.drop:
            return False
        content = self._content(say, path, body, prompt)
        phrase = HTTPStatus(say.status).phrase
        more = "".join(f"{name}: {value}\r\n" for name, value in say.headers.items())
        head = (
            f"HTTP/1.1 {say.status} {phrase}\r\ncontent-type: application/json\r\n{more}content-length: {len(content)}"
        )
        if say.cut:
            writer.write(f"{head}\r\n\r\n".encode() + content[: len(content) // 2])
            await writer.drain()
            return False
        writer.write(f"{head}\r\n\r\n".encode() + content)
        await writer.drain()
        if self._keep and say.status == 200 and say.body is None:
            self.answered[prompt] += 1
        return True

    def _content(self, say: Say, path: str, body: Any, prompt: str) -> bytes:
        if isinstance(say.body, str):
            return say.body.encode()
        if say.body is not None:
            return json.dumps(say.body).encode()
        text = self._answer(prompt)
        said = (
            {"message": {"role": "assistant", "content": text}}
            if path.endswith("/chat/completions")
            else {"text": text}
        )
        usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": len(text.split())}
        choice = {"index": 0, "finish_reason": "stop", **said, **say.said}
        return json.dumps({"model": say.signed or body.get("model"), "choices": [choice], "usage": usage}).encode()


def main() -> None:
    """Serve until the standard input ends."""
    with Stub(latency=float(sys.argv[1]), keep=False) as stub:
        print(stub.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
