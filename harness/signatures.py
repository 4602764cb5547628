"""Reading a component's target: its parameters, and what it offers to or needs from other components.

The signature and docstring of the target are the one source for validation, `harness describe` and the JSON
Schema. Reading them imports the target, and with it perhaps torch, so what was read can be kept in a cache.
"""

from __future__ import annotations

import inspect
import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from typing_extensions import get_protocol_members, is_protocol

from harness.contract.cells import ROLES
from harness.contract.components import Component, Kind
from harness.contract.docstrings import documentation
from harness.contract.errors import HarnessError
from harness.contract.parameters import (
    ComponentOf,
    FormerSpelling,
    ImportPath,
    Inexpressible,
    Later,
    Uncounted,
    Variants,
    as_written,
)
from harness.files import explained, read_checked, write_checked
from harness.isolation import Fault, importing, isolated

_DOCUMENTED_TYPES = {"float": "number", "int": "integer", "bool": "boolean", "str": "string", "list": "array"}
_JSON_TYPES: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}


class SignatureError(HarnessError):
    """A target whose signature the suite format cannot express."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a component.

    Attributes:
        name: as written under `with:`.
        schema: a JSON Schema of its values.
        required: whether a suite must give it.
        default: its value where a suite does not.
        doc: what the docstring says of it.
        path: whether it is a path.
        imports: whether it names code as "package.module:attribute".
        counted: whether it can change what is measured.
        later: whether it came after results had been made without it.
        former: value to its old spelling, where it was renamed.
        component: the kind of component it takes; None for a plain value.
        several: it takes a list of them.
        members: the parameter that says how many independent copies of one component it takes; empty for one.
    """

    name: str
    schema: Mapping[str, Any]
    required: bool = False
    default: Any = None
    doc: str = ""
    path: bool = False
    imports: bool = False
    counted: bool = True
    later: bool = False
    former: Mapping[str, str] = field(default_factory=dict)
    component: Kind | None = None
    several: bool = False
    members: str = ""


@dataclass(frozen=True)
class Variant:
    """The parameters that come with one choice of the varying parameter."""

    doc: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class Needs:
    """The methods that a component requires of another.

    Attributes:
        protocol: what the other must be.
        members: the methods of that protocol.
        others: protocols that will do as well.
    """

    protocol: str
    members: tuple[str, ...]
    others: tuple[Needs, ...] = ()

    def missing(self, has: Callable[[str], bool]) -> list[str]:
        """Return the methods of the first protocol that a component lacks; none if it satisfies any of them."""
        lacking = [[member for member in needs.members if not has(member)] for needs in (self, *self.others)]
        return lacking[0] if all(lacking) else []

    def missing_in(self, thing: object) -> list[str]:
        """Return the required methods that a component does not have."""
        return self.missing(partial(hasattr, thing))

    def unmet(self, missing: list[str]) -> str:
        """Return in words what is missing; empty if nothing is."""
        wanted = " or ".join(needs.protocol for needs in (self, *self.others))
        return f"{wanted}; it has no {', '.join(missing)}" if missing else ""

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Needs:
        """The inverse of `asdict`, by way of JSON."""
        return cls(raw["protocol"], tuple(raw["members"]), tuple(map(cls.from_json, raw["others"])))


@dataclass(frozen=True)
class Signature:
    """The signature of a component's target: its parameters, roles and needs.

    Attributes:
        doc: its docstring without the parameters.
        parameters: in the order of the signature.
        varies_with: the parameter that chooses a variant, if any.
        variants: choice to what comes with it.
        roles: for a task, the roles of its cells; True where the role may be left out.
        needs: role to what is required of the component in it.
        offers: public methods of what the target makes; None if that is known only once it is made.
        direction, unit: of a metric.
        columns: of a metric, the record columns it needs, where its class says so; of a task, those that its records
            may have, where it declares them.
        columns_with, columns_without: of a task, role or parameter to the record columns that are there only where a
            cell has a component in this role or a value of this parameter, or has none.
    """

    doc: str = ""
    parameters: tuple[Parameter, ...] = ()
    varies_with: str = ""
    variants: Mapping[str, Variant] = field(default_factory=dict)
    roles: Mapping[str, bool] = field(default_factory=dict)
    needs: Mapping[str, Needs] = field(default_factory=dict)
    offers: frozenset[str] | None = None
    direction: str = ""
    unit: str = ""
    columns: tuple[str, ...] = ()
    columns_with: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    columns_without: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def parameters_for(self, given: Mapping[str, Any]) -> tuple[Parameter, ...]:
        """The parameters that apply when these values are given."""
        chosen = self.variants.get(str(given.get(self.varies_with))) if self.varies_with else None
        return (*self.parameters, *chosen.parameters) if chosen else self.parameters

    def lacks(self, needs: Needs | None) -> list[str]:
        """Return the required methods that the component will not have; empty where that is not known yet."""
        return [] if needs is None or self.offers is None else needs.missing(self.offers.__contains__)

    def to_json(self) -> str:
        """The signature as JSON text."""
        offers = None if self.offers is None else sorted(self.offers)
        return json.dumps({**asdict(self), "offers": offers})

    @classmethod
    def from_json(cls, text: str) -> Signature:
        """The inverse of `to_json`."""
        raw = json.loads(text)
        return cls(
            doc=raw["doc"],
            parameters=tuple(Parameter(**p) for p in raw["parameters"]),
            varies_with=raw["varies_with"],
            variants={
                name: Variant(v["doc"], tuple(Parameter(**p) for p in v["parameters"]))
                for name, v in raw["variants"].items()
            },
            roles=raw["roles"],
            needs={role: Needs.from_json(needs) for role, needs in raw["needs"].items()},
            offers=None if raw["offers"] is None else frozenset(raw["offers"]),
            direction=raw["direction"],
            unit=raw["unit"],
            columns=tuple(raw["columns"]),
            **{name: _tuples(raw[name]) for name in ("columns_with", "columns_without")},
        )


