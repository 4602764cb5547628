"""Opening what a results folder keeps: the store of finished cells, and signatures that were read before."""

from __future__ import annotations

from pathlib import Path

from harness.plugins import Catalog
from harness.signatures import SignatureReader
from harness.store.keys import signature_key
from harness.store.store import Store

_STORE = "store"


def open_store(results: Path) -> Store:
    """The store of a results folder. Raises StoreError if it cannot be written."""
    return Store(results / _STORE)


def cached_signatures(results: Path, catalog: Catalog) -> SignatureReader:
    """A reader that keeps signatures in the store, if there is one, so that a plan needs no torch the second time."""
    store = results / _STORE
    kept = store / "signatures" if store.is_dir() else None
    return SignatureReader(kept, lambda component: signature_key(component, catalog))
