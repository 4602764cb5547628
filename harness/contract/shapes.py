"""The shape of JSON that a plugin or a stranger wrote: which types its fields must have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.contract.errors import InvalidOutput

_MAX_SHOWN = 40


def check_shape(value: Any, shape: Any, where: str) -> None:
    """Raise InvalidOutput unless a JSON value has a shape.

    Args:
        value: the value.
        shape: a type or several; `[shape]` for a list; `{str: shape}` for a mapping of equal values; `{"name": shape}`
            for a mapping where these have a shape if they are there.
        where: its name in the message.
    """
    if isinstance(shape, Mapping):
        check_type(value, dict, where)
        if str in shape:
            for name, each in value.items():
                check_shape(each, shape[str], f"{where}: {name}")
        else:
            for name in shape.keys() & value.keys():
                check_shape(value[name], shape[name], f"{where}: {name}")
    elif isinstance(shape, list):
        # A tuple where it has not been JSON yet.
        check_type(list(value) if isinstance(value, tuple) else value, list, where)
        for each in value:
            check_shape(each, shape[0], where)
    else:
        check_type(value, shape, where)


def check_type(value: Any, kinds: Any, where: str) -> None:
    """Raise InvalidOutput unless a JSON value has one of these types."""
    # A truth value is an integer to Python only.
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        wanted = " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
        raise InvalidOutput(f"{where} is {_shown(value)}, not {wanted}")


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
