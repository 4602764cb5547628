"""EDM and DDPM: their interface, and what training may depend on."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.api import Conditional, Context, Examples, HarnessError, NotApplicable, Trainable
from harness_generative.diffusion.conditions import ConditionEmbedding
from harness_generative.diffusion.losses import EDMWeight
from harness_generative.diffusion.model import DiffusionModel
from harness_generative.diffusion.networks import UNet
from harness_generative.diffusion.preconditioning import EDMPreconditioning
from harness_generative.diffusion.schedules import LogNormalNoise
from harness_generative.diffusion.training import Training
from harness_generative.models.diffusion_models import DDPM, EDM
from harness_vision.digits import digits

BUILD: dict[str, Callable[..., EDM | DDPM]] = {
    "edm": EDM,
    "edm mlp": lambda **how: EDM(network="mlp", **how),
    "ddpm": DDPM,
    "ddpm mlp": lambda **how: DDPM(network="mlp", **how),
}
every = pytest.mark.parametrize("kind", list(BUILD))


def fitted(kind: str, seed: int = 0, steps: int = 4, **how: object) -> EDM | DDPM:
    torch.manual_seed(0)
    model = BUILD[kind](steps=steps, channels=8, batch=16, **how)
    model.fit(digits, Context(seed=seed))
    return model


def noisy(model: DiffusionModel, n: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, *model.latent_shape, generator=generator), torch.linspace(0.05, 15.0, n)


@every
def test_training_depends_on_the_context_alone(kind: str) -> None:
    before = torch.manual_seed(0).get_state()
    first = fitted(kind)
    torch.manual_seed(0)
    BUILD[kind](steps=4, channels=8, batch=16)
    after_building = torch.get_rng_state()
    again, other = fitted(kind), fitted(kind, seed=1)
    assert torch.equal(torch.get_rng_state(), after_building)
    assert not torch.equal(before, after_building)
    for name, weight in first.state_dict().items():
        assert weight.isfinite().all()
        assert weight.dtype == torch.float32
        assert torch.equal(weight, again.state_dict()[name])
    assert any(not torch.equal(w, other.state_dict()[name]) for name, w in first.state_dict().items())


@every
def test_rows_are_denoised_on_their_own(kind: str) -> None:
    model = fitted(kind)
    x, sigma = noisy(model, 16)
    conditions = model.encode_conditions([i % 10 for i in range(16)])
    with torch.no_grad():
        together = model.denoise(x, sigma, conditions)
        apart = torch.cat([model.denoise(x[i : i + 8], sigma[i : i + 8], conditions[i : i + 8]) for i in (0, 8)])
        alone = model.denoise(x[3:4], sigma[3:4], conditions[3:4])
    assert torch.allclose(together, apart, atol=1e-5)
    assert torch.allclose(together[3:4], alone, atol=1e-5)


@every
def test_a_model_can_be_asked_for_classes_and_for_nothing(kind: str) -> None:
    model = fitted(kind, steps=20)
    assert isinstance(model, Conditional)
    assert isinstance(model, Trainable)
    x, sigma = noisy(model, 8)
    asked = model.encode_conditions([3] * 4 + list(np.arange(4)))
    assert asked.dtype == torch.int64
    with torch.no_grad():
        unconditional = model.denoise(x, sigma, None)
        assert torch.equal(model.denoise(x, sigma, model.encode_conditions([None] * 8)), unconditional)
        assert not torch.equal(model.denoise(x, sigma, asked), unconditional)
    for wrong in ([10], [-1], ["a three"], [1.5], [True]):
        with pytest.raises(NotApplicable, match="classes from 0 to 9"):
            model.encode_conditions(wrong)


@every
def test_an_unconditional_model_cannot_be_asked(kind: str) -> None:
    model = fitted(kind, conditional=False)
    assert not isinstance(model, Conditional)
    x, sigma = noisy(model, 8)
    with torch.no_grad():
        assert model.denoise(x, sigma, None).shape == x.shape


@every
def test_x_may_have_double_precision(kind: str) -> None:
    model = fitted(kind)
    x, sigma = noisy(model, 8)
    with torch.no_grad():
        single, double = model.denoise(x, sigma, None), model.denoise(x.double(), sigma.double(), None)
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    assert torch.allclose(single, double.float(), atol=1e-4)


def test_images_are_coded_and_decoded() -> None:
    model = EDM(channels=4)
    images = torch.tensor(digits("test").columns["inputs"][:5])
    latents = model.encode(images)
    assert (latents.min().item(), latents.max().item()) == (-1.0, 1.0)
    assert torch.allclose(model.decode(latents), images)
    assert model.decode(torch.tensor([-3.0, 3.0])).tolist() == [0.0, 1.0]


def test_noise_ranges_are_those_of_training() -> None:
    assert EDM(channels=4).sigma_range == (0.02, 20.0)
    low, high = DDPM(channels=4).sigma_range
    assert low == pytest.approx(0.01, rel=1e-3)
    assert high == pytest.approx(157.4, rel=1e-3)


def test_at_little_noise_an_untrained_edm_returns_what_it_was_given() -> None:
    """c_skip tends to 1 and c_out to 0."""
    model = EDM(channels=4)
    x, _ = noisy(model, 8)
    with torch.no_grad():
        assert torch.allclose(model.denoise(x, torch.full((8,), 1e-4), None), x, atol=1e-3)


def test_training_reports_its_progress_and_lowers_the_loss() -> None:
    told: list[tuple[int, int]] = []
    torch.manual_seed(0)
    model = EDM(channels=8, steps=110)
    data = digits("train")
    inputs, labels = (torch.as_tensor(data.columns[name]) for name in ("inputs", "labels"))
    losses = model.fit_to(inputs, labels, Context(progress=lambda done, total: told.append((done, total))))
    assert told == [(25, 110), (50, 110), (75, 110), (100, 110), (110, 110)]
    assert losses[-1] < 0.9 * losses[0]


def test_data_of_another_kind_are_refused() -> None:
    wide = Examples(["a"], {"inputs": np.zeros((1, 1, 8, 16), np.float32), "labels": np.zeros(1, np.int64)})
    with pytest.raises(HarnessError, match=r"shape \[1, 8, 8\], its training data have \[1, 8, 16\]"):
        EDM(channels=4).fit(lambda split: wide, Context())
    shifted = Examples(wide.ids, wide.columns, facts={"box": [-1.0, 1.0]})
    with pytest.raises(HarnessError, match=r"\[-1, 1\]"):
        EDM(channels=4, shape=(1, 8, 16)).fit(lambda split: shifted, Context())
    with pytest.raises(HarnessError, match="knows 3 classes, its training data have label 9"):
        EDM(channels=4, classes=3).fit(digits, Context())
    with pytest.raises(ValueError, match="cannot be halved"):
        EDM(shape=(1, 9, 8))


class _Words(ConditionEmbedding):
    """The mean of the vectors of a prompt's words."""

    def __init__(self, width: int) -> None:
        super().__init__(torch.zeros(3, dtype=torch.int64))
        self.table = nn.Embedding(5, width)

    def forward(self, conditions: Tensor) -> Tensor:
        embedded: Tensor = self.table(conditions).mean(dim=1)
        return embedded


