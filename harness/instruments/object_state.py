"""The state of a component: weights, modes, hooks, functions and attributes, to tell whether it was changed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from harness.instruments.checksums import checksum
from harness.instruments.late_torch import is_module, is_tensor
from harness.isolation import isolated

Fact = tuple[str, str]
"""What a fact is about, one of the kinds below, and where in the component it is found."""

WEIGHTS, MODES, FLAGS, HOOKS = "weights", "train or eval mode", "requires_grad", "hooks"
FUNCTIONS, MODULES, ATTRIBUTES = "functions", "modules", "attributes"
REMEMBERS = "remembers"
"""Attribute of a class: the names of attributes in which it keeps what it may compute anew, such as features."""

_MAX_DEPTH = 4
_MAX_ENTRIES = 256
_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType, partial, type)
_SCALARS = frozenset((type(None), bool, int, float, complex, str, bytes))
_OWN = ("_parameters", "_buffers", "_modules", "training")


@dataclass(frozen=True)
class ObjectState:
    """The state of a component at one moment.

    Attributes:
        facts: what can be changed, and how it was.
    """

    facts: Mapping[Fact, Any] = field(repr=False)

    @classmethod
    def of(cls, thing: object) -> ObjectState:
        """The state of any object; of what is no torch module, the arrays, numbers and modules found in it."""
        walk = _Walk()
        walk.visit(thing, "", 0)
        return cls(walk.facts)

    @classmethod
    def weights_of(cls, module: object) -> ObjectState:
        """The parameters and buffers of a torch module alone; of anything else nothing."""
        walk = _Walk()
        for path, inner in module.named_modules() if is_module(module) else ():  # type: ignore[attr-defined]
            walk.tensors_of(inner, path)
        return cls({fact: value for fact, value in walk.facts.items() if fact[0] == WEIGHTS})

    def changes(self, later: ObjectState) -> dict[str, list[str]]:
        """The places that differ in a later state of the same object, by kind."""
        changed: dict[str, list[str]] = {}
        for fact in [*self.facts, *(fact for fact in later.facts if fact not in self.facts)]:
            if fact not in self.facts or fact not in later.facts or self.facts[fact] != later.facts[fact]:
                changed.setdefault(fact[0], []).append(fact[1])
        return changed


def in_words(changed: Mapping[str, list[str]]) -> str:
    """Changes as text: "weights (conv.weight and 3 more), hooks (relu)"."""
    parts = []
    for kind, places in changed.items():
        named = [place for place in places if place]
        more = f" and {len(named) - 1} more" if len(named) > 1 else ""
        parts.append(f"{kind} ({named[0]}{more})" if named else kind)
    return ", ".join(parts)


class SameObject:
    """Equal to what holds the very same object, which it keeps alive so that its address stays its own."""

    def __init__(self, thing: object) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SameObject) and _is_same(self.thing, other.thing)

    __hash__ = None  # type: ignore[assignment]


def _is_same(one: object, two: object) -> bool:
    if isinstance(one, MethodType) and isinstance(two, MethodType):
        return one.__func__ is two.__func__ and one.__self__ is two.__self__
    return one is two


class _Walk:
    def __init__(self) -> None:
        self.facts: dict[Fact, Any] = {}
        self._seen: set[int] = set()

    def visit(self, value: Any, path: str, depth: int) -> None:
        """Note what can be changed in a value; numbers and texts of an object that holds nothing else, too."""
        if type(value) in _SCALARS or (type(value) is tuple and all(type(entry) in _SCALARS for entry in value)):
            # The text, since NaN is unlike itself.
            self.facts[ATTRIBUTES, path] = repr(value)
        elif is_module(value):
            self._module(value, path, depth)
        elif (plain := _plain(value)) is not None:
            self.facts[ATTRIBUTES, path] = plain
        elif isinstance(value, _FUNCTIONS):
            self.facts[FUNCTIONS, path] = SameObject(value)
        elif id(value) in self._seen or depth > _MAX_DEPTH or isinstance(value, ModuleType):
            self.facts[ATTRIBUTES, path] = SameObject(value)
        else:
            self._seen.add(id(value))
            self._within(value, path, depth)

    def _within(self, value: Any, path: str, depth: int) -> None:
        if isinstance(value, Mapping | list | tuple | set | frozenset):
            self._container(value, path, depth)
        else:
            self.facts[MODULES if depth == 0 else ATTRIBUTES, f"{path}: class"] = SameObject(type(value))
            self._attributes(value, path, depth)
            self._state_dict(value, path)

    def _container(self, value: Any, path: str, depth: int) -> None:
        self.facts[ATTRIBUTES, f"{path}: length"] = len(value)
        if len(value) > _MAX_ENTRIES or isinstance(value, set | frozenset):
            return
        for name, entry in value.items() if isinstance(value, Mapping) else enumerate(value):
            # Truth values and texts are what libraries note there of the warnings they gave.
            if entry is not None and not isinstance(entry, bool | str | bytes):
                self.visit(entry, f"{path}[{name!r}]", depth + 1)

    def _attributes(self, value: Any, path: str, depth: int) -> None:
        module = is_module(value)
        left_out = (*(_OWN if module else ()), *getattr(type(value), REMEMBERS, ()))
        for name, entry in vars(value).items() if module else _fields(value):
            if name not in left_out and not (module and "hooks" in name):
                self.visit(entry, _joined(path, name), depth + 1)

    def _state_dict(self, value: Any, path: str) -> None:
        if not isinstance(value, type) and hasattr(type(value), "state_dict"):
            state = isolated(lambda: dict(value.state_dict()))
            for name, tensor in state.items() if isinstance(state, dict) else ():
                if is_tensor(tensor):
                    self.facts[WEIGHTS, _joined(path, name)] = checksum(tensor)

    def _module(self, module: Any, path: str, depth: int) -> None:
        for inner_path, inner in module.named_modules(prefix=path):
            if id(inner) in self._seen:
                continue
            self._seen.add(id(inner))
            self.facts[MODULES, inner_path] = SameObject(type(inner))
            self.facts[MODES, inner_path] = inner.training
            self._hooks(inner, inner_path)
            self.tensors_of(inner, inner_path)
            self._attributes(inner, inner_path, depth)
            self._class(type(inner))

    def tensors_of(self, module: Any, path: str) -> None:
        """Note the parameters and buffers that are a module's own."""
        for name, tensor in [*module._parameters.items(), *module._buffers.items()]:
            where = _joined(path, name)
            if tensor is None:
                self.facts[WEIGHTS, where] = None
            elif id(tensor) not in self._seen:
                self._seen.add(id(tensor))
                self.facts[WEIGHTS, where] = checksum(tensor)
                self.facts[FLAGS, where] = tensor.requires_grad
                self._hooks(tensor, where)

    def _hooks(self, holder: Any, path: str) -> None:
        if hooks := _hooks_of(holder):
            self.facts[HOOKS, path] = hooks

    def _class(self, cls: type) -> None:
        """Note the functions of the classes that plugins write; those of torch are looked after once for all."""
        for each in cls.__mro__[:-1]:
            if id(each) not in self._seen and each.__module__.partition(".")[0] != "torch":
                self._seen.add(id(each))
                for name, value in vars(each).items():
                    if isinstance(value, FunctionType | property | staticmethod | classmethod):
                        self.facts[FUNCTIONS, f"{each.__qualname__}.{name}"] = SameObject(value)


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    """The attributes that an object itself holds, in its dictionary or its slots."""
    yield from list(getattr(value, "__dict__", {}).items())
    for cls in type(value).__mro__:
        names = vars(cls).get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if not name.startswith("__") and hasattr(value, name):
                yield name, getattr(value, name)


def _plain(value: Any) -> Any:
    """What is compared of a value without parts; None for one with parts."""
    if is_tensor(value) or isinstance(value, np.ndarray | np.generic):
        return checksum(value)
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    if isinstance(value, random.Random):
        return hash(value.getstate())
    if type(value).__module__.startswith("torch") and hasattr(value, "get_state"):
        return checksum(value.get_state())
    return None


def _hooks_of(holder: Any) -> list[SameObject]:
    """The hooks of a module or a tensor, in their order."""
    names = ("_backward_hooks", "_post_accumulate_grad_hooks") if is_tensor(holder) else sorted(vars(holder))
    tables = [getattr(holder, name, None) for name in names if "hooks" in name]
    return [SameObject(hook) for table in tables if isinstance(table, dict) for hook in table.values()]


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else str(name)
