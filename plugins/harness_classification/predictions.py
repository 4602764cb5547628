"""Predictions of a classifier in eval mode, with losses in float64; rows that are not finite are marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.api import HarnessError, sum_tolerance
from harness.api.instruments import CountedModel, logit_margin

SUM_TOLERANCE = 4e-3
"""How far probabilities may sum from 1: the rounding of bfloat16."""
MIN_OUTPUTS = 40
"""From so many outputs on, logits are not all in [0, 1] by chance."""
_SIGMOID = "SigmoidBackward"
_MOVING = ("ToCopy", "Slice", "View", "Reshape", "queeze", "Cat", "Clone", "Alias", "Expand")
"""Operations that change no value, and may come after it."""
MIN_ROWS = 10
"""The same, for a single output."""
END = 0.1
"""What is closer to 0 or 1 counts as being at an end of [0, 1]."""
SHARE_AT_ENDS = 0.4
"""Twice the share of even values in [0, 1] that are at an end."""
SHARE_OF_SURE_ROWS = 0.25
"""The share of rows with a value near 1, at least, for outputs of a sigmoid that was trained."""


@dataclass(frozen=True)
class Predictions:
    """The predictions for n inputs; rows that are not finite have `valid` False.

    Attributes:
        prediction: `[n]`, int64.
        confidence: `[n]`, the largest softmax probability.
        margin: `[n]`, the logit of the true class minus the largest other logit; positive means correct.
        loss: `[n]`, cross-entropy in nats.
        valid: `[n]`, whether all logits are finite.
        logits: `[n, classes]`, 0 where not valid.
    """

    prediction: Tensor
    confidence: Tensor
    margin: Tensor
    loss: Tensor
    valid: Tensor
    logits: Tensor


@torch.no_grad()
def predict(model: CountedModel, inputs: Tensor, labels: Tensor, batch_size: int, draws: int = 1) -> Predictions:
    """Classify inputs `[n, ...]` in eval mode, whatever mode a plugin left the model in.

    With more than one draw the logits are the logarithm of the mean predicted probabilities.
    """
    model.eval()
    parts = [_mean_logits(model, inputs[i : i + batch_size], draws) for i in range(0, len(inputs), batch_size)]
    logits = torch.cat(parts) if parts else inputs.new_zeros((0, model.classes))
    valid = logits.isfinite().all(dim=1)
    logits = torch.where(valid[:, None], logits, torch.zeros_like(logits))
    exact = logits.double() if logits.device.type != "mps" else logits
    return Predictions(
        prediction=logits.argmax(dim=1),
        confidence=exact.softmax(dim=1).amax(dim=1),
        margin=logit_margin(exact, labels),
        loss=torch.nn.functional.cross_entropy(exact, labels, reduction="none"),
        valid=valid,
        logits=logits,
    )


def _mean_logits(model: CountedModel, inputs: Tensor, draws: int) -> Tensor:
    if draws == 1:
        once: Tensor = model(inputs).float()
        return once
    mean = torch.stack([model(inputs).float().softmax(dim=1) for _ in range(draws)]).mean(dim=0)
    return mean.clamp_min(torch.finfo(mean.dtype).tiny).log()


def no_logits(outputs: Tensor, is_sigmoid: Callable[[], bool] = lambda: False) -> tuple[str, ...]:
    """The doubt that finite outputs `[n, classes]` are probabilities; empty if they can be logits.

    A softmax of probabilities is nearly uniform: confidences, losses and gradients are those of another model. Logits
    may all lie in [0, 1], but their rows do not sum to 1, nor do they crowd at both ends as those of a sigmoid do.

    Args:
        outputs: of a classifier.
        is_sigmoid: whether it is known to end in a sigmoid; asked only where all outputs lie in [0, 1].
    """
    if not len(outputs) or float(outputs.min()) < 0 or float(outputs.max()) > 1 + SUM_TOLERANCE:
        return ()
    remedy = "(give logits, or the logarithms of the probabilities: the task takes a softmax of them)"
    values = outputs.double().cpu().numpy()
    if _sum_to_one(values):
        return (f"outputs look like probabilities: all in [0, 1], rows sum to 1 {remedy}",)
    if _from_sigmoid(values) or (values.size >= MIN_OUTPUTS and is_sigmoid()):
        return (f"outputs look like probabilities of a sigmoid: all in [0, 1] {remedy}",)
    return ()


@torch.enable_grad()
def ends_in_sigmoid(model: CountedModel, inputs: Tensor) -> bool:
    """Whether the last operation of a model that torch differentiates is a sigmoid; seen for the first of `inputs`."""
    try:
        step = model(inputs[:1].clone().requires_grad_(True)).grad_fn
    except HarnessError:
        return False
    while step is not None and _SIGMOID not in step.name() and any(name in step.name() for name in _MOVING):
        step = next((inner for inner, _ in step.next_functions if inner is not None), None)
    return step is not None and _SIGMOID in step.name()


def _sum_to_one(values: np.ndarray[Any, Any]) -> bool:
    """Whether rows sum to 1, but for the rounding of what stored them, which counts for more the more classes."""
    tolerance = max(SUM_TOLERANCE, sum_tolerance(values, most=np.inf))
    return bool((np.abs(values.sum(axis=1) - 1) <= tolerance).all() and (values > 0).any(axis=1).all())


def _from_sigmoid(values: np.ndarray[Any, Any]) -> bool:
    """Whether values in [0, 1] are many and crowd at both ends, but are not merely scaled to reach them in each row."""
    if values.shape[1] == 2 and not values[:, 0].any():
        # A single output, which as a logit would always mean the same class.
        return len(values) >= MIN_ROWS and float(np.ptp(values[:, 1])) > 0.5
    scaled = ((values.min(axis=1) == 0) & (values.max(axis=1) == 1)).all() and bool(((values > 0) & (values < 1)).any())
    at_ends = float(((values < END) | (values > 1 - END)).mean())
    sure = float((values.max(axis=1) > 1 - END).mean())
    return values.size >= MIN_OUTPUTS and not scaled and at_ends >= SHARE_AT_ENDS and sure >= SHARE_OF_SURE_ROWS


def outcomes(valid: Tensor, correct: Tensor, success: Tensor | None) -> list[str]:
    """The outcome of each of n examples: error, clean_wrong, and correct, or under attack fooled or robust.

    `valid`, `correct` and, under attack, `success` are bool `[n]`.
    """
    names = []
    succeeded = [None] * len(correct) if success is None else success.tolist()
    for is_valid, is_correct, is_fooled in zip(valid.tolist(), correct.tolist(), succeeded, strict=True):
        if not is_valid:
            names.append("error")
        elif not is_correct:
            names.append("clean_wrong")
        else:
            names.append("correct" if is_fooled is None else "fooled" if is_fooled else "robust")
    return names


def column(values: Tensor, known: Sequence[bool]) -> list[Any] | np.ndarray[Any, Any]:
    """Values as a record column, None where they are not known."""
    if all(known):
        return np.asarray(values.cpu().numpy())
    return [value if k else None for value, k in zip(values.tolist(), known, strict=True)]


def not_finite(what: str, valid: Tensor, ids: Sequence[str]) -> tuple[str, ...]:
    """The problem with outputs that are not `valid` (bool `[n]`), naming the first; empty if all are."""
    if bool(valid.all()):
        return ()
    first = ids[int(torch.nonzero(~valid)[0])]
    return (f"{int((~valid).sum())} of {len(ids)} {what} outputs are not finite, first for example {first!r}",)
