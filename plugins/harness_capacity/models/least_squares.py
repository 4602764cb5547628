"""Least squares with a stated deviation: a constant, a straight line, or a Fourier series."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from harness.api import Context, Dataset, HarnessError, NotApplicable, Prediction
from harness_capacity.models.training_points import Scaling, training_points

Features = Literal["constant", "linear", "fourier"]
_LEAST_DEVIATION = 1e-9


class LeastSquares(nn.Module):
    """Ordinary least squares on a few features, with its predictive deviation: baselines of approximation.

    With features phi, design matrix A and p coefficients the deviation at a point is
    s sqrt(1 + phi^T (A^T A)^-1 phi), s^2 the sum of squared residuals over n - p. It takes the model for true.

    Args:
        features: `constant`, the mean of the targets; `linear`, a straight line or plane; `fourier`, a series
            of sines and cosines of one number, which repeats itself beyond the range.
        harmonics: of the Fourier series.
        period: of the Fourier series, in widths of the range of the training points.
        dimensions: how many numbers the function takes.

    Raises:
        NotApplicable: a Fourier series of several numbers, or data of another number of inputs.
        HarnessError: there are no more training points than coefficients.
    """

    low: Tensor
    width: Tensor
    coefficients: Tensor
    covariance: Tensor
    residual: Tensor

    def __init__(
        self,
        features: Features = "linear",
        harmonics: Annotated[int, Ge(1)] = 3,
        period: Annotated[float, Gt(0)] = 1.0,
        dimensions: Annotated[int, Ge(1)] = 1,
    ) -> None:
        super().__init__()
        if features == "fourier" and dimensions > 1:
            raise NotApplicable("the Fourier series of least_squares is of one number")
        self._features, self._harmonics, self._period, self._dimensions = features, harmonics, period, dimensions
        p = {"constant": 1, "linear": 1 + dimensions, "fourier": 1 + 2 * harmonics}[features]
        shapes = {"low": (dimensions,), "width": (dimensions,), "coefficients": (p,), "covariance": (p, p)}
        for name, shape in {**shapes, "residual": (1,)}.items():
            self.register_buffer(name, torch.zeros(shape, dtype=torch.float64))
        self.facts = {"parameters": p}

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Solve the normal equations on the training split, in float64."""
        inputs, targets = training_points(data("train"), self._dimensions, "least_squares", ctx)
        n, p = len(targets), len(self.coefficients)
        if n <= p:
            raise HarnessError(f"least_squares has {p} coefficients and needs more training points than {n}")
        scaling = Scaling.of(inputs)
        self.low.copy_(scaling.low)
        self.width.copy_(scaling.width)
        design = self._design(inputs)
        solution = torch.linalg.lstsq(design, targets[:, None]).solution[:, 0]
        self.coefficients.copy_(solution)
        self.covariance.copy_(torch.linalg.inv(design.T @ design))
        self.residual.fill_(((targets - design @ solution).square().sum() / (n - p)).sqrt())

    def _design(self, inputs: Tensor) -> Tensor:
        """The features `[n, p]`."""
        scaled = (inputs.double() - self.low) / self.width
        ones = torch.ones_like(scaled[:, :1])
        if self._features == "constant":
            return ones
        if self._features == "linear":
            return torch.cat([ones, scaled], dim=1)
        frequencies = torch.arange(1, self._harmonics + 1, dtype=torch.float64, device=inputs.device)
        phases = 2 * torch.pi * scaled * frequencies / self._period
        return torch.cat([ones, phases.cos(), phases.sin()], dim=1)

    def predict(self, inputs: Tensor) -> Prediction:
        """Mean and predictive deviation `[n]` at inputs `[n, dimensions]`."""
        design = self._design(inputs)
        leverage = torch.einsum("np,pq,nq->n", design, self.covariance, design).clamp(min=0)
        deviation = self.residual * (1 + leverage).sqrt()
        return Prediction(design @ self.coefficients, deviation.clamp(min=_LEAST_DEVIATION))
