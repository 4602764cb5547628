"""The Laplace approximation of the last layer: a Gaussian around its trained weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor
from torch.nn.functional import cross_entropy

from harness.api import ComponentOf, Context, Dataset, Differentiable, NotApplicable
from harness_uncertainty.methods.last_layer import LastLayer
from harness_uncertainty.methods.predictive import disagreement, mixture_logits
from harness_uncertainty.methods.wrapping import Wrapper, labels_of, outputs_on, split_of

_MAX_LAST_LAYER_WEIGHTS = 6000
"""Weights of the layer; their covariance has the square of that many numbers."""
_QUARTER_DECADES = range(-8, 25)


class LaplaceLastLayer(Wrapper):
    """A Gaussian posterior over the last layer of a trained network (Daxberger et al. 2021, arXiv:2106.14806).

    Its precision is the full generalised Gauss-Newton matrix of the training likelihood plus that of an isotropic
    Gaussian prior (MacKay 1992). Scores: `mutual_information`, `expected_entropy`.

    Args:
        model: a network whose logits come straight out of a linear layer.
        prior_precision: the precision of the prior; by default it is chosen.
        chosen_by: `validation`, by the likelihood of the probit prediction on a held-out split; `evidence`, by the
            marginal likelihood of the training data, which needs no further data but trusts that the weights are the
            optimum under the prior: far from it after training without weight decay.
        split: the part of the training data for `validation`; no model may have seen it.
        predictive: `probit` is MacKay's approximation of the mean prediction, `monte_carlo` averages draws.
        draws: the draws of the posterior, for `monte_carlo` and the scores; the same for all examples.

    Raises:
        NotApplicable: there is no linear layer, or it is too large for a full covariance.
    """

    posterior_draws: Tensor
    covariance: Tensor
    chosen_precision: Tensor

    def __init__(
        self,
        model: Annotated[Differentiable, ComponentOf("model")],
        prior_precision: Annotated[float, Gt(0)] | None = None,
        chosen_by: Literal["validation", "evidence"] = "validation",
        split: str = "validation",
        predictive: Literal["probit", "monte_carlo"] = "probit",
        draws: Annotated[int, Ge(2)] = 100,
    ) -> None:
        super().__init__(model)
        self._last = LastLayer(model, "laplace_last_layer")
        self._prior_precision, self._chosen_by, self._predictive = prior_precision, chosen_by, predictive
        self.split = split if prior_precision is None and chosen_by == "validation" else None
        classes, features = self._last.shape
        size = classes * (features + 1)
        if size > _MAX_LAST_LAYER_WEIGHTS:
            raise NotApplicable(
                f"the last layer has {size} weights; a full covariance of more than {_MAX_LAST_LAYER_WEIGHTS} "
                "does not fit into memory"
            )
        self.register_buffer("posterior_draws", torch.zeros(draws, classes, features + 1))
        self.register_buffer("covariance", torch.zeros(classes, features + 1, classes, features + 1))
        self.register_buffer("chosen_precision", torch.ones(()))

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Fit the posterior on the training split."""
        self.model.eval()
        mode = self._last.weights.detach().cpu().double()
        features = self._features_of(split_of(data, "train"), ctx)
        curvature = gauss_newton(features, (features @ mode.T).softmax(dim=1))
        precision = self._prior_precision
        if precision is None and self.split is None:
            precision = best_prior_precision(curvature, mode)
        elif precision is None:
            held_out = split_of(data, str(self.split))
            precision = most_likely_precision(curvature, mode, self._features_of(held_out, ctx), labels_of(held_out))
        classes, width = mode.shape
        factor = torch.linalg.cholesky(curvature + precision * torch.eye(len(curvature), dtype=torch.float64))
        noise = torch.randn(
            (len(self.posterior_draws), len(curvature), 1), generator=ctx.generator("posterior"), dtype=torch.float64
        )
        offsets = torch.linalg.solve_triangular(factor.T, noise, upper=True)
        self.posterior_draws.copy_(mode + offsets.reshape(-1, classes, width))
        self.covariance.copy_(torch.cholesky_inverse(factor).reshape(classes, width, classes, width))
        self.chosen_precision.fill_(precision)

    def _features_of(self, data: Dataset, ctx: Context) -> Tensor:
        """The input of the last layer with a 1 for the bias, `[n, features + 1]`."""
        return self._extended(outputs_on(lambda inputs: self._last.features(inputs)[0], data, ctx))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `[n, classes]` of the mean prediction."""
        if self._predictive == "monte_carlo":
            return mixture_logits(self.member_logits(inputs))
        features, logits = self._last.features(inputs)
        own = torch.stack([self.covariance[k, :, k] for k in range(logits.shape[1])])
        return probit_logits(logits, self._extended(features), own)

    def member_logits(self, inputs: Tensor) -> Tensor:
        """Logits `[draws, n, classes]`."""
        features, _ = self._last.features(inputs)
        return torch.einsum("np,skp->snk", self._extended(features), self.posterior_draws)

    def uncertainty(self, inputs: Tensor) -> Mapping[str, Tensor]:
        """The disagreement of the draws of the posterior."""
        return disagreement(self.member_logits(inputs))

    def _extended(self, features: Tensor) -> Tensor:
        constant = features.new_full((len(features), 1), 1.0 if self._last.layer.bias is not None else 0.0)
        return torch.cat([features, constant], dim=1)


def gauss_newton(features: Tensor, probabilities: Tensor) -> Tensor:
    """Sum over examples of (diag(p) - p p^T) kron phi phi^T, `[classes * width, classes * width]`.

    Args:
        features: phi, `[n, width]`.
        probabilities: p, `[n, classes]`.
    """
    classes, width = probabilities.shape[1], features.shape[1]
    matrix = features.new_zeros((classes, width, classes, width))
    for k in range(classes):
        for other in range(k + 1):
            own = float(k == other)
            weight = probabilities[:, k] * (own - probabilities[:, other])
            matrix[k, :, other] = (features * weight[:, None]).T @ features
            matrix[other, :, k] = matrix[k, :, other].T
    return matrix.reshape(classes * width, classes * width)


def probit_logits(logits: Tensor, features: Tensor, covariances: Tensor) -> Tensor:
    """Logits tempered by the variance s^2 that the weights give them (MacKay 1992): z / sqrt(1 + pi s^2 / 8).

    Args:
        logits: z, `[n, classes]`, at the mode.
        features: `[n, width]`.
        covariances: the covariances of the weights of each class, `[classes, width, width]`.
    """
    variance = torch.einsum("np,kpq,nq->nk", features, covariances, features).clamp(min=0)
    return logits / torch.sqrt(1 + math.pi / 8 * variance)


def most_likely_precision(curvature: Tensor, mode: Tensor, features: Tensor, labels: Tensor) -> float:
    """The prior precision out of four per decade under which the probit prediction of held-out examples is most likely.

    Args:
        curvature: `[classes * width, classes * width]`.
        mode: the trained weights, `[classes, width]`.
        features: `[n, width]`, of the held-out examples.
        labels: `[n]`.
    """
    classes, width = mode.shape
    eigenvalues, directions = torch.linalg.eigh(curvature)
    by_class = directions.reshape(classes, width, -1)

    def loss(precision: float) -> float:
        covariances = (by_class / (eigenvalues.clamp(min=0) + precision)) @ by_class.transpose(1, 2)
        return float(cross_entropy(probit_logits(features @ mode.T, features, covariances), labels))

    return min((10 ** (step / 4) for step in _QUARTER_DECADES), key=loss)


def best_prior_precision(curvature: Tensor, mode: Tensor) -> float:
    """The prior precision d with the largest evidence (MacKay 1992), exp(-d |w|^2 / 2) d^(P/2) / sqrt|H + d I|.

    Args:
        curvature: H, `[P, P]`, positive semidefinite.
        mode: w, the trained weights.
    """
    from scipy.optimize import minimize_scalar

    eigenvalues = torch.linalg.eigvalsh(curvature).clamp(min=0).numpy()
    squares, size = float((mode**2).sum()), len(eigenvalues)

    def loss(log_precision: float) -> float:
        precision = math.exp(log_precision)
        occam = sum(math.log(value + precision) for value in eigenvalues) - size * log_precision
        return precision * squares / 2 + occam / 2

    return math.exp(float(minimize_scalar(loss, bounds=(-12.0, 12.0), method="bounded").x))
