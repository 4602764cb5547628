"""A third party's attack: projected gradient descent on a loss of its own."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from harness.api import Component, hookimpl
from harness.api.attacks import ProjectedGradientDescent, logit_margin


class OwnLoss(ProjectedGradientDescent):
    """PGD on how far the largest other logit is ahead of the true one."""

    def objective(self, logits: Tensor, labels: Tensor, targets: Tensor | None) -> Tensor:
        """The lead `[m]`, or that of the target."""
        return -logit_margin(logits, labels) if targets is None else logit_margin(logits, targets)


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the attack."""
    summary = "PGD on the margin, as a third party writes it."
    return [Component("attack", "own_loss", f"{__name__}:OwnLoss", summary, tasks=frozenset({"classify"}))]
