"""Cells: fully resolved combinations of components, the unit of work, caching, retry and failure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args

from harness.contract.components import Kind
from harness.contract.execution import Execution
from harness.contract.imports import NO_RIGHTS, ImportRights, NamedCode, TrustedPath
from harness.contract.shapes import check_shape

Role = Literal["model", "data", "attack", "sampler", "attribution"]
ROLES: tuple[Role, ...] = get_args(Role)
SHOWN_ROLES: tuple[Role, ...] = ("data", "model", "attack", "sampler", "attribution")
"""The roles in the order in which plans run through them and tables show them."""
TREATMENTS: tuple[Role, ...] = ("attack", "sampler", "attribution")
"""Roles of what is done with a model: checked for its needs of the model, and random draws are scoped by its name."""
CONSTANT_ROLES: tuple[Role, ...] = ("data", "sampler")
"""The roles that tables name once above the table where they are the same in every row."""
SHOWN_LABELS = (*SHOWN_ROLES, "group")
"""The labels of a row in tables: its components, then the subgroup of its examples."""
KIND_OF: Mapping[Role, Kind] = {
    "model": "model",
    "data": "dataset",
    "attack": "attack",
    "sampler": "sampler",
    "attribution": "attribution",
}
_MAX_SLUG_BYTES = 180
_IF_GIVEN = ("rights", "environment")
"""Fields that are written only where they are not empty."""
_SHAPE: Mapping[str, Any] = {
    **dict.fromkeys(("kind", "name", "label", "environment"), str),
    **dict.fromkeys(("version", "member", "training_threads"), int),
    **dict.fromkeys(("parameters", "former"), dict),
    **{name: [str] for name in ("paths", "imports", "uncounted")},
    **dict.fromkeys(("trained_on", "execution"), (dict, NoneType)),
    "limit": (int, NoneType),
    "rights": {"folders": [str], "packages": [str], "anywhere": bool, "trusted": [str]},
}


def canonical(value: Any) -> str:
    """Return a value as JSON with one spelling, so that equal values have equal hashes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Any) -> str:
    """Return the sha256 of a JSON value, in hex."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


@dataclass(frozen=True)
class Use:
    """A component as a cell uses it, with all its parameters.

    Attributes:
        kind: what it is.
        name: its qualified name, or the one it had before it moved to another package.
        label: what tables call it.
        version: the version its plugin declares.
        parameters: every parameter, defaults included; a nested component is a `Use`, several are a tuple of them.
        paths: parameters that are paths.
        imports: parameters that name code as "package.module:attribute".
        uncounted: parameters that cannot change what is measured, or that came later and have their default.
        former: for parameters whose value was renamed, the old spelling, which identities keep.
        limit: for data, use only the first examples.
        trained_on: for a trainable model, the data it is fitted on.
        member: which of several independent copies; the first, 0, has the seed of the cell.
        execution: for a model that wraps no other, how it is run; None where nothing was asked.
        training_threads: torch threads on the CPU that a trainable model is made and fitted with, whatever the run has.
        rights: where code that the parameters name may come from, and which of their files may run code.
        environment: the name of the Python environment that it needs; empty for that of the run. The name is a part of
            the cell's identity, what is installed there of its key.
    """

    kind: Kind
    name: str
    label: str
    version: int
    parameters: Mapping[str, Any]
    paths: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    uncounted: tuple[str, ...] = ()
    former: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None
    trained_on: Use | None = None
    member: int = 0
    execution: Execution | None = None
    training_threads: int = 1
    rights: ImportRights = NO_RIGHTS
    environment: str = ""

    @cached_property
    def identity(self) -> dict[str, Any]:
        """The fields that must be equal for two uses to be the same component.

        Labels are no part of it, nor is where a file lies: its content is a part of the key.
        """
        counted = {name: value for name, value in self.parameters.items() if name not in self.uncounted}
        shown = {name: Path(value).name if name in self.paths and value else value for name, value in counted.items()}
        return {
            "name": self.name,
            "version": self.version,
            "parameters": {name: _identity(value) for name, value in {**shown, **self.former}.items()},
            "limit": self.limit,
            "trained_on": self.trained_on.identity if self.trained_on else None,
            **({"member": self.member} if self.member else {}),
            **({"training_threads": self.training_threads} if self.training_threads != 1 else {}),
            **({"execution": self.execution.to_json()} if self.execution and not self.execution.is_plain else {}),
        }

    @cached_property
    def identity_digest(self) -> str:
        """The hash of the identity."""
        return digest([self.kind, self.identity])

    @cached_property
    def build_digest(self) -> str:
        """The hash of what must be equal for two uses to be one built thing: the identity, and where its files lie."""
        return digest([self.identity_digest, [str(path) for use in self.nested() for path in use.files]])

    @property
    def files(self) -> list[Path]:
        """The files and folders whose content counts."""
        names = [name for name in self.paths if name not in self.uncounted and self.parameters.get(name) is not None]
        return [Path(self.parameters[name]) for name in names]

    @property
    def trusted(self) -> list[str]:
        """The names of files that may run code when they are loaded, since the user trusts them."""
        return [path.name for path in self.files if str(path) in self.rights.trusted]

    @property
    def arguments(self) -> dict[str, Any]:
        """The parameters as the target of a component without nested ones takes them."""
        return {name: self.as_received(name, value) for name, value in self.parameters.items()}

    def as_received(self, name: str, value: Any) -> Any:
        """A plain value as the target takes it: files and folders as paths, import paths with the suite's rights."""
        if value is None:
            return None
        if name in self.paths:
            return TrustedPath(value) if value in self.rights.trusted else Path(value)
        return NamedCode(value, self.rights) if name in self.imports and isinstance(value, str) else value

    def nested(self) -> list[Use]:
        """This use and every use inside it."""
        inner = [use for value in self.parameters.values() for use in uses_in(value)]
        inner += [self.trained_on] if self.trained_on else []
        return [self, *(deeper for use in inner for deeper in use.nested())]

    def to_json(self) -> dict[str, Any]:
        """The use as a JSON object."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in _IF_GIVEN}
        parameters = {name: _to_json(value) for name, value in self.parameters.items()}
        trained_on = self.trained_on and self.trained_on.to_json()
        execution = self.execution and self.execution.to_json()
        rights = {"rights": asdict(self.rights)} if self.rights != NO_RIGHTS else {}
        given = rights | ({"environment": self.environment} if self.environment else {})
        return {**fields, "parameters": parameters, "trained_on": trained_on, "execution": execution, **given}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Use:
        """The inverse of `to_json`. Raises InvalidOutput for a field of another type."""
        check_shape(raw, _SHAPE, "a component")
        parameters = {name: _from_json(value) for name, value in raw["parameters"].items()}
        tuples = {name: tuple(raw[name]) for name in ("paths", "imports", "uncounted")}
        trained_on = raw["trained_on"] and cls.from_json(raw["trained_on"])
        execution = Execution(**raw["execution"]) if raw.get("execution") else None
        rights = ImportRights.from_json(raw["rights"]) if raw.get("rights") else NO_RIGHTS
        built = {"parameters": parameters, "trained_on": trained_on, "execution": execution, "rights": rights}
        return cls(**{**raw, **tuples, **built})


def uses_in(value: Any) -> tuple[Use, ...]:
    """Return the components that the value of a parameter consists of; empty for a plain value."""
    if isinstance(value, Use):
        return (value,)
    return value if _are_uses(value) else ()


def _are_uses(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(each, Use) for each in value)


def _identity(value: Any) -> Any:
    # Several are told apart by their labels, so these count.
    if _are_uses(value):
        return {use.label: use.identity for use in value}
    return value.identity if isinstance(value, Use) else value


def _to_json(value: Any) -> Any:
    if _are_uses(value):
        return {"$uses": [use.to_json() for use in value]}
    return {"$use": value.to_json()} if isinstance(value, Use) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, dict) and "$uses" in value:
        return tuple(Use.from_json(each) for each in value["$uses"])
    return Use.from_json(value["$use"]) if isinstance(value, dict) and "$use" in value else value


@dataclass(frozen=True)
class Cell:
    """One combination of a task with its components, under one seed.

    Attributes:
        experiment: the experiment of the suite it belongs to.
        task: the task.
        components: role to component; None where a treatment is absent on purpose.
        metrics: the metrics to compute from its records. Not part of its identity: records come before metrics.
        seed: the seed every random draw depends on.
        chunk: number of examples given at once to a component that is not batch-independent.
        skip: why the cell cannot run; empty if it can.
        environment: the name of the Python environment that it is run in; empty for that of the run.
    """

    experiment: str
    task: Use
    components: Mapping[Role, Use | None]
    metrics: tuple[Use, ...] = ()
    seed: int = 0
    chunk: int = 64
    skip: str = ""
    environment: str = ""

    @cached_property
    def identity(self) -> dict[str, Any]:
        """The fields that must be equal for two cells to have the same records, given equal code, data and weights."""
        return {
            "task": self.task.identity_digest,
            "components": {role: use.identity_digest if use else None for role, use in self.components.items()},
            "seed": self.seed,
            "chunk": self.chunk,
            **self._environment,
        }

    @property
    def _environment(self) -> dict[str, str]:
        return {"environment": self.environment} if self.environment else {}

    @cached_property
    def id(self) -> str:
        """Readable and path-safe, e.g. "standard.pgd-eps-0.1.digits.s0-1f3a9c"."""
        names = [self.components[role] for role in ("model", *TREATMENTS, "data") if self.components.get(role)]
        words = [use.label for use in names if use] or [self.task.label]
        slug = ".".join("".join(c if c.isalnum() or c in ".-_" else "-" for c in word) for word in words)
        # In bytes, since file names are limited in bytes and a letter may take four.
        short = slug[:96].encode()[:_MAX_SLUG_BYTES].decode("utf-8", "ignore")
        return f"{short}.s{self.seed}-{digest([self.experiment, self.identity])[:8]}"

    def to_json(self) -> dict[str, Any]:
        """The cell as a JSON object."""
        return {
            "experiment": self.experiment,
            "task": self.task.to_json(),
            "components": {role: use and use.to_json() for role, use in self.components.items()},
            "metrics": [use.to_json() for use in self.metrics],
            "seed": self.seed,
            "chunk": self.chunk,
            "skip": self.skip,
            **self._environment,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Cell:
        """The inverse of `to_json`."""
        components = {role: use and Use.from_json(use) for role, use in raw["components"].items()}
        metrics = tuple(Use.from_json(use) for use in raw["metrics"])
        return cls(**{**raw, "task": Use.from_json(raw["task"]), "components": components, "metrics": metrics})

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the components in tables, by role."""
        return {role: use.label if use else "none" for role, use in self.components.items()}

    @property
    def uses(self) -> list[Use]:
        """Every component of the cell, nested ones included, and the task."""
        return [deeper for use in (self.task, *self.components.values()) if use for deeper in use.nested()]