def test_other_conditions_and_other_images_need_an_embedding_only() -> None:
    network = UNet((3, 8, 16), channels=4, multipliers=(1, 2, 2), embedding=8, conditions=_Words(8))
    training = Training(LogNormalNoise(), EDMWeight(), steps=3, batch=4, label_drop=0.5)
    model = DiffusionModel(network, (3, 8, 16), EDMPreconditioning(), training, (0.02, 20.0))
    prompts = torch.randint(1, 5, (10, 3))
    losses = model.fit_to(torch.rand(10, 3, 8, 16), prompts, Context())
    assert np.isfinite(losses).all()
    x, sigma = noisy(model, 8)
    with torch.no_grad():
        nothing = model.denoise(x, sigma, torch.zeros(8, 3, dtype=torch.int64))
        assert torch.equal(model.denoise(x, sigma, None), nothing)
        assert not torch.equal(model.denoise(x, sigma, prompts[:8]), nothing)


def test_dropped_conditions_ask_for_nothing() -> None:
    embedding = _Words(8)
    prompts = torch.tensor([[1, 2, 3], [4, 4, 4]])
    assert embedding.drop(prompts, torch.tensor([False, True])).tolist() == [[1, 2, 3], [0, 0, 0]]


@pytest.mark.extended
def test_edm_draws_the_digits_it_is_asked_for() -> None:
    """Judged by a support vector machine on pixels, right for 98 % of held-out digits."""
    from sklearn.svm import SVC

    train = digits("train")
    judge = SVC().fit(train.columns["inputs"].reshape(-1, 64), train.columns["labels"])
    torch.manual_seed(0)
    model = EDM(steps=600, batch=32)
    model.fit(digits, Context(seed=0))
    asked = [i % 10 for i in range(200)]
    samples = heun(model, model.encode_conditions(asked))
    verdicts = judge.predict(samples.reshape(-1, 64).numpy())
    assert (verdicts == np.array(asked)).mean() > 0.8


@torch.no_grad()
def heun(model: EDM, conditions: Tensor, steps: int = 12) -> Tensor:
    """Karras et al. 2022, algorithm 1."""
    low, high = model.sigma_range
    powers = torch.linspace(high ** (1 / 7), low ** (1 / 7), steps)
    sigmas = [*(powers**7).tolist(), 0.0]
    n = len(conditions)
    x = high * torch.randn(n, *model.latent_shape, generator=torch.Generator().manual_seed(0))
    for sigma, after in pairwise(sigmas):
        slope = (x - model.denoise(x, torch.full((n,), sigma), conditions)) / sigma
        ahead = x + (after - sigma) * slope
        if after:
            slope = (slope + (ahead - model.denoise(ahead, torch.full((n,), after), conditions)) / after) / 2
        x = x + (after - sigma) * slope
    return model.decode(x)
