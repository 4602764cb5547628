"""Rows of plugins and of strangers: every field has the type that tables and comparisons rely on."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any

from harness.contract.cost_block import CostBlock
from harness.contract.errors import InvalidOutput, cause_of
from harness.contract.estimates import Estimate
from harness.contract.plain import plain_document, plain_number
from harness.contract.rows import Row
from harness.contract.shapes import check_shape, check_type

ROW_SHAPE: Mapping[str, Any] = {
    "experiment": str,
    "labels": {str: str},
    "status": str,
    "estimates": {str: dict},
    "components": dict,
    "seed": int,
    "reason": str,
    "n": (int, NoneType),
    "comparability": {
        "task": {"name": str},
        "data": {"digest": str, "ids": str, "n": int, "columns": {str: str}},
        "protocol": {"over_seeds": {"seeds": [int]}, "threat": (dict, NoneType)},
        "group": str,
    },
    "cost": {str: (int, float)},
    "seconds": (int, float, NoneType),
    "cell": str,
    "derived": str,
    "facts": {"model": dict, "execution": str, "weights": {"digest": str}, "cost": dict, "display": {str: str}}
    | {"trusted": [str]},
}
_NEEDED = ("experiment", "labels", "seed", "status", "estimates")


def row_of(raw: Mapping[str, Any], where: str) -> Row:
    """Return a row from JSON that a plugin or somebody else wrote.

    Args:
        raw: the row, as `Row.to_json` makes it.
        where: its name in messages.

    Raises:
        InvalidOutput: a field is missing or not what it must be; the message names it.
    """
    plain = plain_document(raw, where)
    check_type(plain, dict, where)
    check_shape(plain, ROW_SHAPE, where)
    if missing := [name for name in _NEEDED if name not in plain]:
        raise InvalidOutput(f"{where} has no {missing[0]!r}")
    for name, estimate in plain["estimates"].items():
        _check_estimate(estimate, f"{where}: estimates: {name}")
    try:
        row = Row.from_json(plain)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InvalidOutput(f"{where} is no row: {cause_of(error)}") from None
    for name, number in (("n", row.n), ("seconds", row.seconds), *row.cost.items()):
        if number is not None and not plain_number(name, number) >= 0:
            raise InvalidOutput(f"{where}: {name} is {number}")
    _check_cost(row.facts.get("cost", {}), where)
    return row


def _check_estimate(raw: Mapping[str, Any], where: str) -> None:
    try:
        Estimate(**raw)
    except (InvalidOutput, TypeError) as error:
        raise InvalidOutput(f"{where}: {cause_of(error).removeprefix('Estimate.__init__() ')}") from None


def _check_cost(cost: Mapping[str, Any], where: str) -> None:
    texts = {name for name, default in CostBlock().__dict__.items() if isinstance(default, str)}
    for name, value in cost.items():
        check_type(value, str if name in texts else (int, float, NoneType), f"{where}: cost: {name}")
