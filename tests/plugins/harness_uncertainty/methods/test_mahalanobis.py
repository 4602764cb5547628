"""The distance of features from every class."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.covariance import EmpiricalCovariance

from anchors.small_networks import Network, blobs, points
from harness.api import Context, Examples, NotApplicable
from harness_uncertainty.methods.mahalanobis import Mahalanobis


def test_against_scikit_learn() -> None:
    data, network = blobs(80, 0, "train"), Network(width=5)
    model = Mahalanobis(network)
    model.fit(lambda _: data, Context())
    features = model._last.features(points(data))[0].double().numpy()
    labels = data.columns["labels"]
    means = np.stack([features[labels == k].mean(0) for k in range(3)])
    used = (features - means[labels]).std(0) > 1e-6
    reference = EmpiricalCovariance(assume_centered=True).fit((features - means[labels])[:, used])
    inputs = torch.randn(20, 2)
    seen = model._last.features(inputs)[0].double().numpy()
    expected = np.stack([reference.mahalanobis((seen - means[k])[:, used]) for k in range(3)]).min(0)
    assert model.uncertainty(inputs)["mahalanobis"].numpy() == pytest.approx(expected, rel=1e-3)
    assert torch.equal(model(inputs), network(inputs))


def test_a_class_that_was_never_seen_is_no_neighbour() -> None:
    """Its mean would be 0, next to which features of small size lie."""
    whole = blobs(80, 0, "train")
    rows = whole.columns["labels"] != 2
    data = Examples(
        [i for i, kept in zip(whole.ids, rows, strict=True) if kept], {n: c[rows] for n, c in whole.columns.items()}
    )
    model = Mahalanobis(Network(width=5))
    model.fit(lambda _: data, Context())
    assert model.seen.tolist() == [True, True, False]
    model.means[2] = model._last.features(torch.zeros(1, 2))[0][0]
    assert float(model.uncertainty(torch.zeros(1, 2))["mahalanobis"]) > 0.01


def test_a_model_without_features_does_not_fit() -> None:
    with pytest.raises(NotApplicable, match="mahalanobis needs a network"):
        Mahalanobis(torch.nn.Flatten())
