"""The denoisers of Gaussians and their mixtures against the score of an independent density and against quadrature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from harness.api import Context, Examples
from harness_generative.models.exact_models import Covariance, Gaussian, GaussianMixture


def blobs(split: str) -> Examples:
    """Images of 1 x 2 x 2 in two classes, each of two shapes."""
    rng = np.random.default_rng(3)
    shapes = rng.uniform(0.2, 0.8, (4, 4))
    which = rng.integers(0, 4, 400)
    mixing = rng.normal(0, 0.06, (4, 4, 4))
    images = shapes[which] + np.einsum("nij,nj->ni", mixing[which], rng.normal(size=(400, 4)))
    inputs = images.clip(0, 1).astype(np.float32).reshape(-1, 1, 2, 2)
    return Examples([f"blob-{i}" for i in range(400)], {"inputs": inputs, "labels": which // 2})


def fitted(model: Gaussian | GaussianMixture) -> Gaussian | GaussianMixture:
    model.fit(blobs, Context())
    return model.double()


def density(model: Gaussian | GaussianMixture, sigma: float, label: int | None = None) -> MixtureSameFamily:
    """The density of y + sigma n, from the state of the model, by another library."""
    wanted = torch.ones(len(model.classes), dtype=torch.bool) if label is None else model.classes == label
    axes = model.axes if len(model.axes) else torch.eye(4, dtype=torch.float64).expand(len(model.means), 4, 4)
    covariances = axes @ torch.diag_embed(model.variances + sigma**2) @ axes.transpose(1, 2)
    return MixtureSameFamily(
        Categorical(logits=model.log_weights[wanted]),
        # The axes are stored in single precision, in which they are symmetric up to round-off.
        MultivariateNormal(model.means.flatten(1)[wanted], covariances[wanted]),
    )


MODELS: dict[str, Callable[[], Gaussian | GaussianMixture]] = {
    "gaussian": Gaussian,
    "gaussian by class": lambda: Gaussian(conditional=True),
    "full": lambda: GaussianMixture(6, "full"),
    "tied": lambda: GaussianMixture(6, "tied"),
    "diag": lambda: GaussianMixture(6, "diag"),
    "spherical": lambda: GaussianMixture(6, "spherical"),
    "full by class": lambda: GaussianMixture(6, "full", conditional=True),
    "diag by class": lambda: GaussianMixture(6, "diag", conditional=True),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("sigma", [0.05, 0.5, 5.0])
def test_the_denoiser_follows_the_score(name: str, sigma: float) -> None:
    """Tweedie's formula, Karras et al. 2022, equation 3: D = x + sigma^2 grad log p(x; sigma)."""
    model = fitted(MODELS[name]())
    # Axes and variances were rounded to float32, and x of a size of 3 sigma is multiplied by them some eight times.
    rounding = 8 * torch.finfo(torch.float32).eps * max(1.0, 3 * sigma)
    generator = torch.Generator().manual_seed(1)
    x = sigma * torch.randn(20, 1, 2, 2, dtype=torch.float64, generator=generator)
    for label in (None, 0, 1) if hasattr(model, "encode_conditions") else (None,):
        flat = x.flatten(1).requires_grad_(True)
        (score,) = torch.autograd.grad(density(model, sigma, label).log_prob(flat).sum(), flat)
        conditions = None if label is None else torch.full((20,), label)
        made = model.denoise(x, torch.full((20,), sigma, dtype=torch.float64), conditions)
        assert torch.allclose(made.flatten(1), flat.detach() + sigma**2 * score, atol=rounding)


@pytest.mark.parametrize("sigma", [0.1, 1.0])
def test_the_denoiser_is_the_mean_of_the_data_given_x(sigma: float) -> None:
    """By quadrature over y for images of one pixel."""
    model = GaussianMixture(3)
    model.double().load_state_dict(
        {
            "means": torch.tensor([-0.7, 0.1, 0.6], dtype=torch.float64).reshape(3, 1, 1, 1),
            "variances": torch.tensor([[0.01], [0.04], [0.09]], dtype=torch.float64),
            "axes": torch.ones(3, 1, 1, dtype=torch.float64),
            "log_weights": torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64).log(),
            "classes": torch.zeros(3, dtype=torch.int64),
        }
    )

    def joint(y: float, x: float) -> float:
        prior = sum(w * stats.norm.pdf(y, m, s) for w, m, s in ((0.2, -0.7, 0.1), (0.5, 0.1, 0.2), (0.3, 0.6, 0.3)))
        return float(prior * stats.norm.pdf(x, y, sigma))

    for x in (-1.0, 0.0, 0.35, 2.0):
        total = integrate.quad(joint, -3, 3, args=(x,), points=[-0.7, 0.1, 0.6], epsabs=1e-12)[0]
        first = integrate.quad(lambda y, x: y * joint(y, x), -3, 3, args=(x,), points=[-0.7, 0.1, 0.6], epsabs=1e-12)[0]
        level = torch.tensor([sigma], dtype=torch.float64)
        made = model.denoise(torch.full((1, 1, 1, 1), x, dtype=torch.float64), level, None)
        assert float(made) == pytest.approx(first / total, abs=1e-8)


@pytest.mark.parametrize("covariance", ["full", "diag"])
def test_one_pass_draws_from_the_mixture(covariance: Covariance) -> None:
    """Shares of the Gaussians by a chi-squared test, and each Gaussian's whitened draws by Kolmogorov and Smirnov."""
    model = fitted(GaussianMixture(5, covariance, regularisation=1e-3))
    noise = torch.randn(20_000, 1, 2, 2, generator=torch.Generator().manual_seed(5)).double()
    drawn, chosen = everything_drawn(model, noise)
    counts = torch.bincount(chosen, minlength=5).numpy()
    assert stats.chisquare(counts, 20_000 * model.log_weights.softmax(0).numpy()).pvalue > 1e-3
    for k in range(5):
        offsets = drawn[chosen == k] - model.means[k].flatten()
        along = offsets @ model.axes[k] if covariance == "full" else offsets
        white = (along / model.variances[k].sqrt()).numpy()
        assert min(stats.kstest(column, "norm").pvalue for column in white.T) > 1e-4
        assert np.abs(np.corrcoef(white.T) - np.eye(4)).max() < 5 / np.sqrt(len(white))


def everything_drawn(model: Gaussian | GaussianMixture, noise: Tensor) -> tuple[Tensor, Tensor]:
    """What is drawn before it is clipped to the box, and from which Gaussian, told by the quantile of the weights."""
    model.decode = lambda x: x  # type: ignore[method-assign]
    drawn = model.generate(noise, None).flatten(1)
    quantile = stats.norm.cdf(noise[:, 0, 0, 0].numpy())
    weights = model.log_weights.exp().numpy()
    chosen = np.searchsorted(np.cumsum(weights / weights.sum()), quantile, side="right")
    return drawn, torch.from_numpy(chosen)