class SignatureReader:
    """Reads signatures once per process, and once per code version where a cache folder is given."""

    def __init__(self, cache_folder: Path | None = None, key: Callable[[Component], str] | None = None) -> None:
        self._read: dict[str, Signature] = {}
        self._folder = cache_folder
        self._key = key

    def read(self, component: Component) -> Signature:
        """The signature of the component's target.

        Raises:
            SignatureError: the target cannot be imported or its signature cannot be expressed.
        """
        signature = self._read.get(component.target)
        if signature is None:
            signature = self._read[component.target] = self._from_cache(component)
        return signature

    def _from_cache(self, component: Component) -> Signature:
        if self._folder is None or self._key is None:
            return read_signature(component)
        path = self._folder / f"{self._key(component)}.json"
        stored = read_checked(path)
        if stored is not None:
            return Signature.from_json(stored.decode())
        signature = read_signature(component)
        with explained(self._folder):
            write_checked(path, signature.to_json().encode())
        return signature


def read_signature(component: Component) -> Signature:
    """Import the target and read its signature. Raises SignatureError."""
    where = f"{component.kind} {component.name!r} ({component.target})"
    with importing():
        target = isolated(component.load)
    if isinstance(target, Fault):
        raise SignatureError(f"{where} cannot be imported: {target.reason}")
    # A default that is made, an annotation and `variants` are code of the plugin.
    signature = isolated(partial(_read, target, component.kind, where))
    if isinstance(signature, Fault):
        known = signature.reason.startswith(where)
        raise SignatureError(signature.reason if known else f"{where} cannot be read: {signature.reason}")
    return signature


def _read(target: Callable[..., Any], kind: Kind, where: str) -> Signature:
    """The signature of an imported target."""
    doc, parameters = _parameters(target, where)
    variants = getattr(target, "variants", None)
    variants = variants() if inspect.isfunction(variants) else None
    extra: dict[str, Variant] = {}
    if isinstance(variants, Variants):
        own = {p.name for p in parameters}
        for choice, factory in variants.choices.items():
            about, of_choice = _parameters(factory, f"{where}, {variants.parameter}={choice}")
            extra[choice] = Variant(about, tuple(p for p in of_choice if p.name not in variants.hidden | own))
        chosen = {"type": "string", "enum": sorted(extra)}
        parameters = tuple(replace(p, schema=chosen) if p.name == variants.parameter else p for p in parameters)
    roles, needs = _requirements(target, kind, where)
    return Signature(
        doc=doc,
        parameters=parameters,
        varies_with=variants.parameter if isinstance(variants, Variants) else "",
        variants=extra,
        roles=roles,
        needs=needs,
        offers=_offers(target),
        direction=str(getattr(target, "direction", "")),
        unit=str(getattr(target, "unit", "")),
        columns=_names(getattr(target, "columns", ())) if kind in ("metric", "task") else (),
        columns_with=_tuples(getattr(target, "columns_with", {})) if kind == "task" else {},
        columns_without=_tuples(getattr(target, "columns_without", {})) if kind == "task" else {},
    )


