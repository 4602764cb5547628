"""A network whose weights are written down, not trained: the polygon through points of a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor, nn

from harness.api import Context, Dataset, NotApplicable, Prediction
from harness_capacity.data.formulas import Stated


class ReluInterpolant(nn.Module):
    """A constructed ReLU network: the polygon through equally spaced points of a known function of one number.

    f(x_0) + sum_i (s_i - s_(i-1)) relu(x - x_i) with the slope s_i of piece i and s_(-1) = 0 (Yarotsky 2017):
    it shows what error a width allows, beside what training finds. For a function with a second derivative of at most M
    the error is at most M h^2 / 8 with h the length of a piece: 4.94 / n^2 for sin(2 pi x) and n units.

    Args:
        width: units of the hidden layer, which is the number of pieces.

    Raises:
        HarnessError: the data are not of the dataset `function`.
        NotApplicable: it is a function of several numbers.
    """

    starts: Tensor
    changes: Tensor
    offset: Tensor

    def __init__(self, width: Annotated[int, Ge(1)] = 32) -> None:
        super().__init__()
        for name, size in (("starts", width), ("changes", width), ("offset", 1)):
            self.register_buffer(name, torch.zeros(size, dtype=torch.float64))
        self.facts: Mapping[str, Any] = {"parameters": 2 * width + 1}

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Write the weights down; of the data only the facts are read, which state the formula and its range."""
        stated = Stated.of(data("train").facts, "relu_interpolant")
        if stated.formula.dimensions > 1:
            raise NotApplicable("relu_interpolant is constructed for functions of one number")
        knots = np.linspace(stated.low, stated.high, len(self.starts) + 1)
        values = stated.formula.value(knots[:, None])
        slopes = np.diff(values) / np.diff(knots)
        self.starts.copy_(torch.from_numpy(knots[:-1]))
        self.changes.copy_(torch.from_numpy(np.diff(slopes, prepend=0.0)))
        self.offset.fill_(values[0])

    def predict(self, inputs: Tensor) -> Prediction:
        """Values `[n]` of the polygon at inputs `[n, 1]`; below the range it is constant."""
        hidden = (inputs.double() - self.starts).relu()
        return Prediction(self.offset + hidden @ self.changes)
