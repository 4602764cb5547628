"""The data of a cell as a model of the cell is trained on them, where no others are named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.contract.cells import Use, uses_in
from harness.signatures import Parameter, Signature

_SPLIT, _TRAIN = "split", "train"
SignatureOf = Callable[[Use], Signature]


def as_training_data(data: Use, signature_of: SignatureOf) -> Use:
    """Return the whole data, those inside of them by their training split where they have their default one.

    The split of the outer dataset is chosen when a model is trained. What lies inside, such as the digits of a subset
    of digits, would be the default: the test examples.

    Args:
        data: the data of a cell.
        signature_of: reads the parameters of a component.
    """
    parameters = {name: _inside(value, signature_of) for name, value in data.parameters.items()}
    return replace(data, limit=None, parameters=parameters)


def _inside(value: Any, signature_of: SignatureOf) -> Any:
    uses = uses_in(value)
    if not uses or uses[0].kind != "dataset":
        return value
    trained = tuple(_by_training_split(use, signature_of) for use in uses)
    return trained[0] if isinstance(value, Use) else trained


def _by_training_split(use: Use, signature_of: SignatureOf) -> Use:
    split = _split_of(use, signature_of)
    inner = replace(use, parameters={name: _inside(value, signature_of) for name, value in use.parameters.items()})
    if split is None or use.parameters.get(_SPLIT) != split.default:
        return inner
    return replace(inner, parameters={**inner.parameters, _SPLIT: _TRAIN})


def _split_of(use: Use, signature_of: SignatureOf) -> Parameter | None:
    """Return the parameter that chooses the training split of a dataset; None if it has none."""
    parameters = signature_of(use).parameters_for(use.parameters)
    return next((each for each in parameters if each.name == _SPLIT and _TRAIN in each.schema.get("enum", ())), None)
