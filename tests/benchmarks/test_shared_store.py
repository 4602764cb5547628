"""How long it takes to fetch a thousand finished cells from a store in a bucket: less than a minute."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from harness.store.exchange import pull_entries, push_entries
from harness.store.remote import open_remote
from harness.store.store import Store
from store.s3_stand_in import BUCKET, Server
from store.shared_stores import put_cell

N_CELLS = 1000
_SIZE = 13_000
"""Bytes of a cell of the shipped suites, packed."""


def test_pull_of_a_thousand_cells(benchmark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs", reason="the extra s3 is not installed")
    pytest.importorskip("moto", reason="the extra anchors is not installed")
    if benchmark.disabled:
        pytest.skip("a benchmark of half a minute")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "stand-in")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HARNESS_CONFIG", str(tmp_path / "config.yaml"))
    server, url = Server(os.environ), f"s3://{BUCKET}/store"
    try:
        server.make_bucket()
        (tmp_path / "config.yaml").write_text(f"store: {{url: '{url}', endpoint_url: '{server.endpoint}'}}")
        store, other, remote = Store(tmp_path / "a" / "store"), Store(tmp_path / "b" / "store"), open_remote(url)
        for number in range(N_CELLS):
            put_cell(store, number, os.urandom(_SIZE))
        assert len(list(push_entries(store, remote))) == N_CELLS
        moves = benchmark.pedantic(lambda: list(pull_entries(other, remote)), rounds=1)
        assert [moved.outcome for moved in moves] == ["pulled"] * N_CELLS
    finally:
        server.kill()
