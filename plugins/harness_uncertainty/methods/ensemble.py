"""Deep ensembles: the mean of independently trained networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor, nn

from harness.api import Classifier, ComponentOf, NotApplicable
from harness_uncertainty.methods.predictive import disagreement, mixture_logits


class DeepEnsemble(nn.Module):
    """The mean prediction of several copies of a model, each trained from its own initialisation.

    Lakshminarayanan et al. 2017, arXiv:1612.01474. The first is the model as it would be alone. Scores:
    `mutual_information` and `expected_entropy`.

    Args:
        model: the model to be copied; it must be one that is trained.
        members: the number of members.

    Raises:
        NotApplicable: the copies are the same.
    """

    def __init__(
        self,
        model: Annotated[Mapping[str, Classifier], ComponentOf("model", members="members")],
        members: Annotated[int, Ge(2)] = 5,
    ) -> None:
        super().__init__()
        copies = list(model.values())
        modules = [copy for copy in copies if isinstance(copy, nn.Module)]
        if len(modules) == len(copies) and all(_are_same(copies[0], copy) for copy in modules[1:]):
            raise NotApplicable(
                f"the {members} members of the ensemble are the same; it takes a model that is trained, no checkpoint"
            )
        self._members: Any = nn.ModuleList(modules) if len(modules) == len(copies) else copies

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `[n, classes]` of the mean prediction."""
        return mixture_logits(self.member_logits(inputs))

    def member_logits(self, inputs: Tensor) -> Tensor:
        """Logits `[members, n, classes]`."""
        return torch.stack([member(inputs) for member in self._members])

    def uncertainty(self, inputs: Tensor) -> Mapping[str, Tensor]:
        """The disagreement of the members."""
        return disagreement(self.member_logits(inputs))


def _are_same(one: Any, other: Any) -> bool:
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
