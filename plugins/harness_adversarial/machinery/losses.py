"""What gradient attacks maximise, and what counts as fooled."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn.functional import cross_entropy

from harness.api import LabelledInputs

Loss = Literal["cross_entropy", "margin"]


def adversarial_loss(logits: Tensor, labels: Tensor, targets: Tensor | None, loss: Loss) -> Tensor:
    """The loss `[n]` of logits `[n, classes]` that grows as the attack comes closer to its goal.

    Cross-entropy saturates when logits are large and its gradient is then 0 in float32; the margin does not.
    """
    if loss == "cross_entropy":
        if targets is not None:
            return -cross_entropy(logits, targets, reduction="none")
        return cross_entropy(logits, labels, reduction="none")
    aim = labels if targets is None else targets
    own = logits.gather(1, aim[:, None]).squeeze(1)
    others = logits.scatter(1, aim[:, None], float("-inf")).amax(dim=1)
    return others - own if targets is None else own - others


def is_fooled(logits: Tensor, labels: Tensor, targets: Tensor | None) -> Tensor:
    """Whether the prediction `[n]` is what the attack wants."""
    prediction = logits.argmax(dim=1)
    return prediction != labels if targets is None else prediction == targets


def targets_of(batch: LabelledInputs, rows: Tensor) -> Tensor | None:
    """The targets of some rows of a batch, if the attack has any."""
    return None if batch.targets is None else batch.targets[rows]
