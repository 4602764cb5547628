"""A message is posted at the end of a run; a webhook that fails is told of, and fails no run."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from harness.testing import check_hooks, run_suite

ROOT = Path(__file__).parents[1]


class Stub(HTTPServer):
    """A server on the loopback that keeps what it is sent, and answers as it is told."""

    answer = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posted: list[Any] = []


class _Handler(BaseHTTPRequestHandler):
    server: Stub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append(json.loads(body))
        self.send_response(self.server.answer)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    with Stub() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HERALD_URL", f"http://127.0.0.1:{server.server_port}/secret")
        monkeypatch.delenv("HERALD_TEMPLATE", raising=False)
        yield server
        server.shutdown()


def test_promises() -> None:
    findings = check_hooks("herald", plugin_folders=ROOT)
    assert [str(finding) for finding in findings if finding.state != "ok"] == []


def test_the_end_of_a_run_is_posted(stub: Stub, tmp_path: Path) -> None:
    done = run_suite(ROOT / "herald.yaml", tmp_path, plugin_folders=ROOT)
    assert stub.posted == [{"text": f"{done.folder.run_id}: exit code 0; 1 ok"}]
    assert done.warnings == ()


def test_a_webhook_that_answers_500_is_told_and_fails_no_run(stub: Stub, tmp_path: Path) -> None:
    stub.answer = 500
    done = run_suite(ROOT / "herald.yaml", tmp_path, plugin_folders=ROOT)
    assert done.exit_code == 0
    (warning,) = done.warnings
    assert "the webhook answered 500" in warning
    assert "secret" not in warning


def test_a_template_of_ones_own(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template = tmp_path / "message.json"
    monkeypatch.setenv("HERALD_TEMPLATE", str(template))
    template.write_text('{"blocks": ["$statuses of $rows"]}', encoding="utf-8")
    run_suite(ROOT / "herald.yaml", tmp_path, plugin_folders=ROOT)
    assert stub.posted == [{"blocks": ["1 ok of 1"]}]
    template.write_text('{"text": "$nothing"}', encoding="utf-8")
    (warning,) = run_suite(ROOT / "herald.yaml", tmp_path, plugin_folders=ROOT).warnings
    assert "the template of the webhook cannot be filled in: 'nothing'" in warning


def test_without_the_variable_nothing_is_posted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HERALD_URL", raising=False)
    assert run_suite(ROOT / "herald.yaml", tmp_path, plugin_folders=ROOT).warnings == ()
