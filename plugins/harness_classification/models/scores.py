"""What a user's model returns as logits, and inputs in batches of a fixed size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from harness.api import InvalidOutput

Outputs = Literal["logits", "probabilities"]


def as_logits(scores: Any, outputs: Outputs, like: Tensor, name: str) -> Tensor:
    """Scores as float32 logits on the device of the inputs; of probabilities their logarithms.

    Args:
        scores: `[n, classes]`, an array or a tensor.
        outputs: what they are.
        like: the inputs `[n, ...]`.
        name: of the model, for messages.

    Raises:
        InvalidOutput: they are not of this shape, or no probabilities though they should be.
    """
    found = scores if isinstance(scores, Tensor) else torch.as_tensor(np.asarray(scores))
    if found.dim() != 2 or len(found) != len(like):
        raise InvalidOutput(f"{name} returned shape {list(found.shape)} for {len(like)} inputs, not [n, classes]")
    found = found.to(like.device, torch.float32)
    if outputs == "logits":
        return found
    if len(found) and (float(found.detach().min()) < 0 or float(found.detach().max()) > 1 + 1e-4):
        raise InvalidOutput(f"{name} returned scores outside [0, 1]; they are no probabilities: say `outputs: logits`")
    return found.clamp_min(torch.finfo(torch.float32).tiny).log()


def in_batches(inputs: Tensor, size: int | None, answer: Callable[[Tensor], Tensor]) -> Tensor:
    """The answers to inputs `[n, ...]` for a model that takes exactly `size` of them at once; None for any number."""
    if size is None or not len(inputs):
        return answer(inputs)
    padded = torch.cat([inputs, inputs.new_zeros((-len(inputs) % size, *inputs.shape[1:]))])
    return torch.cat([answer(batch) for batch in padded.split(size)])[: len(inputs)]


def check_shape(expected: list[int | None], inputs: Tensor, name: str) -> None:
    """Raise InvalidOutput if inputs do not have the shape that a model says, None being any length."""
    given = list(inputs.shape)
    if len(given) == len(expected) and all(e in (None, g) for e, g in zip(expected[1:], given[1:], strict=True)):
        return
    shown = ", ".join("n" if i == 0 else "any" if length is None else str(length) for i, length in enumerate(expected))
    hint = "; `preprocessed` resizes images inside a model" if len(given) == len(expected) == 4 else ""
    raise InvalidOutput(
        f"{name} takes inputs of shape [{shown}], the data have {['n', *given[1:]]}{hint}".replace("'", "")
    )
