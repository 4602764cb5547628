"""Attacks that follow the gradient of the loss with respect to the input: FGSM, BIM and PGD."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from harness.api import Context, GradientAccess, LabelledInputs, Threat
from harness.api.attacks import ConvexNorm, Loss, ProjectedGradientDescent, adversarial_loss, loss_gradient, row_batches

Eps = Annotated[float, Ge(0)]
Steps = Annotated[int, Ge(1)]
StepSize = Annotated[float, Gt(0)] | None


class FGSM:
    """Fast gradient sign method, one step: x + eps * sign(grad loss(x)) (Goodfellow et al. 2015, section 4).

    Args:
        eps: L-infinity budget, in units of the inputs.
        targeted: move towards a target class instead of away from the true one.
        loss: the loss that is maximised.
    """

    pooled = True

    def __init__(self, eps: Eps, targeted: bool = False, loss: Loss = "cross_entropy") -> None:
        self.eps, self.loss = eps, loss
        self.threat = Threat("linf", eps, targeted)

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """One step for every example."""
        answer = torch.empty_like(batch.inputs)
        for rows in row_batches(batch, ctx):
            clean = batch.inputs[rows]
            _, gradient, _ = loss_gradient(model, clean, batch, rows, self.loss)
            answer[rows] = (clean + self.eps * gradient.sign()).clamp(batch.low, batch.high)
        return answer


class PGD(ProjectedGradientDescent):
    """Projected gradient descent from random starts, L-infinity, L2 or L1 (Madry et al. 2018, section 2.1).

    In the L1 ball a step moves the hundredth of the pixels with the largest gradients.

    Args:
        loss: the loss that is maximised.
    """

    def __init__(
        self,
        eps: Eps,
        norm: ConvexNorm = "linf",
        steps: Steps = 20,
        step_size: StepSize = None,
        restarts: Annotated[int, Ge(1)] = 1,
        random_start: bool = True,
        targeted: bool = False,
        loss: Loss = "cross_entropy",
    ) -> None:
        super().__init__(eps, norm, steps, step_size, restarts, random_start, targeted)
        self.loss: Loss = loss

    def objective(self, logits: Tensor, labels: Tensor, targets: Tensor | None) -> Tensor:
        """The loss `[m]` that the parameter `loss` names."""
        return adversarial_loss(logits, labels, targets, self.loss)


class BIM(PGD):
    """Basic iterative method: many small sign steps from the clean input (Kurakin et al. 2017, equation 2).

    Args:
        eps: L-infinity budget, in units of the inputs.
        steps: gradient steps.
        step_size: length of a step; by default eps / steps.
        targeted: move towards a target class instead of away from the true one.
    """

    def __init__(self, eps: Eps, steps: Steps = 10, step_size: StepSize = None, targeted: bool = False) -> None:
        size = eps / steps if step_size is None else step_size
        super().__init__(eps, "linf", steps, size, random_start=False, targeted=targeted)
