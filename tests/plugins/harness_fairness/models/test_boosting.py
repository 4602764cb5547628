"""Boosted trees as tensors against scikit-learn's own predictions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

from harness.api import Context, Examples
from harness_fairness.models.boosting import GradientBoosting

SEED = Context(seed=0).derive_seed("trees") % 2**31


@pytest.mark.parametrize("k", [2, 4])
def test_the_same_logits_as_scikit_learn(k: int) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 5)).astype(np.float32), rng.integers(0, k, 200)
    data = Examples([str(i) for i in range(200)], {"inputs": x, "labels": y}, facts={"classes": list("abcd")[:k]})
    ours = GradientBoosting(trees=12, depth=3)
    ours.fit(lambda split: data, Context(seed=0))
    theirs = GradientBoostingClassifier(n_estimators=12, max_depth=3, init="zero", random_state=SEED).fit(x, y)
    expected = theirs.decision_function(x)
    logits = ours(torch.tensor(x)).numpy()
    if k == 2:
        assert logits[:, 1] - logits[:, 0] == pytest.approx(expected, abs=1e-6)
    else:
        assert logits == pytest.approx(expected, abs=1e-6)
    assert np.array_equal(logits.argmax(1), theirs.predict(x))


def test_the_same_numbers_as_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 4)).astype(np.float32)
    y = x[:, 0] ** 2 * 50 + 300 + rng.normal(size=200)
    data = Examples([str(i) for i in range(200)], {"inputs": x, "targets": y})
    ours = GradientBoosting(trees=30, depth=2)
    ours.fit(lambda split: data, Context(seed=0))
    theirs = GradientBoostingRegressor(n_estimators=30, max_depth=2, init="zero", random_state=SEED)
    theirs.fit(x, (y - y.mean()) / y.std())
    expected = theirs.predict(x) * y.std() + y.mean()
    assert ours.predict(torch.tensor(x)).mean.numpy() == pytest.approx(expected, rel=1e-9)


def test_a_class_that_training_never_showed_is_never_predicted() -> None:
    x = np.array([[0.0], [1.0], [2.0], [3.0]], dtype=np.float32)
    data = Examples(list("abcd"), {"inputs": x, "labels": np.array([0, 0, 2, 2])}, facts={"classes": list("xyz")})
    model = GradientBoosting(trees=5)
    model.fit(lambda split: data, Context())
    logits = model(torch.tensor(x))
    assert logits.argmax(1).tolist() == [0, 0, 2, 2]
    assert logits[:, 1].tolist() == [-30.0] * 4