def _tuples(declared: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {role: _names(names) for role, names in declared.items()}


def _names(declared: Any) -> tuple[str, ...]:
    """Names of columns; none where they are known only of an instance, such as for a property."""
    return tuple(map(str, declared)) if isinstance(declared, list | tuple | frozenset) else ()


def _parameters(target: Callable[..., Any], where: str) -> tuple[str, tuple[Parameter, ...]]:
    """The docstring and the parameters of a class or function."""
    about, documented = documentation(target)
    function = target.__init__ if inspect.isclass(target) else target
    if function is object.__init__:
        return about, ()
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise SignatureError(f"{where}: an annotation cannot be resolved at run time: {error}") from error
    parameters = []
    for name, raw in inspect.signature(target).parameters.items():
        if raw.kind in (raw.VAR_KEYWORD, raw.VAR_POSITIONAL):
            continue
        documented_type, doc = documented.get(name, ("", ""))
        required = raw.default is raw.empty
        try:
            made = None if required else _made(raw.default, target, name)
            default, schema = as_written(made), _schema(hints.get(name), documented_type, made)
        except (SignatureError, Inexpressible) as error:
            raise SignatureError(f"{where}: parameter {name!r} {error}") from error
        markers = _markers(hints.get(name))
        taken = next((marker for marker in markers if isinstance(marker, ComponentOf)), None)
        parameters.append(
            Parameter(
                name,
                schema,
                required,
                default,
                doc,
                path="path" in (part.get("format") for part in [schema, *schema.get("anyOf", [])]),
                imports=any(isinstance(marker, ImportPath) for marker in markers),
                counted=not any(isinstance(marker, Uncounted) for marker in markers),
                later=any(isinstance(marker, Later) for marker in markers),
                former={marker.now: marker.was for marker in markers if isinstance(marker, FormerSpelling)},
                component=taken.kind if taken else None,
                several=taken is not None and taken.several,
                members=taken.members if taken else "",
            )
        )
    return about, tuple(parameters)


def _made(default: Any, target: Callable[..., Any], name: str) -> Any:
    """Return a default; that of a dataclass field with a `default_factory` is made, as each instance would."""
    fields = getattr(target, "__dataclass_fields__", {})
    factory = fields[name].default_factory if name in fields else MISSING
    return default if factory is MISSING else factory()


def _markers(hint: Any) -> list[Any]:
    """Return the markers of an annotation, also those inside a union."""
    markers = list(getattr(hint, "__metadata__", ()))
    if get_origin(hint) in (Union, types.UnionType):
        markers += [marker for part in get_args(hint) for marker in _markers(part)]
    return markers


def _schema(hint: Any, documented: str, default: Any) -> dict[str, Any]:
    """The JSON Schema of the values of a parameter."""
    if hint is None:
        return _undocumented_schema(documented, default)
    if any(isinstance(marker, ComponentOf) for marker in _markers(hint)):
        return {}
    from pydantic import PydanticUserError, TypeAdapter
    from pydantic.errors import PydanticSchemaGenerationError

    try:
        return TypeAdapter(hint).json_schema()
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        raise SignatureError(f"has a type that a suite cannot express: {hint}") from error


def _undocumented_schema(documented: str, default: Any) -> dict[str, Any]:
    """Return the schema of a parameter without annotation: the type in its docstring, else that of its default."""
    named = _DOCUMENTED_TYPES.get(documented.strip())
    of_default = _JSON_TYPES.get(type(default))
    if named == "integer" and of_default == "number":
        named = "number"
    kind = named or of_default
    if kind is None:
        return {}
    return {"type": kind} if default is not None else {"anyOf": [{"type": kind}, {"type": "null"}]}


def _requirements(target: Callable[..., Any], kind: str, where: str) -> tuple[dict[str, bool], dict[str, Needs]]:
    """Return the roles of a task with their needs; for other kinds, what their methods need of a model."""
    if not inspect.isclass(target):
        return {}, {}
    if kind == "task":
        run = getattr(target, "run", None)
        if run is None:
            raise SignatureError(f"{where} has no method `run`")
        hints = _hints(run)
        names = [name for name in inspect.signature(run).parameters if name not in ("self", "ctx")]
        unknown = [name for name in names if name not in ROLES]
        if unknown:
            raise SignatureError(f"{where}: `run` takes {unknown[0]!r}; the roles of a cell are {', '.join(ROLES)}")
        roles = {name: type(None) in get_args(hints.get(name)) for name in names}
        return roles, _needs({name: hints.get(name) for name in names})
    for name, method in inspect.getmembers(target, inspect.isfunction):
        if not name.startswith("_") and "model" in inspect.signature(method).parameters:
            return {}, _needs({"model": _hints(method).get("model")})
    return {}, {}


def _hints(method: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(method)
    except NameError:
        # A name that exists only for type checkers: what is needed is then found out when the cell runs.
        return {}


def _needs(hints: Mapping[str, Any]) -> dict[str, Needs]:
    needs: dict[str, Needs] = {}
    for role, hint in hints.items():
        parts = [part for part in get_args(hint) or (hint,) if inspect.isclass(part) and is_protocol(part)]
        if parts:
            first, *others = map(_needs_of, parts)
            needs[role] = replace(first, others=tuple(others))
    return needs


def _needs_of(protocol: type) -> Needs:
    # Attributes may be set in __init__, where a class does not show them; methods cannot hide.
    methods = [m for m in get_protocol_members(protocol) if inspect.isfunction(getattr(protocol, m, None))]
    return Needs(protocol.__name__, tuple(sorted(methods)))


def _members(made: type) -> frozenset[str]:
    names = {*dir(made), *(name for base in made.__mro__ for name in vars(base).get("__annotations__", {}))}
    return frozenset(name for name in names if not name.startswith("_") or name == "__call__")


def _offers(target: Callable[..., Any]) -> frozenset[str] | None:
    """The public methods of what calling the target gives, where its class is known."""
    made = target if inspect.isclass(target) else _hints(target).get("return")
    # `Any` is a class, but says nothing.
    if not inspect.isclass(made) or made in (object, Any) or is_protocol(made):
        return None
    return _members(made)
