"""Distance of an example's features from those of every class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import torch
from torch import Tensor

from harness.api import ComponentOf, Context, Dataset, Differentiable
from harness_uncertainty.methods.last_layer import LastLayer
from harness_uncertainty.methods.wrapping import Wrapper, labels_of, outputs_on, split_of

_MIN_VARIANCE_SHARE = 1e-6
"""Directions with less than this share of the largest variance are left out; units that never fire have none."""


class Mahalanobis(Wrapper):
    """Adds the score `mahalanobis` to a network: the squared distance to the nearest class (Lee et al. 2018).

    Features are what goes into the last linear layer; class means and one common covariance are those of the training
    split. arXiv:1807.03888, without its input preprocessing. Predictions stay as they are.

    Args:
        model: a network whose logits come straight out of a linear layer.
    """

    means: Tensor
    whitening: Tensor
    seen: Tensor

    def __init__(self, model: Annotated[Differentiable, ComponentOf("model")]) -> None:
        super().__init__(model)
        self._last = LastLayer(model, "mahalanobis")
        classes, features = self._last.shape
        self.register_buffer("means", torch.zeros(classes, features))
        self.register_buffer("whitening", torch.zeros(features, features))
        self.register_buffer("seen", torch.zeros(classes, dtype=torch.bool))

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Estimate means and covariance on the training split."""
        self.model.eval()
        train = split_of(data, "train")
        features, labels = outputs_on(lambda inputs: self._last.features(inputs)[0], train, ctx), labels_of(train)
        centred = torch.empty_like(features)
        for label in labels.unique().tolist():
            own = labels == label
            mean = features[own].mean(dim=0)
            centred[own] = features[own] - mean
            self.means[label] = mean.to(self.means)
            self.seen[label] = True
        covariance = centred.T @ centred / len(centred)
        variances, directions = torch.linalg.eigh(covariance)
        varying = variances > _MIN_VARIANCE_SHARE * variances.max()
        # Columns that are left out stay 0 and add nothing to a distance.
        scales = torch.where(varying, variances.clamp(min=torch.finfo(variances.dtype).tiny).rsqrt(), 0.0)
        self.whitening.copy_(directions * scales)

    def uncertainty(self, inputs: Tensor) -> Mapping[str, Tensor]:
        """The squared distance `[n]` to the nearest class."""
        features, _ = self._last.features(inputs)
        offsets = features[:, None] - self.means[self.seen]
        distances = (offsets @ self.whitening).square().sum(dim=2)
        return {**super().uncertainty(inputs), "mahalanobis": distances.amin(dim=1)}
