"""Descriptors of the components that a plugin offers, which are read without importing them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

Kind = Literal[
    "model",
    "dataset",
    "attack",
    "sampler",
    "attribution",
    "extractor",
    "metric",
    "task",
    "aggregate",
    "executor",
    "reporter",
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
        summary: one line for `harness list`; empty for the first line of the target's docstring.
        tasks: the tasks it can take part in; empty means any.
        version: raise it when its results change on purpose. Part of the comparability key.
        requires: distributions that must be installed, e.g. `("scikit-learn",)`; their versions are part
            of the cache key.
        trained_on: for a trainable model, the dataset it is fitted on unless the suite names another;
            None means that of the model it wraps, else the dataset of the cell.
        references: the papers or pages it implements.
        moved_from: the qualified name it had in another package, `package/name`. Keys, seeds and records keep that
            name, so that its results stay comparable after a move; suites may write either.
        example: of a task, the keys of the smallest suite in which it runs, in seconds and without network, as YAML;
            what else takes part in the task is checked in it, see `harness.testing.check`.
    """

    kind: Kind
    name: str
    target: str
    summary: str = ""
    tasks: frozenset[str] = frozenset()
    version: int = 1
    requires: tuple[str, ...] = ()
    trained_on: str | None = None
    references: tuple[str, ...] = ()
    moved_from: str = ""
    example: str = ""

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


@dataclass(frozen=True, slots=True)
class Declarations:
    """Declares components of one kind, each in a line.

        attack = Declarations("attack", f"{__name__}.attacks", tasks={"classify"})
        attack("pgd", "gradient_attacks:PGD", "Madry et al. 2018, arXiv:1706.06083")

    Attributes:
        kind: of each component.
        package: where the modules of the targets lie.
        tasks: that each component can take part in, unless it says otherwise; empty means any.
        moved_from: the package that they were in before, if their names in records are to stay as they were there.
    """

    kind: Kind
    package: str
    tasks: Collection[str] = ()
    moved_from: str = ""

    def __call__(
        self,
        name: str,
        target: str,
        *references: str,
        summary: str = "",
        tasks: Collection[str] | None = None,
        version: int = 1,
        requires: tuple[str, ...] = (),
        trained_on: str | None = None,
        example: str = "",
    ) -> Component:
        """A component with a target in the package, `"module:attribute"`, or `":attribute"` in `package` itself."""
        return Component(
            self.kind,
            name,
            f"{self.package}{'' if target.startswith(':') else '.'}{target}",
            summary,
            cast("frozenset[str]", self.tasks if tasks is None else tasks),  # it checks and converts them
            version,
            requires,
            trained_on,
            references,
            f"{self.moved_from}/{name}" if self.moved_from else "",
            example,
        )
