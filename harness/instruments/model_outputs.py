"""The logits in whatever a classifier returns: a tensor or array of any precision, alone or in a tuple or mapping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.contract.errors import HarnessError, InvalidOutput

LOGITS = "logits"
"""The name under which libraries return logits beside other outputs."""
NO_GRADIENT = (
    "the model gives no gradient to its inputs: it computes under torch.no_grad, detaches, or leaves torch; take an "
    "attack that needs none, such as square or hopskipjump"
)


def input_dtype(model: Any) -> torch.dtype | None:
    """The precision that a model takes inputs in, where all its weights have one other than float32; else None."""
    if not isinstance(model, nn.Module):
        return None
    dtypes = {parameter.dtype for parameter in model.parameters() if parameter.is_floating_point()}
    return dtypes.pop() if len(dtypes) == 1 and torch.float32 not in dtypes else None


def logits_of(call: Callable[[Tensor], Any], inputs: Tensor, classes: int, dtype: torch.dtype | None = None) -> Tensor:
    """The logits `[n, classes]`, float32, that a model gives for inputs `[n, ...]`.

    Args:
        call: the model.
        inputs: float32, given to the model in its own precision.
        classes: the number of classes.
        dtype: the precision of the model, as `input_dtype` says; None to leave inputs as they are.

    Raises:
        InvalidOutput: the model returns nothing of this shape.
        HarnessError: a gradient is asked for, and the model gives none.
    """
    wants_gradient = inputs.requires_grad and torch.is_grad_enabled()
    try:
        outputs = call(inputs.to(dtype) if dtype is not None and inputs.is_floating_point() else inputs)
    except RuntimeError as error:
        if wants_gradient and "requires grad" in str(error):
            raise HarnessError(f"{NO_GRADIENT} ({error})") from error
        raise
    logits = as_logits(outputs, inputs, classes)
    if wants_gradient and not logits.requires_grad:
        raise HarnessError(NO_GRADIENT)
    return logits


def as_logits(outputs: Any, inputs: Tensor, classes: int) -> Tensor:
    """The logits `[n, classes]`, float32, in what a model returned for n inputs; otherwise as `logits_of`.

    One logit for two classes, `[n, 1]`, is that of the second; the first has the logit 0.
    """
    n, chosen = len(inputs), plain_outputs(outputs, inputs.device)
    if isinstance(chosen, Tensor):
        if chosen.dim() > 2 and chosen.shape[2:].numel() == 1:
            chosen = chosen.flatten(1)
        if classes == 2 and tuple(chosen.shape) == (n, 1):
            chosen = torch.cat([torch.zeros_like(chosen), chosen], dim=1)
        if tuple(chosen.shape) == (n, classes):
            return chosen.float()
    raise InvalidOutput(
        f"the model returned {_described(outputs)} for {n} inputs; expected logits of shape {[n, classes]}"
    )


def plain_outputs(outputs: Any, device: torch.device) -> Any:
    """The output that stands for logits, as a tensor on the device in its own precision; as it is if it is none.

    Of a mapping or an object with fields it is `logits`, of a tuple the first.

    Raises:
        InvalidOutput: the output holds no floating-point numbers.
    """
    if isinstance(outputs, Mapping):
        outputs = outputs.get(LOGITS, outputs)
    elif not isinstance(outputs, Tensor | np.ndarray) and hasattr(outputs, LOGITS):
        outputs = getattr(outputs, LOGITS)
    elif isinstance(outputs, tuple) and outputs:
        outputs = outputs[0]
    if isinstance(outputs, np.ndarray) and outputs.dtype.kind in "fiub":
        outputs = torch.from_numpy(np.ascontiguousarray(outputs)).to(device)
    if not isinstance(outputs, Tensor):
        return outputs
    if not outputs.is_floating_point():
        name = str(outputs.dtype).removeprefix("torch.")
        raise InvalidOutput(f"the model returned numbers of type {name}; expected logits, in floating point")
    return outputs


def _described(outputs: Any) -> str:
    """An output in words, e.g. "a tuple of shape [8, 3] and None"."""
    if isinstance(outputs, Tensor):
        return f"shape {list(outputs.shape)}"
    if isinstance(outputs, np.ndarray):
        return f"a ndarray of shape {list(outputs.shape)}"
    if isinstance(outputs, Mapping):
        inner = ", ".join(f"{name}: {_described(value)}" for name, value in list(outputs.items())[:4])
        return f"a {type(outputs).__name__} of {inner or 'nothing'}"
    if isinstance(outputs, tuple):
        return f"a {type(outputs).__name__} of {' and '.join(map(_described, outputs[:4])) or 'nothing'}"
    return "None" if outputs is None else f"a {type(outputs).__name__}"
