"""The margin of a classification."""

from __future__ import annotations

from torch import Tensor


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """The logit of the class `labels` `[n]` minus the largest other one `[n]`, of logits `[n, classes]`."""
    own = logits.gather(1, labels[:, None]).squeeze(1)
    return own - logits.scatter(1, labels[:, None], float("-inf")).amax(dim=1)
