"""The fields that keep two rows from being compared; never the model.

A row's comparability and the identity of its treatment must be equal. Fields are named as a user would say them:
`attack.eps`, `threat.norm`, `data.digest`, `task.version`, `metric.version`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.contract.cells import TREATMENTS
from harness.contract.rows import Row

_ABSENT = "absent"
_MAX_VALUE_LENGTH = 24
_DIGEST_LENGTH = 8


@dataclass(frozen=True)
class Field:
    """A field that must be equal in two rows and is not.

    Attributes:
        name: where it stands, e.g. "attack.eps".
        a, b: what it is on either side.
    """

    name: str
    a: Any
    b: Any

    def __str__(self) -> str:
        shown = [_short(self.name, value) for value in (self.a, self.b)]
        return self.name if "" in shown or shown[0] == shown[1] else f"{self.name} {shown[0]} ≠ {shown[1]}"

    def allowed_by(self, names: tuple[str, ...]) -> str:
        """The first of these names that means this field or a part of the document around it; else empty."""
        return next((name for name in names if self.name == name or self.name.startswith(f"{name}.")), "")


def differing_fields(a: Row, b: Row) -> list[Field]:
    """Return the fields that must be equal before two rows may be compared, and are not.

    A protocol field that restates a parameter of the treatment which is named anyway (`threat.eps` beside
    `attack.eps`) is left out.
    """
    treatment = [
        field for role in TREATMENTS for field in _differing(a.components.get(role), b.components.get(role), role)
    ]
    named = {field.name.rpartition(".")[2] for field in treatment if "." in field.name}
    whole = [(field.a, field.b) for field in treatment if "." not in field.name]
    protocol = [
        field
        for field in _differing(a.protocol, b.protocol, "")
        if field.name.rpartition(".")[2] not in named and (field.a, field.b) not in whole
    ]
    rest = [
        field
        for part in dict.fromkeys([*a.comparability, *b.comparability])
        if part != "protocol"
        for field in _differing(a.comparability.get(part), b.comparability.get(part), part)
    ]
    return [*treatment, *protocol, *rest]


def metric_fields(a: Mapping[str, Any] | None, b: Mapping[str, Any] | None) -> list[Field]:
    """Return what differs between two metrics of one label; nothing where the identity of one of them is not known."""
    return [] if a is None or b is None else list(_differing(a, b, "metric"))


def _differing(a: Any, b: Any, name: str) -> Iterator[Field]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        identity = "name" in a and "parameters" in a
        if identity and a["name"] != b.get("name"):
            # Parameters of two different components say nothing about each other.
            yield Field(f"{name}.name", a["name"], b.get("name"))
            return
        for key in dict.fromkeys([*a, *b]):
            lifted = identity and key == "parameters"
            inner = name if lifted else f"{name}.{key}" if name else str(key)
            yield from _differing(a.get(key, _ABSENT), b.get(key, _ABSENT), inner)
    elif a != b:
        yield Field(name, a, b)


def _short(name: str, value: Any) -> str:
    """Return a value as short text; empty if it is too long for a line."""
    if isinstance(value, Mapping):
        return str(value.get("name", ""))
    if (name in ("data.digest", "data.ids") or name.startswith("data.columns.")) and isinstance(value, str):
        return value[:_DIGEST_LENGTH]
    text = "none" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _MAX_VALUE_LENGTH else ""
