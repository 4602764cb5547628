"""Gaussians and mixtures as models: fitting, storing, conditions, and the two ways to sample them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_digits
from torch import Tensor

from harness.api import Conditional, Context, Examples, HarnessError, NotApplicable, SampleBatch
from harness_generative.models.exact_models import Gaussian, GaussianMixture
from harness_generative.sampling.samplers import DPMpp2M, Heun

Model = Gaussian | GaussianMixture


def digits(split: str) -> Examples:
    raw = load_digits()
    inputs = (raw.images / 16).astype(np.float32)[:, None]
    return Examples([str(i) for i in range(len(inputs))], {"inputs": inputs, "labels": raw.target})


def fitted(model: Model, seed: int = 0) -> Model:
    model.fit(digits, Context(seed=seed))
    return model


def noise(n: int, shape: Sequence[int] = (1, 8, 8)) -> Tensor:
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(1))


MAKERS: list[Callable[[], Model]] = [
    Gaussian,
    lambda: Gaussian(conditional=True),
    GaussianMixture,
    lambda: GaussianMixture(conditional=True),
    lambda: GaussianMixture(30, "diag"),
]


def test_a_gaussian_has_the_moments_of_the_data() -> None:
    model = fitted(Gaussian(regularisation=0.01))
    images = 2 * digits("train").columns["inputs"].reshape(-1, 64).astype(np.float64) - 1
    assert np.allclose(model.means.numpy().reshape(64), images.mean(0), atol=1e-6)
    axes, variances = model.axes[0].double().numpy(), model.variances[0].double().numpy()
    centred = images - images.mean(0)
    assert np.allclose(axes * variances @ axes.T, centred.T @ centred / len(images) + 0.01 * np.eye(64), atol=1e-5)


def test_one_pass_of_a_gaussian_is_an_affine_map_of_the_noise() -> None:
    model = fitted(Gaussian())
    model.decode = lambda x: x  # type: ignore[method-assign]
    made = model.generate(noise(3), None)
    root = model.axes[0] * model.variances[0].sqrt()
    expected = noise(3).flatten(1) @ root.T + model.means.flatten()
    assert torch.allclose(made.flatten(1), expected, atol=1e-4)


@pytest.mark.parametrize("make", MAKERS)
def test_the_state_survives_storage(make: Callable[[], Model], tmp_path: Path) -> None:
    model = fitted(make())
    assert all(value.isfinite().all() for value in model.state_dict().values())
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, tmp_path / "w.safetensors")
    again = make()
    assert again.latent_shape == ()
    again.load_state_dict(load_file(tmp_path / "w.safetensors"))
    assert again.latent_shape == (1, 8, 8)
    assert torch.equal(again.generate(noise(5), None), model.generate(noise(5), None))
    level = torch.full((5,), 0.7)
    assert torch.equal(again.denoise(noise(5), level, None), model.denoise(noise(5), level, None))


def test_fitting_is_a_function_of_the_seed() -> None:
    first, again, other = (fitted(GaussianMixture(5, "diag"), seed).means for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("make", MAKERS)
def test_samples_are_images_in_the_box(make: Callable[[], Model]) -> None:
    made = fitted(make()).generate(noise(40), None)
    assert made.shape == (40, 1, 8, 8)
    assert made.dtype == torch.float32
    assert (float(made.min()), float(made.max())) == (0.0, 1.0)


def test_encoding_and_decoding() -> None:
    model = Gaussian()
    assert model.encode(torch.tensor([0.0, 0.25, 1.0])).tolist() == [-1.0, -0.5, 1.0]
    assert model.decode(torch.tensor([-1.0, -0.5, 1.0])).tolist() == [0.0, 0.25, 1.0]
    assert model.decode(torch.tensor([-3.0, 2.0])).tolist() == [0.0, 1.0]


def test_only_a_conditional_model_can_be_asked() -> None:
    assert not isinstance(Gaussian(), Conditional)
    assert not isinstance(GaussianMixture(), Conditional)
    assert isinstance(Gaussian(conditional=True), Conditional)
    model = fitted(GaussianMixture(20, conditional=True))
    assert model.encode_conditions([3, np.int64(0)]).tolist() == [3, 0]
    for wrong in (10, -1, "3", "a seven", 1.5, None):
        with pytest.raises(NotApplicable, match="can be asked for the classes"):
            model.encode_conditions([0, wrong])


def test_components_are_shared_out_among_the_classes() -> None:
    model = fitted(GaussianMixture(25, "spherical", conditional=True))
    assert torch.bincount(model.classes).tolist() == [3] * 10
    weights = model.log_weights.exp()
    shares = np.bincount(digits("train").columns["labels"]) / 1797
    assert torch.zeros(10).index_add(0, model.classes, weights).tolist() == pytest.approx(shares, abs=1e-5)


@pytest.mark.parametrize("draw", ["one pass", "heun", "guided"])
def test_a_class_that_is_asked_for_is_drawn(draw: str) -> None:
    """Judged by the nearest class mean, which is right for 9 of 10 real digits."""
    data = digits("train")
    images, labels = data.columns["inputs"].reshape(-1, 64), data.columns["labels"]
    means = torch.tensor(np.array([images[labels == label].mean(0) for label in range(10)]))
    model = fitted(GaussianMixture(20, conditional=True))
    asked = torch.arange(200) % 10
    ids = [f"sample-{i}" for i in range(200)]
    if draw == "one pass":
        made = model.generate(noise(200), asked)
    else:
        sampler = Heun(steps=10, guidance=2.0 if draw == "guided" else 1.0)
        made = sampler.sample(model, SampleBatch(ids, noise(200), asked), Context())
    seen = torch.cdist(made.flatten(1), means).argmin(1)
    assert float((seen == asked).float().mean()) > 0.85


def test_both_ways_of_sampling_have_the_moments_of_the_mixture() -> None:
    """One pass is exact; DPM-Solver++ with 40 steps follows the flow to the same distribution."""
    model = fitted(GaussianMixture(5))
    model.decode = lambda x: x  # type: ignore[method-assign]
    weights, means = model.log_weights.exp(), model.means.flatten(1)
    mean = weights @ means
    variance = weights @ (model.variances.sum(1) + ((means - mean) ** 2).sum(1))
    ids = [f"sample-{i}" for i in range(1000)]
    once = model.generate(noise(1000), None).flatten(1)
    stepwise = DPMpp2M(steps=40).sample(model, SampleBatch(ids, noise(1000), None), Context()).flatten(1)
    for made in (once, stepwise):
        # The standard error of a pixel's mean is at most 0.03; that of the total variance was measured as 1.3 %.
        assert float((made.mean(0) - mean).abs().max()) < 0.12
        assert float(made.var(0).sum() / variance) == pytest.approx(1, abs=0.05)


def test_a_sample_does_not_depend_on_its_batch() -> None:
    model = fitted(GaussianMixture(10))
    whole = model.generate(noise(64), None)
    assert torch.allclose(torch.cat([model.generate(part, None) for part in noise(64).split(7)]), whole, atol=1e-5)
    sampler = Heun(steps=6, s_churn=2.0)
    ids = [f"sample-{i}" for i in range(64)]

    def in_batches_of(size: int) -> Tensor:
        parts = [SampleBatch(ids[i : i + size], noise(64)[i : i + size]) for i in range(0, 64, size)]
        return torch.cat([sampler.sample(model, part, Context()) for part in parts])

    whole = in_batches_of(64)
    assert torch.allclose(in_batches_of(7), whole, atol=1e-5)
    assert torch.allclose(in_batches_of(1), whole, atol=1e-5)


def test_extreme_noise_gives_finite_samples() -> None:
    model = fitted(GaussianMixture(conditional=True))
    extreme = torch.tensor([-40.0, -9.0, 9.0, 40.0])[:, None, None, None].expand(4, 1, 8, 8)
    assert model.generate(extreme, torch.tensor([0, 9, 0, 9])).isfinite().all()
    for sigma in (1e-3, 1e4):
        assert model.denoise(extreme, torch.full((4,), sigma), None).isfinite().all()


def few(split: str) -> Examples:
    return Examples(["a"], {"inputs": np.zeros((1, 1, 2, 2), np.float32)})


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (Gaussian(), "single image"),
        (Gaussian(conditional=True), "needs labels"),
        (GaussianMixture(20), "20 Gaussians cannot be fitted to 1 images"),
    ],
)
def test_what_cannot_be_fitted(model: Model, told: str) -> None:
    with pytest.raises(HarnessError, match=told):
        model.fit(few, Context())
