"""An ensemble of regression models, whose disagreement is its stated deviation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor, nn

from harness.api import ComponentOf, Prediction, Regressor

_LEAST_DEVIATION = 1e-9


class FunctionEnsemble(nn.Module):
    """The mean of independently trained regression models; their standard deviation is the stated one.

    Lakshminarayanan et al. 2017, arXiv:1612.01474, section 2.4, without a variance of each member, since functions
    without noise have none.

    Args:
        model: the model to be copied; one that is trained.
        members: the number of copies, each from its own initialisation.
    """

    def __init__(
        self,
        model: Annotated[Mapping[str, Regressor], ComponentOf("model", members="members")],
        members: Annotated[int, Ge(2)] = 5,
    ) -> None:
        super().__init__()
        self._members = list(model.values())
        self._modules.update({str(i): each for i, each in enumerate(self._members) if isinstance(each, nn.Module)})

    def predict(self, inputs: Tensor) -> Prediction:
        """Mean and deviation `[n]` over the members."""
        means = torch.stack([member.predict(inputs).mean for member in self._members]).double()
        return Prediction(means.mean(dim=0), means.std(dim=0).clamp(min=_LEAST_DEVIATION))
