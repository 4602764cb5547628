"""DDN's two losses differ as its documentation says."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from harness.api import Context, LabelledInputs
from harness_adversarial.attacks.ddn import DDN
from harness_vision.digits import digits
from harness_vision.shipped_digits import shipped_digits


class Plain(nn.Module):
    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.net, self.scale = shipped_digits("standard").eval(), scale

    def forward(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        return torch.as_tensor(self.net(inputs)) * self.scale


def distances(loss: Any, scale: float = 1.0) -> Tensor:
    source = digits("test")
    inputs = torch.as_tensor(source.columns["inputs"])[:96]
    with torch.no_grad():
        labels = Plain()(inputs).argmax(dim=1)
    found = DDN(steps=40, loss=loss).perturb(Plain(scale), LabelledInputs(source.ids[:96], inputs, labels), Context())
    return (found - inputs).flatten(1).norm(dim=1)


def test_cross_entropy_finds_points_that_the_margin_has_committed_itself_away_from() -> None:
    ratio = distances("cross_entropy") / distances("margin")
    assert int((ratio < 0.9).sum()) >= 2
    assert float(ratio.median()) < 1.05


def test_cross_entropy_has_a_gradient_where_the_model_is_very_sure() -> None:
    """At 1e4 times the logits the softmax is 1 in float32, and its gradient 0."""
    assert bool((distances("cross_entropy", 1e4) > 0).all())
