"""Rows of plugins and of strangers: every field has the type that tables and comparisons rely on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import NoneType
from typing import Any

from harness.contract.cost_block import CostBlock
from harness.contract.errors import InvalidOutput
from harness.contract.plain import encodable, plain_number
from harness.contract.rows import Row

_MAX_DEPTH = 30
_SHAPES: Mapping[str, Any] = {
    "experiment": str,
    "labels": {str: str},
    "components": {str: (dict, NoneType)},
    "seed": int,
    "reason": str,
    "n": (int, NoneType),
    "comparability": {
        "task": {"name": str},
        "data": {"digest": str, "ids": str, "n": int},
        "protocol": {"over_seeds": {"seeds": [int]}, "threat": dict},
        "group": str,
    },
    "cost": {str: (int, float)},
    "seconds": (int, float, NoneType),
    "cell": str,
    "derived": str,
    "facts": {"model": dict, "execution": str, "weights": {"digest": str}, "cost": dict, "display": {str: str}},
}
"""Fields to types; a mapping of `str` says what all values are, one of names only what these are if they are there."""


def row_of(raw: Mapping[str, Any], where: str) -> Row:
    """Return a row from JSON that a plugin or somebody else wrote.

    Args:
        raw: the row, as `Row.to_json` makes it.
        where: its name in messages.

    Raises:
        InvalidOutput: a field is not what it must be; the message names it.
        ValueError, LookupError, TypeError, AttributeError: it is no row.
    """
    plain = _plain(raw, where, 0)
    _check(plain, _SHAPES, where)
    row = Row.from_json(plain)
    for name, number in (("n", row.n), ("seconds", row.seconds), *row.cost.items()):
        if number is not None and not plain_number(name, number) >= 0:
            raise InvalidOutput(f"{where}: {name} is {number}")
    _check_cost(row.facts.get("cost", {}), where)
    return row


def _plain(value: Any, where: str, depth: int) -> Any:
    """Return a JSON value whose texts can be written; raises InvalidOutput where it is nested beyond use."""
    if depth > _MAX_DEPTH:
        raise InvalidOutput(f"{where} is nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, Mapping):
        return {encodable(name): _plain(each, where, depth + 1) for name, each in value.items()}
    return [_plain(each, where, depth + 1) for each in value] if isinstance(value, list) else value


def _check(value: Any, shape: Any, where: str) -> None:
    """Raise InvalidOutput unless a value has a shape; see `_SHAPES`."""
    if isinstance(shape, Mapping):
        _check_type(value, dict, where)
        if str in shape:
            for name, each in value.items():
                _check(each, shape[str], f"{where}: {name}")
        else:
            for name in shape.keys() & value.keys():
                _check(value[name], shape[name], f"{where}: {name}")
    elif isinstance(shape, list):
        _check_type(value, list, where)
        for each in value:
            _check(each, shape[0], where)
    else:
        _check_type(value, shape, where)


def _check_type(value: Any, kinds: Any, where: str) -> None:
    # A truth value is an integer to Python only.
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        wanted = " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
        raise InvalidOutput(f"{where} is {_shown(value)}, not {wanted}")


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 40 else f"{text[:40]}..."


def _check_cost(cost: Mapping[str, Any], where: str) -> None:
    texts = {name for name, default in CostBlock().__dict__.items() if isinstance(default, str)}
    for name, value in cost.items():
        _check_type(value, str if name in texts else (int, float, NoneType), f"{where}: cost: {name}")
