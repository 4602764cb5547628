"""Margins of logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def logit_margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the logit of each label less the largest other logit; positive where the label is the prediction.

    Args:
        logits: `[n, classes]`.
        labels: `[n]`, int64.

    Returns:
        `[n]`.
    """
    own = logits.gather(1, labels[:, None]).squeeze(1)
    return own - logits.scatter(1, labels[:, None], float("-inf")).amax(dim=1)
