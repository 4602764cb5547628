"""Gaussian process regression in closed form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from harness.api import Context, Dataset, Prediction
from harness_capacity.models.training_points import Scaling, training_points

_LENGTHS = (0.02, 2.0, 25)
"""Candidates for the length scale, in widths of the range: from, to, how many."""
_SIGNALS = (1e-2, 1e4, 31)
"""Candidates for the signal variance, in variances of the targets."""


class GaussianProcess(nn.Module):
    """A Gaussian process with the squared exponential kernel (Rasmussen & Williams 2006, equations 2.23 to 2.30).

    Length scale and signal variance are those out of 25 x 31 with the largest marginal likelihood. Far from all points
    its mean is that of the targets, and its deviation that of the process.

    Args:
        length: the length scale, in widths of the range of the training points; by default it is chosen.
        signal: the signal variance, in variances of the targets; by default it is chosen.
        noise: the variance of the noise, in variances of the targets.
        dimensions: how many numbers the function takes.

    Raises:
        NotApplicable: the data have another number of inputs.
    """

    low: Tensor
    width: Tensor
    points: Tensor
    weights: Tensor
    factor: Tensor
    mean: Tensor
    signal: Tensor
    noise: Tensor
    length: Tensor

    def __init__(
        self,
        length: Annotated[float, Gt(0)] | None = None,
        signal: Annotated[float, Gt(0)] | None = None,
        noise: Annotated[float, Gt(0)] = 1e-6,
        dimensions: Annotated[int, Ge(1)] = 1,
    ) -> None:
        super().__init__()
        self._length, self._signal, self._noise, self._dimensions = length, signal, noise, dimensions
        for name in ("low", "width", "points", "weights", "factor", "mean", "signal", "noise", "length"):
            self.register_buffer(name, torch.zeros(0, dtype=torch.float64))

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Condition the process on the training split."""
        inputs, targets = training_points(data("train"), self._dimensions, "gaussian_process", ctx)
        scaling = Scaling.of(inputs)
        self.low, self.width = scaling.low, scaling.width
        self.points = (inputs - self.low) / self.width
        self.mean = targets.mean()[None]
        centred, scale = targets - self.mean, float(targets.var(correction=0).clamp(min=1e-12))
        self.noise = self.mean.new_tensor([self._noise * scale])
        lengths = [self._length] if self._length else np.geomspace(*_LENGTHS).tolist()
        signals = [self._signal * scale] if self._signal else (scale * np.geomspace(*_SIGNALS)).tolist()
        tried = [
            candidate
            for length in lengths
            for candidate in _likelihoods(self.points, centred, length, signals, float(self.noise))
        ]
        _, length, signal = max(tried)
        self.length, self.signal = self.mean.new_tensor([length]), self.mean.new_tensor([signal])
        kernel = self.signal * _kernel(self.points, self.points, length)
        self.factor = torch.linalg.cholesky(kernel + self.noise * torch.eye(len(targets)).to(kernel))
        self.weights = torch.cholesky_solve(centred[:, None], self.factor)[:, 0]

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Load points and weights, whose number is that of the training points."""
        for name, tensor in state_dict.items():
            setattr(self, name, torch.zeros_like(tensor))
        return super().load_state_dict(state_dict, strict, assign)

    def predict(self, inputs: Tensor) -> Prediction:
        """Mean and deviation `[n]` of the posterior of a target at inputs `[n, dimensions]`."""
        kernel = self.signal * _kernel((inputs.double() - self.low) / self.width, self.points, self.length)
        explained = torch.linalg.solve_triangular(self.factor, kernel.T, upper=False).square().sum(dim=0)
        variance = (self.signal - explained).clamp(min=0) + self.noise
        return Prediction(self.mean + kernel @ self.weights, variance.sqrt())


def _likelihoods(
    points: Tensor, targets: Tensor, length: float, signals: Sequence[float], noise: float
) -> Iterator[tuple[float, float, float]]:
    """The log marginal likelihood, up to a constant, with length scale and signal variance (equation 2.30).

    One eigendecomposition serves all signal variances.
    """
    eigenvalues, directions = torch.linalg.eigh(_kernel(points, points, length))
    along = (directions.T @ targets).square()
    for signal in signals:
        variances = signal * eigenvalues.clamp(min=0) + noise
        yield -0.5 * float((along / variances + variances.log()).sum()), length, signal


def _kernel(one: Tensor, other: Tensor, length: float | Tensor) -> Tensor:
    squared = (one[:, None] - other[None]).square().sum(dim=-1)
    return (-squared / (2 * length**2)).exp()
