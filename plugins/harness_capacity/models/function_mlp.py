"""A multilayer perceptron trained to be a function of a few numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from harness.api import Context, Dataset, Prediction
from harness_capacity.models.training_points import Scaling, training_points

Activation = Literal["tanh", "relu"]
_ACTIVATIONS: Mapping[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU}


class FunctionMLP(nn.Module):
    """A multilayer perceptron for functions of a few numbers, trained by Adam on all points at once.

    Inputs are scaled to [-1, 1] over the training points, targets to mean 0 and deviation 1. It states no uncertainty.

    Args:
        width: units of each hidden layer.
        layers: hidden layers.
        activation: `tanh` or `relu`.
        dimensions: how many numbers the function takes.
        steps: gradient steps.
        learning_rate: the largest, of a one-cycle schedule.

    Raises:
        NotApplicable: the data have another number of inputs than `dimensions`.
    """

    low: Tensor
    width: Tensor
    scale: Tensor

    def __init__(
        self,
        width: Annotated[int, Ge(1)] = 32,
        layers: Annotated[int, Ge(1)] = 1,
        activation: Activation = "tanh",
        dimensions: Annotated[int, Ge(1)] = 1,
        steps: Annotated[int, Ge(1)] = 2000,
        learning_rate: Annotated[float, Gt(0)] = 1e-2,
    ) -> None:
        super().__init__()
        sizes = [dimensions, *[width] * layers]
        hidden = [
            part for one, other in pairwise(sizes) for part in (nn.Linear(one, other), _ACTIVATIONS[activation]())
        ]
        self.network = nn.Sequential(*hidden, nn.Linear(width, 1))
        self._dimensions, self._steps, self._learning_rate = dimensions, steps, learning_rate
        self.register_buffer("low", torch.zeros(dimensions))
        self.register_buffer("width", torch.ones(dimensions))
        self.register_buffer("scale", torch.tensor([0.0, 1.0]))
        self.facts: Mapping[str, Any] = {"parameters": sum(p.numel() for p in self.network.parameters())}

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Minimise the mean squared error on the training split."""
        inputs, targets = (
            points.float() for points in training_points(data("train"), self._dimensions, "function_mlp", ctx)
        )
        scaling = Scaling.of(inputs)
        self.low.copy_(scaling.low)
        self.width.copy_(scaling.width)
        self.scale.copy_(torch.stack([targets.mean(), targets.std().clamp(min=1e-12)]))
        self._train(inputs, (targets - self.scale[0]) / self.scale[1], ctx)

    def _train(self, inputs: Tensor, targets: Tensor, ctx: Context) -> None:
        optimizer = torch.optim.Adam(self.network.parameters(), lr=self._learning_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, self._learning_rate, total_steps=self._steps)
        for step in range(self._steps):
            optimizer.zero_grad()
            (self._scaled(inputs) - targets).square().mean().backward()
            optimizer.step()
            schedule.step()
            ctx.progress(step + 1, self._steps)

    def _scaled(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.network(2 * (inputs - self.low) / self.width - 1)
        return outputs[:, 0]

    def predict(self, inputs: Tensor) -> Prediction:
        """Values `[n]` at inputs `[n, dimensions]`."""
        return Prediction(self.scale[0] + self.scale[1] * self._scaled(inputs))
