"""Opening the store of a results folder: finished cells, and signatures that were read before."""

from __future__ import annotations

import os
from pathlib import Path

from harness.plugins import Catalog
from harness.signatures import SignatureReader
from harness.store.import_closure import ImportClosures
from harness.store.keys import signature_key
from harness.store.store import STORE, Store


def open_store(results: Path, *, needs_writing: bool = True) -> Store:
    """The store of a results folder. Raises StoreError if it cannot be written and must be, as for a run."""
    return Store(results / STORE, needs_writing=needs_writing)


def cached_signatures(results: Path, catalog: Catalog) -> SignatureReader:
    """A reader that keeps signatures in the store, if there is one, so that a plan needs no torch the second time."""
    store = results / STORE
    if not os.access(store, os.W_OK):
        return SignatureReader()
    closures = ImportClosures(catalog.packages, store, catalog.folders)
    return SignatureReader(store / "signatures", lambda component: signature_key(component, closures))
