"""The mean of several predictions, and how far they disagree."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def mixture_logits(members: Tensor) -> Tensor:
    """Logits `[n, classes]` whose softmax is the mean of the members' softmaxes.

    Their logsumexp is the mean of the members', so that the energy score keeps its meaning.

    Args:
        members: logits `[members, n, classes]`.
    """
    evidence = members.logsumexp(dim=2).mean(dim=0)
    mean = members.log_softmax(dim=2).logsumexp(dim=0) - math.log(len(members))
    return mean + evidence[:, None]


def disagreement(members: Tensor) -> dict[str, Tensor]:
    """Scores `[n]`, higher where less sure (Houlsby et al. 2011; Depeweg et al. 2018).

    `mutual_information`: the entropy of the mean prediction less the mean entropy, what the members disagree about;
    `expected_entropy`: the mean entropy, what each of them leaves open. In nats.

    Args:
        members: logits `[members, n, classes]`.
    """
    exact = members.double() if members.device.type != "mps" else members
    log_probabilities = exact.log_softmax(dim=2)
    mean = log_probabilities.exp().mean(dim=0)
    expected = -(log_probabilities.exp() * log_probabilities).sum(dim=2).mean(dim=0)
    total = -torch.special.xlogy(mean, mean).sum(dim=1)
    return {"mutual_information": total - expected, "expected_entropy": expected}
