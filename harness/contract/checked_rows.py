"""Rows of plugins and of strangers: every field has the type that tables and comparisons rely on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import NoneType
from typing import Any

from harness.contract.cost_block import CostBlock
from harness.contract.errors import InvalidOutput
from harness.contract.plain import plain_document, plain_number
from harness.contract.rows import Row

_SHAPES: Mapping[str, Any] = {
    "experiment": str,
    "labels": {str: str},
    "components": dict,
    "seed": int,
    "reason": str,
    "n": (int, NoneType),
    "comparability": {
        "task": {"name": str},
        "data": {"digest": str, "ids": str, "n": int},
        "protocol": {"over_seeds": {"seeds": [int]}, "threat": (dict, NoneType)},
        "group": str,
    },
    "cost": {str: (int, float)},
    "seconds": (int, float, NoneType),
    "cell": str,
    "derived": str,
    "facts": {"model": dict, "execution": str, "weights": {"digest": str}, "cost": dict, "display": {str: str}},
}


def row_of(raw: Mapping[str, Any], where: str) -> Row:
    """Return a row from JSON that a plugin or somebody else wrote.

    Args:
        raw: the row, as `Row.to_json` makes it.
        where: its name in messages.

    Raises:
        InvalidOutput: a field is not what it must be; the message names it.
        ValueError, LookupError, TypeError, AttributeError: it is no row.
    """
    plain = plain_document(raw, where)
    check_shape(plain, _SHAPES, where)
    row = Row.from_json(plain)
    for name, number in (("n", row.n), ("seconds", row.seconds), *row.cost.items()):
        if number is not None and not plain_number(name, number) >= 0:
            raise InvalidOutput(f"{where}: {name} is {number}")
    _check_cost(row.facts.get("cost", {}), where)
    return row


def check_shape(value: Any, shape: Any, where: str) -> None:
    """Raise InvalidOutput unless a JSON value has a shape.

    Args:
        value: the value.
        shape: a type or several; `[shape]` for a list; `{str: shape}` for a mapping of equal values; `{"name": shape}`
            for a mapping where these have a shape if they are there.
        where: its name in the message.
    """
    if isinstance(shape, Mapping):
        _check_type(value, dict, where)
        if str in shape:
            for name, each in value.items():
                check_shape(each, shape[str], f"{where}: {name}")
        else:
            for name in shape.keys() & value.keys():
                check_shape(value[name], shape[name], f"{where}: {name}")
    elif isinstance(shape, list):
        _check_type(value, list, where)
        for each in value:
            check_shape(each, shape[0], where)
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
