"""Closed-form models of functions against scikit-learn and statsmodels, and what they state beyond their data."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.api import Context, Dataset
from harness_capacity.data.function import function
from harness_capacity.models.gaussian_process import GaussianProcess
from harness_capacity.models.least_squares import LeastSquares

AT = torch.linspace(-0.5, 2.5, 40)[:, None]


def columns(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    taken = data.take(range(len(data.ids)))
    return np.asarray(taken["inputs"], dtype=np.float64), np.asarray(taken["targets"])


def test_the_gaussian_process_is_that_of_scikit_learn() -> None:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    data = function("runge", split="train", n=20)
    inputs, targets = columns(data)
    model = GaussianProcess(length=0.15, signal=3.0, noise=1e-3)
    model.fit(lambda split: data, Context())
    scale = targets.var()
    # The range is 2 wide; scikit-learn leaves the noise out of the deviation.
    kernel = ConstantKernel(3.0 * scale) * RBF(0.3)
    other = GaussianProcessRegressor(kernel, alpha=1e-3 * scale, optimizer=None).fit(inputs, targets - targets.mean())
    mean, deviation = other.predict(AT.double().numpy(), return_std=True)
    found = model.predict(AT)
    assert found.deviation is not None
    assert np.allclose(found.mean.numpy(), mean + targets.mean(), atol=1e-8)
    assert np.allclose(found.deviation.numpy(), np.sqrt(deviation**2 + 1e-3 * scale), atol=1e-8)


def test_its_likelihood_ranks_length_scales_as_that_of_scikit_learn() -> None:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    from harness_capacity.models.gaussian_process import _likelihoods

    data = function("sine", split="train", n=20)
    inputs, targets = columns(data)
    centred = targets - targets.mean()
    ours, theirs = [], []
    for length in (0.05, 0.1, 0.3, 1.0):
        (one,) = _likelihoods(torch.from_numpy(inputs), torch.from_numpy(centred), length, [2.0], 1e-4)
        ours.append(one[0])
        kernel = ConstantKernel(2.0) * RBF(length)
        fit = GaussianProcessRegressor(kernel, alpha=1e-4, optimizer=None).fit(inputs, centred)
        theirs.append(fit.log_marginal_likelihood_value_ + len(centred) / 2 * np.log(2 * np.pi))
    assert ours == pytest.approx(theirs, abs=1e-5)


def test_the_straight_line_and_its_deviation_are_those_of_statsmodels() -> None:
    import statsmodels.api as sm

    data = function("square_root", split="train", n=12)
    inputs, targets = columns(data)
    model = LeastSquares("linear")
    model.fit(lambda split: data, Context())
    fit = sm.OLS(targets, sm.add_constant(inputs)).fit()
    reference = fit.get_prediction(sm.add_constant(AT.double().numpy()))
    found = model.predict(AT)
    assert found.deviation is not None
    assert np.allclose(found.mean.numpy(), reference.predicted_mean, atol=1e-10)
    assert np.allclose(found.deviation.numpy(), reference.se_obs, atol=1e-10)


def test_a_gaussian_process_covers_the_sine_beyond_its_range() -> None:
    model = GaussianProcess()
    model.fit(lambda split: function("sine", split="train"), Context())
    regions = {}
    for split in ("test", "outside"):
        inputs, targets = columns(function("sine", split=split))  # type: ignore[arg-type]
        made = model.predict(torch.from_numpy(inputs))
        assert made.deviation is not None
        covered = np.abs(made.mean.numpy() - targets) <= 1.96 * made.deviation.numpy()
        regions[split] = (float(covered.mean()), float(made.deviation.mean()))
    assert regions["test"][0] == regions["outside"][0] == 1.0
    assert regions["outside"][1] > 100 * regions["test"][1]
