"""Whether the files of a task want to run code: functions of their own, code of a hub, or what a model writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from harness.api import InvalidOutput, MissingData, cause_of

_SWITCHES = ("unsafe_code", "hf_evaluate")
_REMOTE = "trust_remote_code"


class _Reader(yaml.SafeLoader):
    """Reads the files without running anything that they name."""


class _Named(str):
    """A function that a file names."""


def _named(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> _Named:
    return _Named(loader.construct_scalar(node))


_Reader.add_constructor("!function", _named)


def wants_code(folder: Path, known_metrics: frozenset[str]) -> str:
    """Return what some task in a folder wants to run, with its file; empty if none wants anything.

    Args:
        folder: with YAML files, also in folders below.
        known_metrics: those that the library has; others would be fetched from a hub, as code.

    Raises:
        MissingData: there is no such folder.
        InvalidOutput: a file cannot be read.
    """
    if not folder.is_dir():
        raise MissingData(f"there is no folder {str(folder)!r} with tasks")
    for path in sorted([*folder.rglob("*.yaml"), *folder.rglob("*.yml")]):
        try:
            # Safe: a subclass of SafeLoader, whose one addition makes texts.
            content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Reader)
            reason = next(
                (each for value in _values(content, set()) for each in _reasons(value, folder, path, known_metrics)), ""
            )
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
            raise InvalidOutput(f"{path.name} cannot be read as YAML: {cause_of(error)}") from error
        if reason:
            return f"{path.name} {reason}"
    return ""


def _values(value: Any, seen: set[int]) -> Iterator[Any]:
    """Yield a value and all inside it, each once: an alias may stand inside itself, or ten in ten in ten."""
    if isinstance(value, list | dict):
        if id(value) in seen:
            return
        seen.add(id(value))
    yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _values(each, seen)


def _reasons(value: Any, folder: Path, path: Path, known_metrics: frozenset[str]) -> Iterator[str]:
    if isinstance(value, _Named):
        yield f"names the function {str(value)!r}"
    elif isinstance(value, dict):
        yield from (f"says `{name}`" for name in (*_SWITCHES, _REMOTE) if value.get(name))
        if isinstance(value.get("class"), str | _Named):
            yield f"names the class {value['class']!r}"
        include = value.get("include")
        if isinstance(include, str) and not (path.parent / include).resolve().is_relative_to(folder.resolve()):
            yield f"includes {include!r}, which lies outside of the folder"
        metric = value.get("metric")
        if isinstance(metric, str) and not isinstance(metric, _Named) and metric not in known_metrics:
            yield f"names the metric {metric!r}, which the library would fetch as code"
