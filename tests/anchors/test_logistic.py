"""Logistic regression against scikit-learn's, plain and with weights of groups."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from harness.api import Context, Examples
from harness_fairness.models.mitigation import TrainingGroups
from harness_fairness.models.tabular import Logistic


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("mitigation", ["none", "reweighting"])
def test_the_same_coefficients(mitigation: str, classes: int) -> None:
    """scikit-learn has one row of coefficients for two classes; here they are the difference of the two."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4)).astype(np.float32)
    y = (x @ rng.normal(size=(4, classes)) + rng.gumbel(size=(300, classes))).argmax(axis=1)
    data = Examples(
        [str(i) for i in range(300)],
        {"inputs": x, "labels": y},
        {"g": ["small" if i % 10 == 0 else "large" for i in range(300)]},
        {"classes": list("abc")[:classes]},
    )
    ours = Logistic(strength=0.5, mitigation=mitigation, group="g")  # type: ignore[arg-type]
    ours.fit(lambda split: data, Context())
    weights = TrainingGroups.of(data, "g", "reweighting").weights.numpy() if mitigation != "none" else None
    theirs = LogisticRegression(C=0.5, tol=1e-10, max_iter=2000).fit(x.astype(np.float64), y, sample_weight=weights)
    (layer,) = ours.network
    rows = layer.weight.detach().numpy()
    assert (rows if classes > 2 else rows[1:] - rows[:1]) == pytest.approx(theirs.coef_, abs=1e-4)
    with torch.no_grad():
        assert ours(torch.tensor(x)).softmax(dim=1).numpy() == pytest.approx(theirs.predict_proba(x), abs=1e-4)
