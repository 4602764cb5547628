"""Plain numbers, texts and documents out of what plugins return: JSON can hold them and every file can be written."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from numbers import Real
from typing import Any

from harness.contract.errors import InvalidOutput

MAX_DEPTH = 30
"""Levels that a document of a plugin may be nested."""
MAX_CHARACTERS = 10_000_000
"""Characters that a text in a document of a plugin or a stranger may have."""
_MAX_NAME, _MAX_WHERE = 60, 300


def plain_number(name: str, given: Any) -> float | int:
    """Return a number as int or float; scalars of NumPy and torch, truth values and decimals are converted.

    Args:
        name: what it is, for the message.
        given: the number.

    Raises:
        InvalidOutput: it is no number, or has no value as a float.
    """
    if type(given) is float:
        return given
    # Arrays of one dimension or more are no numbers, even if they have one element.
    scalar = given.item() if hasattr(given, "item") and getattr(given, "ndim", 1) == 0 else given
    if not isinstance(scalar, Real | Decimal):
        shape = f" of shape {list(given.shape)}" if hasattr(given, "shape") else ""
        raise InvalidOutput(f"{name} is a {type(given).__name__}{shape}, not a number")
    try:
        number = float(scalar)
        return int(scalar) if isinstance(scalar, int) and not isinstance(scalar, bool) else number
    except (OverflowError, ValueError) as error:
        raise InvalidOutput(f"{name} has no value as a float: {error}") from error


def encodable(text: str) -> str:
    """Return a text that every file can hold: half characters, as of undecodable file names, become `\\udc80`."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return str(text)


def plain_document(value: Any, where: str, limit: int = MAX_DEPTH, depth: int = 0) -> Any:
    """Return a JSON value whose texts every file can hold.

    Args:
        value: the value.
        where: its name in messages.
        limit: levels that it may be nested.
        depth: the level that the value is on.

    Raises:
        InvalidOutput: it is nested deeper, or a text in it is longer than `MAX_CHARACTERS`; the message says where.
    """
    if isinstance(value, str):
        if len(value) > MAX_CHARACTERS:
            raise InvalidOutput(f"{where} is a text of {len(value):,} characters, more than {MAX_CHARACTERS:,}")
        return encodable(value)
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth > limit:
        raise InvalidOutput(f"{where} is nested deeper than {limit} levels")
    if isinstance(value, Mapping):
        names = {name: plain_document(str(name), f"a name in {where}") for name in value}
        inner = {name: _inside(where, name) for name in value}
        return {names[name]: plain_document(each, inner[name], limit, depth + 1) for name, each in value.items()}
    return [plain_document(each, where, limit, depth + 1) for each in value]


def _inside(where: str, name: object) -> str:
    """The name of a field, not longer than a message may be."""
    return f"{where}: {str(name)[:_MAX_NAME]}" if len(where) < _MAX_WHERE else where
