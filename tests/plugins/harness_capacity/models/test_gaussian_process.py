"""Gaussian processes: through the points, back to the mean far from them, and kept whole in the store."""

from __future__ import annotations

import numpy as np
import torch

from harness.api import Context
from harness_capacity.data.function import function
from harness_capacity.models.gaussian_process import GaussianProcess


def fitted(**how: float) -> GaussianProcess:
    model = GaussianProcess(**how)  # type: ignore[arg-type]
    model.fit(lambda split: function("sine", split="train", n=16), Context())
    return model


def test_it_goes_through_the_points_and_far_away_is_the_process_itself() -> None:
    model = fitted(length=0.2, signal=4.0)
    training = function("sine", split="train", n=16)
    near = model.predict(torch.as_tensor(training.columns["inputs"]))
    assert np.allclose(near.mean.numpy(), training.columns["targets"], atol=1e-3)
    far = model.predict(torch.tensor([[50.0]]))
    assert far.deviation is not None
    assert near.deviation is not None
    assert np.isclose(far.mean.item(), training.columns["targets"].mean())
    assert np.isclose(far.deviation.item() ** 2, (4.0 + 1e-6) * training.columns["targets"].var())
    assert float(near.deviation.max()) < 0.01 * far.deviation.item()


def test_a_process_of_other_size_takes_its_weights() -> None:
    model, other = fitted(), GaussianProcess()
    other.load_state_dict(model.state_dict())
    at = torch.tensor([[0.3], [1.4]])
    assert torch.equal(model.predict(at).mean, other.predict(at).mean)
