"""The data of a cell as a model of the cell is trained on them, where no others are named."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from harness.contract.cells import Use, uses_in
from harness.signatures import Parameter, Signature

SPLIT, TRAIN = "split", "train"
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
    split = training_split(signature_of(use).parameters_for(use.parameters))
    inner = replace(use, parameters={name: _inside(value, signature_of) for name, value in use.parameters.items()})
    if split is None or use.parameters.get(SPLIT) != split.default:
        return inner
    return replace(inner, parameters={**inner.parameters, SPLIT: TRAIN})


def training_split(parameters: Iterable[Parameter]) -> Parameter | None:
    """The parameter of a dataset that chooses its training split; None if it has none."""
    return next((each for each in parameters if each.name == SPLIT and TRAIN in each.schema.get("enum", ())), None)
