"""Parameters of components: markers that say more than a Python type can, and defaults as a suite writes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

from harness.contract.components import Kind


@dataclass(frozen=True, slots=True)
class ComponentOf:
    """Marks a parameter whose value is another component, written `{use: NAME, with: {...}}` in the suite.

    `base: Annotated[Classifier, ComponentOf("model")]` receives the built (and trained) model.

    Attributes:
        kind: the kind of the component.
        several: it is a list in the suite, and a mapping of labels to built components for the target.
        members: the parameter, a whole number, that says how many times the one component is built and trained, each
            time under a seed of its own; the target receives a mapping as for several. The first has the seed of the
            cell, so it is the component as it would be alone.
    """

    kind: Kind
    several: bool = False
    members: str = ""


@dataclass(frozen=True, slots=True)
class Uncounted:
    """Marks a parameter that cannot change what is measured, so that it is left out of every key."""


@dataclass(frozen=True, slots=True)
class Later:
    """Marks a parameter that came when results had been made: at its default it is left out of every key.

    So results from before it stay valid and comparable; at another value they are others.
    """


Location = Annotated[Path, Uncounted()]
"""A path that says where to find data whose content is checked against a pinned digest.

A parameter annotated with plain `Path` is a file or folder whose content is hashed into the keys.
"""


@dataclass(frozen=True, slots=True)
class FormerSpelling:
    """Marks a parameter with a value that was renamed: identities keep the old spelling, so that runs stay comparable.

    Attributes:
        now: the value in suites today.
        was: its former spelling.
    """

    now: str
    was: str


@dataclass(frozen=True, slots=True)
class ImportPath:
    """Marks a text parameter `"package.module:attribute"`, which `import_named` imports.

    The module is looked up in the folder of the suite, then among plugins. Its import closure is hashed into the keys.
    """


@dataclass(frozen=True, slots=True)
class Variants:
    """Parameters that depend on the value of one parameter.

    A target with a static method `variants()` returning this offers, for each choice of `parameter`, the
    parameters of a callable's signature besides its own, which it then receives as keyword arguments.

    Attributes:
        parameter: the parameter that chooses, e.g. "attack".
        choices: value to the callable whose signature and docstring are read.
        hidden: parameters of those callables that a suite may not set.
    """

    parameter: str
    choices: Mapping[str, Callable[..., Any]]
    hidden: frozenset[str] = frozenset()


class Inexpressible(ValueError):
    """A default that no suite can write."""


def as_written(default: Any) -> Any:
    """Return a default as a suite writes it: paths as text, tuples as lists.

    Raises:
        Inexpressible: it is neither None, a truth value, a finite number, text, nor a list or mapping of such.
    """
    if isinstance(default, Path):
        return str(default)
    if isinstance(default, list | tuple):
        return [as_written(item) for item in default]
    if isinstance(default, Mapping) and all(isinstance(key, str) for key in default):
        return {key: as_written(item) for key, item in default.items()}
    # A member of an enum may be text or a number, but what a suite gives would not be that member.
    if isinstance(default, bool | int | str | None) and not isinstance(default, Enum):
        return default
    if isinstance(default, float) and math.isfinite(default):
        return default
    shown = repr(default) if isinstance(default, Enum | float | frozenset | set | bytes) else type(default).__name__
    raise Inexpressible(f"has a default that a suite cannot express: {shown}; use None, a number or text instead")
