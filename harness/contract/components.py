"""Descriptors of the components that a plugin offers, which are read without importing them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

Kind = Literal[
    "model", "dataset", "attack", "sampler", "extractor", "metric", "task", "aggregate", "executor", "reporter"
]
KINDS: tuple[Kind, ...] = get_args(Kind)

NAME = re.compile(r"[a-z0-9][a-z0-9_]*")
TARGET = re.compile(r"[\w.]+:\w+")


@dataclass(frozen=True, slots=True)
class Component:
    """A component that a plugin offers, by kind and name.

    The target is imported only where a cell needs it, so declaring a component costs nothing.

    Attributes:
        kind: what it is; see `KINDS`.
        name: lower-case, unique among the plugin's components of this kind.
        target: `"package.module:attribute"`, a class or function called with the parameters of the suite.
        summary: one line for `harness list`.
        tasks: the tasks it can take part in; empty means any.
        version: raise it when its results change on purpose. Part of the comparability key.
        requires: distributions that must be installed, e.g. `("scikit-learn",)`; their versions are part
            of the cache key.
        trained_on: for a trainable model, the dataset it is fitted on unless the suite names another;
            None means that of the model it wraps, else the dataset of the cell.
        references: the papers or pages it implements.
        moved_from: the qualified name it had in another package, `package/name`. Keys, seeds and records keep that
            name, so that its results stay comparable after a move; suites may write either.
    """

    kind: Kind
    name: str
    target: str
    summary: str
    tasks: frozenset[str] = frozenset()
    version: int = 1
    requires: tuple[str, ...] = ()
    trained_on: str | None = None
    references: tuple[str, ...] = ()
    moved_from: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is unknown; it is one of {', '.join(KINDS)}")
        if not NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r} must be lower-case letters, digits and underscores")
        if not TARGET.fullmatch(self.target):
            raise ValueError(f"target {self.target!r} must look like 'package.module:attribute'")
        if isinstance(self.tasks, str) or isinstance(self.requires, str):
            raise ValueError(f"tasks and requires of {self.name!r} are collections of names, not one name")
        object.__setattr__(self, "tasks", frozenset(self.tasks))

    @property
    def module(self) -> str:
        """The module of the target."""
        return self.target.partition(":")[0]

    def load(self) -> Callable[..., Any]:
        """Import and return the target. Raises ImportError or AttributeError as Python does."""
        module = importlib.import_module(self.module)  # keyed: it is the root of a closure of its own
        target: Callable[..., Any] = getattr(module, self.target.partition(":")[2])
        return target
