"""Adversarial examples made on one model to fool another: momentum, input diversity, translation invariance."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from harness.api import ComponentOf, Context, Differentiable, LabelledInputs, ScoreAccess, Threat
from harness.api.attacks import Loss, adversarial_loss, per_example, unit
from harness_adversarial.common.warp import Placement, place

_BATCH_MULTIPLE = 8


class Transfer:
    """Made on another model, with momentum, input diversity and translation invariance.

    MI-, DI- and TI-FGSM on a surrogate; the attacked model is never asked, so no pass through it is counted.

    Momentum of Dong et al. 2018 (equation 6), input diversity of Xie et al. 2019 (section 3.3) and smoothed gradients
    of Dong et al. 2019 (equation 9). Without all three it is BIM on the surrogate.

    Args:
        surrogate: the model the examples are made on.
        stands_in: the surrogate is there for its gradients, as the plain twin of a model that hides its own. Examples
            that fool it and not the attacked model then make the row suspect; else they are what transfer measures.
        eps: L-infinity budget, in units of the inputs.
        steps: gradient steps.
        step_size: length of a step; by default eps / steps.
        momentum: decay of the accumulated gradient; 0 for none.
        diversity: probability with which an input is made smaller and put at a random place before a step.
        smallest: the smallest size then, as a share of width and height.
        kernel: side of the Gaussian that smooths the gradient, in pixels, odd; 1 for none. The paper's is 15 for 299.
        targeted: move towards a target class instead of away from the true one.
        loss: the loss that is maximised.
    """

    def __init__(
        self,
        surrogate: Annotated[Differentiable, ComponentOf("model")],
        eps: Annotated[float, Ge(0)],
        steps: Annotated[int, Ge(1)] = 10,
        step_size: Annotated[float, Gt(0)] | None = None,
        momentum: Annotated[float, Ge(0)] = 1.0,
        diversity: Annotated[float, Ge(0), Le(1)] = 0.5,
        smallest: Annotated[float, Gt(0), Le(1)] = 0.9,
        kernel: Annotated[int, Ge(1)] = 1,
        targeted: bool = False,
        loss: Loss = "cross_entropy",
        stands_in: bool = False,
    ) -> None:
        self._source: Any = surrogate
        self.surrogate: Any = surrogate if stands_in else None
        self.eps, self.steps, self.momentum, self.loss = eps, steps, momentum, loss
        self.step_size = eps / steps if step_size is None else step_size
        self.diversity, self.smallest, self.kernel = diversity, smallest, kernel
        self.threat = Threat("linf", eps, targeted)

    def perturb(self, model: ScoreAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """Return the last iterate, since the attacked model is never evaluated."""
        iterate, accumulated = batch.inputs.clone(), torch.zeros_like(batch.inputs)
        for step in range(self.steps):
            leaf = iterate.detach().requires_grad_(True)
            logits = self._logits(self._diverse(leaf, batch, step, ctx))
            loss = adversarial_loss(logits, batch.labels, batch.targets, self.loss)
            (gradient,) = torch.autograd.grad(loss.sum(), leaf)
            gradient = smoothed(gradient, self.kernel)
            accumulated = self.momentum * accumulated + unit(gradient, "l1")
            moved = iterate + self.step_size * accumulated.sign()
            offset = (moved - batch.inputs).clamp(-self.eps, self.eps)
            iterate = (batch.inputs + offset).clamp(batch.low, batch.high)
        return iterate

    def _logits(self, inputs: Tensor) -> Tensor:
        """Logits of the surrogate, in batches padded to a multiple of one size."""
        n = len(inputs)
        padded = torch.cat([inputs, inputs.new_zeros((-n % _BATCH_MULTIPLE, *inputs.shape[1:]))])
        logits: Tensor = self._source(padded)[:n]
        return logits

    def _diverse(self, inputs: Tensor, batch: LabelledInputs, step: int, ctx: Context) -> Tensor:
        """Some of the inputs made smaller, at random positions."""
        if not self.diversity:
            return inputs
        u = ctx.uniform(batch.ids, (4,), "diversity", step)
        chosen = u[:, 0] < self.diversity
        scale = torch.where(chosen, self.smallest + (1 - self.smallest) * u[:, 1], torch.ones_like(u[:, 1]))
        room = (1 - scale[:, None]) / 2
        still = torch.zeros_like(u[:, :2])
        placed = place(inputs, Placement(still[:, 0], scale, room * (2 * u[:, 2:] - 1), still), batch.low)
        return torch.where(per_example(chosen, inputs), placed, inputs)


def smoothed(gradient: Tensor, size: int) -> Tensor:
    """Gradients `[n, channels, height, width]` under a Gaussian of 3 standard deviations to each side."""
    if size == 1:
        return gradient
    at = torch.linspace(-3, 3, size, device=gradient.device)
    line = torch.exp(-at.square() / 2)
    kernel = torch.outer(line, line) / line.sum().square()
    channels = gradient.shape[1]
    return torch.nn.functional.conv2d(
        gradient, kernel.expand(channels, 1, size, size).contiguous(), padding="same", groups=channels
    )
