"""Downloads from a server that misbehaves: the file is there whole and right, or not at all, and the reason is told."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.api import MissingData, PinnedFile, read_pinned
from harness.downloads import DownloadError, Limits, download_file

CONTENT = bytes(range(256)) * 4096
SHA = hashlib.sha256(CONTENT).hexdigest()
QUICK = Limits(most_bytes=2 * len(CONTENT), seconds=30.0, silence=0.5, attempts=3, pause=0.01)
Answer = Callable[[BaseHTTPRequestHandler], None]


def send(handler: BaseHTTPRequestHandler, status: int = 200, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content_Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def whole(handler: BaseHTTPRequestHandler) -> None:
    send(handler, body=CONTENT)


def rest(handler: BaseHTTPRequestHandler) -> None:
    """What a server does that can resume."""
    start = int(handler.headers["Range"].removeprefix("bytes=").removesuffix("-"))
    send(handler, 206, CONTENT[start:], Content_Range=f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")


def cut(handler: BaseHTTPRequestHandler) -> None:
    send(handler, body=CONTENT[: len(CONTENT) // 2], Content_Length=str(len(CONTENT)))


def stalled(handler: BaseHTTPRequestHandler) -> None:
    send(handler, body=CONTENT[:1000], Content_Length=str(len(CONTENT)))
    time.sleep(1.5)


def silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1.5)


def wrong(handler: BaseHTTPRequestHandler) -> None:
    send(handler, body=CONTENT[::-1])


def empty(handler: BaseHTTPRequestHandler) -> None:
    send(handler)


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(CONTENT)


def drop_by_drop(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x")
        time.sleep(0.05)


def too_large(handler: BaseHTTPRequestHandler) -> None:
    send(handler, Content_Length=str(10**15))


def redirect(to: str) -> Answer:
    return lambda handler: send(handler, 302, Location=to)


def status(code: int) -> Answer:
    return lambda handler: send(handler, code)


def garbage(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x00\xff\r\n\r\n")


class Server(ThreadingHTTPServer):
    """Answers in the given order, the last answer again and again.

    Attributes:
        ranges: the header Range of each request.
    """

    daemon_threads = True

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.ranges: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.ranges.append(self.headers["Range"])
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                answer(self)

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients go away."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/f.bin"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def why_wrong(path: Path) -> str:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    return "" if found == SHA else f"it has sha256 {found}"


@pytest.mark.parametrize(
    ("answers", "requests"),
    [
        ([whole], 1),
        ([cut, rest], 2),
        ([cut, whole], 2),
        ([stalled, rest], 2),
        ([silent, whole], 2),
        ([wrong, whole], 2),
        ([empty, whole], 2),
        ([status(500), whole], 2),
        ([status(503), status(429), whole], 3),
        ([cut, status(416), whole], 3),
        ([garbage, whole], 2),
        ([cut, wrong, whole], 3),
    ],
)
def test_what_comes_right_in_the_end(answers: list[Answer], requests: int, server: Server, tmp_path: Path) -> None:
    server.answers = list(answers)
    download_file(server.url, tmp_path / "f.bin", why_wrong, QUICK)
    assert (tmp_path / "f.bin").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["f.bin"]
    assert len(server.ranges) == requests


def test_redirects_are_followed(server: Server, tmp_path: Path) -> None:
    server.answers = [redirect("/elsewhere"), whole]
    download_file(server.url, tmp_path / "f.bin", why_wrong, QUICK)
    assert (tmp_path / "f.bin").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("answer", "told", "requests"),
    [
        (wrong, "it has sha256 ", 3),
        (status(404), "the server says 404 Not Found", 1),
        (status(403), "the server says 403 Forbidden", 1),
        (status(500), "the server says 500 Internal Server Error", 3),
        (endless, "it has more than 2,097,152 bytes", 1),
        (too_large, "it has 1,000,000,000,000,000 bytes, more than 2,097,152", 1),
        (silent, "the server sent nothing for too long", 3),
        (redirect("/f.bin"), "the server says 302", 5),
        (redirect("file:///etc/passwd"), "the server says 302", 1),
        (garbage, ".", 3),
        (empty, "it has sha256 e3b0c44298fc", 3),
    ],
)
def test_what_never_does_leaves_nothing(
    answer: Answer, told: str, requests: int, server: Server, tmp_path: Path
) -> None:
    server.answers = [answer]
    with pytest.raises(DownloadError, match=told):
        download_file(server.url, tmp_path / "f.bin", why_wrong, QUICK)
    assert list(tmp_path.iterdir()) == []
    assert len(server.ranges) == requests


def test_a_slow_server_has_a_limit(server: Server, tmp_path: Path) -> None:
    server.answers = [drop_by_drop]
    with pytest.raises(DownloadError, match=r"it took longer than 0.3 s"):
        download_file(server.url, tmp_path / "f.bin", why_wrong, Limits(seconds=0.3))
    assert list(tmp_path.iterdir()) == []


def test_a_later_call_asks_for_the_rest(server: Server, tmp_path: Path) -> None:
    server.answers = [cut, status(404)]
    with pytest.raises(DownloadError, match="ended after 524,288 of 1,048,576 bytes"):
        download_file(server.url, tmp_path / "f.bin", why_wrong, Limits(attempts=1))
    assert [path.name for path in tmp_path.iterdir()] == [".f.bin.part"]
    server.answers = [rest]
    download_file(server.url, tmp_path / "f.bin", why_wrong, QUICK)
    assert (tmp_path / "f.bin").read_bytes() == CONTENT
    assert server.ranges[-1] == "bytes=524288-"


def test_a_bad_file_is_replaced_only_by_the_right_one(server: Server, tmp_path: Path) -> None:
    file = PinnedFile("f.bin", server.url, (SHA,))
    (tmp_path / "f.bin").write_bytes(b"damaged")
    server.answers = [status(404)]
    with pytest.raises(MissingData, match=r"another file, and could not be downloaded again \(the server says 404"):
        read_pinned(file, tmp_path, download=True)
    assert (tmp_path / "f.bin").read_bytes() == b"damaged"
    server.answers = [whole]
    assert read_pinned(file, tmp_path, download=True) == CONTENT
    assert read_pinned(file, tmp_path, download=False) == CONTENT


def test_two_processes_download_a_file_once(server: Server, tmp_path: Path) -> None:
    server.answers = [whole]
    calls = [
        threading.Thread(target=download_file, args=(server.url, tmp_path / "f.bin", why_wrong, QUICK))
        for _ in range(4)
    ]
    for call in calls:
        call.start()
    for call in calls:
        call.join(60)
    assert (tmp_path / "f.bin").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["f.bin"]
    assert len(server.ranges) == 1
