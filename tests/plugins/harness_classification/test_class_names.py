"""Classes of models and data matched by name."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from harness.api import InvalidOutput
from harness_classification.class_names import in_order_of


class Named(nn.Module):
    def __init__(self, *names: str) -> None:
        super().__init__()
        self.class_names = list(names) or None

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs


INPUTS = torch.tensor([[1.0, 2.0, 3.0]])


def test_outputs_come_in_the_order_of_the_data() -> None:
    model = in_order_of(["a", "b", "c"], Named("c", "a", "b"))
    assert model(INPUTS).tolist() == [[2.0, 3.0, 1.0]]
    assert isinstance(model, nn.Module)


def test_models_that_stay_as_they_are() -> None:
    for model in (Named("a", "b", "c"), Named(), nn.Identity()):
        assert in_order_of(["a", "b", "c"], model) is model


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "d"), ("a", "b", "c", "d")])
def test_other_classes_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(
        InvalidOutput, match=rf"the model has {len(names)} classes \(a, b.*\), the data have 3 \(a, b, c\)"
    ):
        in_order_of(["a", "b", "c"], Named(*names))
