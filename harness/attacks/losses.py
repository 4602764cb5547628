"""The losses that attacks maximise, their gradients, and which predictions count as fooled.

All attacks share one vocabulary: `cross_entropy`, `margin` and `dlr`, the difference of logits ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from harness.contract.threats import GradientAccess, LabelledInputs, ScoreAccess
from harness.instruments.margins import logit_margin

Loss = Literal["cross_entropy", "margin", "dlr"]

_MIN_DENOMINATOR = 1e-12


def adversarial_loss(logits: Tensor, labels: Tensor, targets: Tensor | None, loss: Loss) -> Tensor:
    """The loss `[n]` of logits `[n, classes]` that grows as an attack comes closer to its goal.

    Cross-entropy saturates when logits are large and its gradient is then 0 in float32; that of the others does not.
    Only dlr is free of the scale of the logits.

    Args:
        logits: `[n, classes]`.
        labels: `[n]`, the true classes.
        targets: `[n]`, the classes to reach; None if any other than the true one is a success.
        loss: which.
    """
    if loss == "dlr":
        return dlr(logits, labels) if targets is None else targeted_dlr(logits, labels, targets)
    if loss == "margin":
        return -logit_margin(logits, labels) if targets is None else logit_margin(logits, targets)
    if targets is None:
        return cross_entropy(logits, labels, reduction="none")
    return -cross_entropy(logits, targets, reduction="none")


def log_odds(logits: Tensor, labels: Tensor) -> Tensor:
    """The log odds `[n]` against the true class: logsumexp of the other logits minus the own one.

    Cross-entropy is log(1 + exp(this)), an increasing function. Steps along its sign or its normalised gradient, and
    comparisons of its values, are therefore those of cross-entropy; but where the model is sure its gradient does not
    vanish in float32.
    """
    own = logits.gather(1, labels[:, None]).squeeze(1)
    return logits.scatter(1, labels[:, None], float("-inf")).logsumexp(dim=1) - own


def dlr(logits: Tensor, labels: Tensor) -> Tensor:
    """The difference of logits ratio `[n]` (Croce & Hein 2020b, equation 6); the plain margin for 2 classes."""
    lead = -logit_margin(logits, labels)
    if logits.shape[1] < 3:
        return lead
    top = logits.topk(3, dim=1).values
    return lead / (top[:, 0] - top[:, 2]).clamp_min(_MIN_DENOMINATOR)


def targeted_dlr(logits: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    """The targeted ratio `[n]` (equation 7); with 3 classes the denominator of equation 6, with 2 none."""
    own, aim = (logits.gather(1, which[:, None]).squeeze(1) for which in (labels, targets))
    classes = logits.shape[1]
    if classes < 3:
        return aim - own
    top = logits.topk(min(4, classes), dim=1).values
    below = (top[:, 2] + top[:, -1]) / 2
    return (aim - own) / (top[:, 0] - below).clamp_min(_MIN_DENOMINATOR)


def is_fooled(logits: Tensor, labels: Tensor, targets: Tensor | None) -> Tensor:
    """Whether the prediction `[n]` of logits `[n, classes]` is what the attack wants."""
    prediction = logits.argmax(dim=1)
    return prediction != labels if targets is None else prediction == targets


def mean_fooled(logits: Sequence[Tensor], labels: Tensor) -> Tensor:
    """Whether the mean predicted probabilities of several draws of a model favour another class, `[n]`."""
    with torch.no_grad():
        mean = logits[0] if len(logits) == 1 else torch.stack([draw.softmax(dim=1) for draw in logits]).mean(dim=0)
        return mean.argmax(dim=1) != labels


def targets_of(batch: LabelledInputs, rows: Tensor) -> Tensor | None:
    """The targets of some rows of a batch; None if the attack has none."""
    return None if batch.targets is None else batch.targets[rows]


@torch.no_grad()
def fooled_at(model: ScoreAccess, points: Tensor, batch: LabelledInputs, rows: Tensor) -> Tensor:
    """Whether points `[m, ...]` of some rows `[m]` of a batch fool the model, `[m]`; one forward pass each."""
    return is_fooled(model(points, rows), batch.labels[rows], targets_of(batch, rows))


def loss_gradient(
    model: GradientAccess, points: Tensor, batch: LabelledInputs, rows: Tensor, loss: Loss
) -> tuple[Tensor, Tensor, Tensor]:
    """The loss `[m]` at points `[m, ...]` of some rows `[m]`, its gradient `[m, ...]`, and which are fooled `[m]`."""
    labels, targets = batch.labels[rows], targets_of(batch, rows)
    objective = partial(adversarial_loss, labels=labels, targets=targets, loss=loss)
    (gradient,), (value,), (logits,) = gradients(model, points, rows, objective)
    return value, gradient, is_fooled(logits, labels, targets)


def gradients(
    model: GradientAccess, points: Tensor, rows: Tensor, objective: Callable[[Tensor], Tensor], draws: int = 1
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Gradients, losses and logits of several passes, which may be random, at the same points; one entry a pass.

    Args:
        model: the attacked model.
        points: `[m, ...]`.
        rows: `[m]`, the examples they belong to.
        objective: logits `[m, classes]` to the loss `[m]`.
        draws: how many passes, forward and backward.

    Returns:
        Gradients `[m, ...]`, losses `[m]` and logits `[m, classes]`.
    """
    leaf = points.detach().requires_grad_(True)
    slopes, values, logits = [], [], []
    for _ in range(draws):
        drawn = model(leaf, rows)
        value = objective(drawn)
        slopes.append(torch.autograd.grad(value.sum(), leaf)[0])
        values.append(value.detach())
        logits.append(drawn.detach())
    return slopes, values, logits


@torch.no_grad()
def likeliest_targets(model: ScoreAccess, batch: LabelledInputs, most: int, batch_size: int) -> Tensor:
    """The other classes most likely on the clean inputs, the likeliest first, `[n, min(most, classes - 1)]`."""
    batches = torch.arange(len(batch), device=batch.inputs.device).split(batch_size)
    logits = [model(batch.inputs[rows], rows) for rows in batches if len(rows)]
    return likeliest_others(torch.cat(logits), batch.labels, most) if logits else batch.labels.new_zeros((0, 0))


def likeliest_others(logits: Tensor, labels: Tensor, most: int) -> Tensor:
    """The classes of the largest logits but that of the label, `[n, min(most, classes - 1)]`, the largest first."""
    others = logits.scatter(1, labels[:, None], float("-inf"))
    return others.argsort(dim=1, descending=True, stable=True)[:, : min(most, logits.shape[1] - 1)]
