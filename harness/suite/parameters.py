"""Checking the parameters that a suite gives against what a component's signature says."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from harness.contract.cells import canonical
from harness.signatures import Parameter, Signature
from harness.suite.schema import describe, did_you_mean

_FRACTION = re.compile(r"\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*/\s*([0-9.]+)\s*")


class BadValue(Exception):
    """A value that a parameter cannot take; carries a message and a hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def unknown_parameter(name: str, signature: Signature, given: Mapping[str, Any]) -> BadValue | None:
    """Return what is wrong with a parameter's name, or None."""
    names = [parameter.name for parameter in signature.parameters_for(given)]
    if name in names:
        return None
    if not names:
        return BadValue(f"unknown parameter {name!r}", "it takes no parameters")
    return BadValue(f"unknown parameter {name!r}", did_you_mean(name, names))


def check_value(parameter: Parameter, value: Any, folder: Path) -> Any:
    """Check a value and return it as the component receives it: budgets as numbers, paths absolute.

    Args:
        parameter: what the signature says.
        value: what the suite says.
        folder: relative paths start here.

    Raises:
        BadValue: the value does not fit.
    """
    value = _as_numbers(value, parameter.schema)
    if not _validator(canonical(parameter.schema)).is_valid(value) or (
        isinstance(value, float) and not math.isfinite(value)
    ):
        choices = parameter.schema.get("enum")
        hint = did_you_mean(str(value), map(str, choices)) if choices else _hint(value, parameter.schema)
        wanted = "one of the known choices" if choices else wording(parameter.schema)
        if wrong := _wrong_item(value, parameter.schema):
            raise BadValue(f"must be {wanted}; {wrong}")
        raise BadValue(f"must be {wanted}, not {describe(value)}", hint)
    if parameter.path and isinstance(value, str):
        path = _absolute(value, folder)
        if parameter.counted and not Path(path).exists():
            raise BadValue(f"names a file that does not exist: {path}")
        return path
    return _normal(value, parameter.schema)


def _as_numbers(value: Any, schema: Mapping[str, Any]) -> Any:
    """A value with fractions, also those in a list, as the numbers that are asked for."""
    items = _items_of(schema)
    if isinstance(value, list) and items:
        return [_as_numbers(item, items) for item in value]
    types = _types(schema)
    return _as_number(value) if "number" in types and "string" not in types else value


def _items_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of the items of a list; empty if no list is asked for, or anything may be in it."""
    parts = [schema, *schema.get("anyOf", [])]
    return next((part["items"] for part in parts if isinstance(part.get("items"), dict)), {})


def _wrong_item(value: Any, schema: Mapping[str, Any]) -> str:
    """Return which item of a list is wrong; empty if it is something else."""
    items = _items_of(schema)
    if not isinstance(value, list) or not items:
        return ""
    check = _validator(canonical(items)).is_valid
    wrong = next((i for i, item in enumerate(value) if not check(item)), None)
    return "" if wrong is None else f"number {wrong + 1} of them is {describe(value[wrong])}"


def _as_number(value: Any) -> Any:
    """`8/255` as a number; anything else as it is."""
    match = _FRACTION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        return value
    try:
        return float(match[1]) / float(match[2])
    except (ValueError, ZeroDivisionError):
        return value


def _normal(value: Any, schema: Mapping[str, Any]) -> Any:
    """Whole numbers as floats where a float is asked for, so that `1` and `1.0` are the same cell."""
    types = _types(schema)
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and "number" in types and "integer" not in types:
        return float(value)
    if isinstance(value, float) and value.is_integer() and "integer" in types and "number" not in types:
        return int(value)
    items = _items_of(schema)
    if isinstance(value, list) and items:
        return [_normal(item, items) for item in value]
    return value


def _absolute(text: str, folder: Path) -> str:
    expanded = os.path.expandvars(text)
    if "$" in expanded:
        raise BadValue(f"the path {text!r} names an environment variable that is not set")
    return str((folder / Path(expanded).expanduser()).resolve())


def _types(schema: Mapping[str, Any]) -> set[str]:
    parts = [schema, *schema.get("anyOf", [])]
    return {part["type"] for part in parts if "type" in part}


@cache
def _validator(schema: str) -> Any:
    import json

    import jsonschema

    return jsonschema.Draft202012Validator(json.loads(schema))


def _hint(value: Any, schema: Mapping[str, Any]) -> str:
    if isinstance(value, str) and value.lower() in ("yes", "no", "on", "off") and "boolean" in _types(schema):
        return "write true or false"
    return ""


def wording(schema: Mapping[str, Any]) -> str:
    """Return a schema in words, e.g. "a number > 0" or "'linf' or 'l2'"."""
    if not schema:
        return "anything"
    if "anyOf" in schema:
        return " or ".join(wording(part) for part in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(repr(choice) for choice in schema["enum"])
    if "const" in schema:
        return repr(schema["const"])
    nouns = {
        "number": "a number",
        "integer": "a whole number",
        "string": "a path" if schema.get("format") == "path" else "text",
        "boolean": "true or false",
        "null": "null",
        "object": "a mapping",
    }
    if schema.get("type") == "array":
        items = schema.get("items")
        if not isinstance(items, dict) or not items:
            return "a list"
        each = wording(items)
        plural = re.sub(r"^a ((?:whole )?\w+)", r"\1s", each)
        return f"a list, each {each}" if plural == each else f"a list of {plural}"
    bounds = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
    limits = [f"{sign} {schema[name]:g}" for name, sign in bounds.items() if name in schema]
    return " ".join([nouns.get(schema.get("type", ""), "a value"), " and ".join(limits)]).strip()
