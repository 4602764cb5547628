"""Cache keys: the hash of all that may change the records of a cell or the weights of a model."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from harness.contract.cells import Cell, Use, canonical, digest
from harness.contract.components import Component
from harness.contract.errors import StoreError
from harness.plugins import CORE, Catalog, distribution_version

KEY_SCHEMA = 1
_CORE_FOLDER = Path(__file__).resolve().parents[1]
_ENGINE = ("building", "execute", "execution", "result")
_MEASURING = ("contract", "attacks", "tasks", *(f"engine/{name}.py" for name in _ENGINE))
_STATISTICS = ("results/stats.py", "results/gaps.py", "engine/groups.py")
_NUMERICS = ("torch", "numpy")


def file_digest(path: Path) -> str:
    """The sha256 of a file, or of every file below a folder with its relative name.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.is_file())
            return digest([[str(p.relative_to(path)), file_digest(p)] for p in files])
        stat = path.stat()
        return _content_digest(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from None


@cache
def _content_digest(path: Path, mtime_ns: int, size: int) -> str:
    """Read once per version of a file, as its time and size tell versions apart."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def package_digest(name: str) -> str:
    """The hash of all code of the package that a module belongs to, so that an edited helper module is noticed.

    For the core only the modules that take part in measuring count; for a package installed from an index its
    module and version stand for it.
    """
    if name == CORE:
        return digest([[part, _code_digest(_CORE_FOLDER / part)] for part in _MEASURING])
    package = name.partition(".")[0]
    module = sys.modules.get(package)
    try:
        spec = module.__spec__ if module is not None else importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return "unknown"
    # A package has folders, several of them if it is a namespace; a module has a file.
    places = [Path(place) for place in spec.submodule_search_locations or [spec.origin or ""]]
    if name != package and any("site-packages" in place.parts for place in places):
        return f"{package} {distribution_version(package)}"
    return digest([_code_digest(place) for place in places])


def _code_digest(path: Path) -> str:
    if path.is_file():
        return file_digest(path)
    return digest([[str(p.relative_to(path)), file_digest(p)] for p in sorted(path.rglob("*")) if _is_code(p)])


def _is_code(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"


def code_of(uses: list[Use], catalog: Catalog) -> dict[str, Any]:
    """The code and library versions that these components depend on, by name."""
    packages, versions = {CORE}, set(_NUMERICS)
    for use in uses:
        entry = catalog.find(use.kind, use.name)
        packages.add(entry.package)
        versions.update(entry.component.requires)
        packages.update(str(use.parameters[name]).partition(":")[0] for name in use.imports if use.parameters.get(name))
    return {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "code": {name: package_digest(name) for name in sorted(packages)},
        "versions": {name: distribution_version(name) for name in sorted(versions)},
    }


def statistics_of(uses: list[Use], catalog: Catalog) -> dict[str, Any]:
    """What numbers made of records depend on: code of these components, files they name, statistics of the core."""
    files = files_of(uses)
    return {
        "statistics": [_code_digest(_CORE_FOLDER / part) for part in _STATISTICS],
        **({"files": files} if files else {}),
        **code_of(uses, catalog),
    }


def files_of(uses: list[Use]) -> list[list[str]]:
    """Name and digest of every file that a parameter names."""
    paths = {path for use in uses for path in use.files}
    return sorted([path.name, file_digest(path)] for path in paths)


def cell_key_inputs(cell: Cell, catalog: Catalog, device: str) -> dict[str, Any]:
    """All that may change the records of a cell. Stored beside them, so that a rerun can be explained.

    Batch size, threads, order and host are not among them: a cell's records do not depend on those.
    """
    return {
        "schema": KEY_SCHEMA,
        "cell": {"task": cell.task.identity, "seed": cell.seed, "chunk": cell.chunk}
        | {"components": {role: use.identity if use else None for role, use in cell.components.items()}},
        "files": files_of(cell.uses),
        "device": device.partition(":")[0],
        "precision": "float32",
        **code_of(cell.uses, catalog),
    }


def weights_key_inputs(model: Use, seed: int, catalog: Catalog, device: str) -> dict[str, Any]:
    """All that may change the weights of a trained model."""
    uses = model.nested()
    return {
        "schema": KEY_SCHEMA,
        # Weights are fitted in float32, however the model is then run.
        "model": replace(model, execution=None).identity,
        "seed": seed,
        "files": files_of(uses),
        "device": device.partition(":")[0],
        **code_of(uses, catalog),
    }


def signature_key(component: Component, catalog: Catalog) -> str:
    """The key under which a component's signature is kept."""
    package = component.target.partition(".")[0].partition(":")[0]
    versions = {name: distribution_version(name) for name in (*component.requires, *_NUMERICS)}
    reader = file_digest(_CORE_FOLDER / "signatures.py")
    return digest(
        [KEY_SCHEMA, reader, component.kind, component.target, package_digest(package), versions, sys.version]
    )


def key_of(inputs: dict[str, Any]) -> str:
    """The key that stands for these inputs."""
    return hashlib.sha256(canonical(inputs).encode()).hexdigest()
