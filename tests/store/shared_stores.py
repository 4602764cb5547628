"""Entries that are quick to make, and a file system of fsspec that can do what its class says, for tests of stores."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from harness.contract.cells import digest
from harness.store.remote import RemoteStore, open_remote
from harness.store.store import Store


def put_cell(store: Store, number: int, content: bytes = b"records") -> str:
    """Commit a cell; returns its key."""
    inputs = {"cell": number}
    with store.stage() as staged:
        (staged / "artifacts").mkdir()
        (staged / "records.parquet").write_bytes(content)
        (staged / "artifacts" / "x.npy").write_bytes(b"%d" % number)
        store.commit("cells", digest(inputs), staged, inputs)
    return digest(inputs)


def put_weights(store: Store, number: int, content: bytes = b"weights") -> str:
    """Commit weights as a builder does; returns their key."""
    inputs = {"weights": number}
    with store.stage() as staged:
        (staged / "weights.safetensors").write_bytes(content)
        about = {"digest": hashlib.sha256(content).hexdigest(), "inputs": inputs}
        (staged / "about.json").write_text(json.dumps(about))
        store.commit("weights", digest(inputs), staged)
    return digest(inputs)


def shared(folder: Path) -> RemoteStore:
    """The shared store in a folder."""
    return open_remote(folder.as_uri())
