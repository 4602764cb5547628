"""The code that a process would run, package by package, so that two machines can tell whether they have the same."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path

from harness.plugins import ABSENT, CORE, Catalog, distribution_version

_VERSIONED = ("torch", "numpy", "scipy", "pyarrow", "scikit-learn")
"""Libraries that the core computes with; those of components follow from what they require."""


def code_digests(catalog: Catalog) -> dict[str, str]:
    """Return the digest of each package's sources, and the version of Python and of every library that counts."""
    required = {name for entry in catalog.entries.values() for name in entry.component.requires}
    versions = {name: distribution_version(name) for name in sorted({*_VERSIONED, *required})}
    packages = {package: _sources_digest(package) for package in sorted(catalog.packages | {CORE})}
    return {"python": ".".join(map(str, sys.version_info[:2])), **versions, **packages}


def differing_packages(own: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Return the packages and libraries that a place has in another version than is wanted, or lacks."""
    return sorted(name for name, value in wanted.items() if own.get(name, ABSENT) != value)


def _sources_digest(package: str) -> str:
    spec = importlib.util.find_spec(package)
    hashed = hashlib.sha256()
    for name, path in sorted(_sources(spec)) if spec else ():
        hashed.update(f"{name}\0".encode() + path.read_bytes() + b"\0")
    return hashed.hexdigest()


def _sources(spec: ModuleSpec) -> Iterator[tuple[str, Path]]:
    """The modules of a package with their names in it."""
    folders: Iterable[str] = spec.submodule_search_locations or ()
    if not folders and spec.origin:
        yield Path(spec.origin).name, Path(spec.origin)
    for folder in folders:
        for path in Path(folder).rglob("*.py"):
            yield path.relative_to(folder).as_posix(), path
