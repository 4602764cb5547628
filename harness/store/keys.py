"""Cache keys: the hash of all that may change the records of a cell or the weights of a model.

Code counts by the import closure of each component's module and of the module of the core that uses it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from stat import S_ISREG
from typing import Any

from harness.contract.cells import Cell, Use, canonical, digest
from harness.contract.components import Component
from harness.contract.errors import StoreError
from harness.files import kind_of
from harness.loaded_code import Version, version_of
from harness.plugins import CORE, Catalog, distribution_version, installed_distributions
from harness.store.import_closure import ImportClosures
from harness.store.store import Store

KEY_SCHEMA = 2
EXECUTES = "harness.execution.cell"
"""The module that executes a cell; named, since the coordinator does not import it, nor torch."""
WORKER = "harness.execution.worker"
READS_SIGNATURES = "harness.signatures"
_BYTECODE = "__pycache__"


def file_digest(path: Path) -> str:
    """The sha256 of a file, or of every file below a folder with its relative name.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        if path.is_dir():
            return digest([[str(p.relative_to(path)), file_digest(p)] for p in _inside(path) if p.is_file()])
        stat = path.stat()
        if not S_ISREG(stat.st_mode):
            raise StoreError(f"{path} is {kind_of(stat.st_mode)}, which has no content to be named by")
        return _content_digest(path, stat.st_mtime_ns, stat.st_size, stat.st_ino)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from None


@cache
def _content_digest(path: Path, mtime_ns: int, size: int, inode: int) -> str:
    """Return the sha256 of a file, read once per version, which these tell apart."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_of(root: str, uses: Sequence[Use], catalog: Catalog, store: Store) -> dict[str, Any]:
    """The code and library versions that the results of these components depend on.

    Args:
        root: the module of the core that uses them.
        uses: the components.
        catalog: where they are found.
        store: where import closures are kept.
    """
    modules, requires = {root}, set[str]()
    for use in uses:
        component = catalog.find(use.kind, use.name).component
        modules |= {component.module, *(module for name in use.imports if (module := _module_in(use.parameters[name])))}
        requires.update(component.requires)
    folders = dict.fromkeys([*(folder for use in uses for folder in use.rights.folders), *catalog.folders])
    code = store.closures(catalog.packages, tuple(folders)).code(frozenset(modules), frozenset(requires))
    return {"python": f"{sys.version_info.major}.{sys.version_info.minor}", **code}


def _module_in(import_path: Any) -> str:
    """The module of "package.module:attribute"; empty where a component's own module is meant."""
    return str(import_path or "").rpartition(":")[0]


def statistics_of(root: str, uses: Sequence[Use], catalog: Catalog, store: Store) -> dict[str, Any]:
    """Return what numbers made of records depend on: code of these components and of `root`, files that they name."""
    files = files_of(uses)
    return {**({"files": files} if files else {}), **code_of(root, uses, catalog, store)}


def files_of(uses: Iterable[Use]) -> list[list[str]]:
    """Name and digest of every file that a parameter names."""
    paths = {path for use in uses for path in use.files}
    return sorted([path.name, file_digest(path)] for path in paths)


def _inside(folder: Path) -> list[Path]:
    """The files below a folder, without the bytecode that Python puts beside modules that it imports."""
    below = (path for path in folder.rglob("*") if _BYTECODE not in path.relative_to(folder).parts)
    return sorted(path for path in below if not path.is_dir())


def versions_of(uses: Iterable[Use]) -> list[tuple[Path, Version | None]]:
    """Return what tells whether a file that a parameter names was replaced, also by one of the same content."""
    paths = sorted({path for use in uses for path in use.files})
    inside = [below for path in paths for below in (_inside(path) if path.is_dir() else [path])]
    return [(path, version_of(path)) for path in inside]


def core_digest(store: Store) -> str:
    """The hash of the code of the core that a worker can run."""
    return store.closures(frozenset({CORE}), ()).of(WORKER).digest


@cache
def environment_digest() -> str:
    """The hash of the version of Python and of every distribution of this process with its version."""
    return digest([sys.version.split()[0], installed_distributions()])


def cell_key_inputs(cell: Cell, catalog: Catalog, store: Store, device: str) -> dict[str, Any]:
    """Return all that may change the records of a cell. Stored beside them, so that a rerun can be explained.

    Batch size, threads, order and host are not among them: a cell's records do not depend on those.
    """
    uses = cell.uses
    return {
        "schema": KEY_SCHEMA,
        "cell": {"task": cell.task.identity, "seed": cell.seed, "chunk": cell.chunk}
        | {"components": {role: use.identity if use else None for role, use in cell.components.items()}},
        "files": files_of(uses),
        "device": device.partition(":")[0],
        "precision": "float32",
        # Called where the cell runs, which is in the environment that it names.
        **({"environment": environment_digest()} if cell.environment else {}),
        **code_of(EXECUTES, uses, catalog, store),
    }


def weights_key_inputs(root: str, model: Use, seed: int, catalog: Catalog, store: Store, device: str) -> dict[str, Any]:
    """Return all that may change the weights of a model that the module `root` trains."""
    uses = model.nested()
    return {
        "schema": KEY_SCHEMA,
        # Weights are fitted in float32, however the model is then run, and training names the split itself.
        "model": replace(model, execution=None, trained_on=_of_any_split(model.trained_on)).identity,
        "seed": seed,
        # Sums are split among threads, and training makes other weights of their last bits.
        "threads": model.training_threads,
        "files": files_of(uses),
        "device": device.partition(":")[0],
        **code_of(root, uses, catalog, store),
    }


def _of_any_split(data: Use | None) -> Use | None:
    parameters = {} if data is None else {name: value for name, value in data.parameters.items() if name != "split"}
    return data and replace(data, parameters=parameters)


def signature_key(component: Component, closures: ImportClosures) -> str:
    """The key under which a component's signature is kept; docstrings are a part of signatures."""
    both = [closures.of(module) for module in (component.module, READS_SIGNATURES)]
    versions = {name: distribution_version(name) for name in component.requires}
    code = [[closure.sources, dict(closure.libraries)] for closure in both]
    return digest([KEY_SCHEMA, component.kind, component.target, code, versions, sys.version])


def key_of(inputs: dict[str, Any]) -> str:
    """Return the cache key: the hash of these inputs."""
    return hashlib.sha256(canonical(inputs).encode()).hexdigest()
