"""Losses of APGD: cross-entropy without its saturation, and the difference of logits ratio."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from harness.api import GradientAccess

ApgdLoss = Literal["ce", "dlr"]

_SMALLEST = 1e-12


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
    own = logits.gather(1, labels[:, None]).squeeze(1)
    other = logits.scatter(1, labels[:, None], float("-inf")).amax(dim=1)
    if logits.shape[1] < 3:
        return other - own
    top = logits.topk(3, dim=1).values
    return (other - own) / (top[:, 0] - top[:, 2]).clamp_min(_SMALLEST)


def targeted_dlr(logits: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    """Its version `[n]` for a target (equation 7); with 3 classes the denominator of equation 6, with 2 none."""
    own, aim = (logits.gather(1, which[:, None]).squeeze(1) for which in (labels, targets))
    classes = logits.shape[1]
    if classes < 3:
        return aim - own
    top = logits.topk(min(4, classes), dim=1).values
    below = (top[:, 2] + top[:, -1]) / 2
    return (aim - own) / (top[:, 0] - below).clamp_min(_SMALLEST)


def apgd_loss(logits: Tensor, labels: Tensor, targets: Tensor | None, loss: ApgdLoss, averaged: bool) -> Tensor:
    """What APGD maximises `[n]`; `averaged` over draws of a random model, cross-entropy must be itself."""
    if targets is not None:
        return targeted_dlr(logits, labels, targets)
    if loss == "dlr":
        return dlr(logits, labels)
    return cross_entropy(logits, labels, reduction="none") if averaged else log_odds(logits, labels)


def mean_fooled(logits: list[Tensor], labels: Tensor) -> Tensor:
    """Whether the mean predicted probabilities of several draws of a model go to another class, `[n]`."""
    with torch.no_grad():
        mean = logits[0] if len(logits) == 1 else torch.stack([draw.softmax(dim=1) for draw in logits]).mean(dim=0)
        return mean.argmax(dim=1) != labels


def averaged_gradient(
    model: GradientAccess,
    point: Tensor,
    rows: Tensor,
    labels: Tensor,
    targets: Tensor | None,
    loss: ApgdLoss,
    draws: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradient `[n, ...]` and loss `[n]` at points `[n, ...]`, means over draws, and whether they fool the model."""
    leaf = point.detach().requires_grad_(True)
    gradients, losses, drawn = [], [], []
    for _ in range(draws):
        logits = model(leaf, rows)
        values = apgd_loss(logits, labels, targets, loss, draws > 1)
        gradients.append(torch.autograd.grad(values.sum(), leaf)[0])
        losses.append(values.detach())
        drawn.append(logits.detach())
    return _mean(gradients), _mean(losses), mean_fooled(drawn, labels)


def _mean(values: list[Tensor]) -> Tensor:
    return values[0] if len(values) == 1 else torch.stack(values).mean(dim=0)
