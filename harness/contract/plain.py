"""Plain numbers, texts and documents out of what plugins return: JSON can hold them and every file can be written."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from numbers import Real
from typing import Any

from harness.contract.errors import InvalidOutput

MAX_DEPTH = 30
"""Levels that a document of a plugin may be nested."""


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


def plain_document(value: Any, where: str, depth: int = 0) -> Any:
    """Return a JSON value whose texts every file can hold.

    Raises:
        InvalidOutput: it is nested deeper than `MAX_DEPTH`.
    """
    if depth > MAX_DEPTH:
        raise InvalidOutput(f"{where} is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, Mapping):
        return {encodable(str(name)): plain_document(each, where, depth + 1) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain_document(each, where, depth + 1) for each in value]
    return value
