"""The diffusion model that is asked in words: its interface, what hides a prompt, and what it learns."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.api import Conditional, Context, Examples, HarnessError, NotApplicable, SampleBatch, Trainable
from harness_generative.sampling.samplers import Heun
from harness_generative.text.digit_canvas import digit_canvas
from harness_generative.text.encoder import tokenised
from harness_generative.text.model import TextEDM

READINGS = ("words", "summary")
every = pytest.mark.parametrize("reading", READINGS)


@cache
def few(split: str) -> Examples:
    return digit_canvas(split, size=64)  # type: ignore[arg-type]


def fitted(reading: str, seed: int = 0, steps: int = 3, **how: object) -> TextEDM:
    torch.manual_seed(0)
    model = TextEDM(reading, steps=steps, channels=4, batch=16, word_width=8, **how)  # type: ignore[arg-type]
    model.fit(few, Context(seed=seed))
    return model.requires_grad_(False)


def noisy(n: int) -> tuple[Tensor, Tensor]:
    return torch.randn(n, 1, 8, 16, generator=torch.Generator().manual_seed(0)), torch.linspace(0.05, 15.0, n)


@every
def test_it_can_be_asked_in_words(reading: str) -> None:
    model = fitted(reading)
    assert isinstance(model, Conditional)
    assert isinstance(model, Trainable)
    assert model.latent_shape == (1, 8, 16)
    x, sigma = noisy(4)
    asked = model.encode_conditions(["a one", "two sixes", "a three and a five", "the digit eight"])
    nothing = model.denoise(x, sigma, None)
    assert torch.equal(model.denoise(x, sigma, model.encode_conditions([None] * 4)), nothing)
    assert not torch.allclose(model.denoise(x, sigma, asked), nothing, atol=1e-6)
    for wrong in (["a zebra"], [7]):
        with pytest.raises(NotApplicable):
            model.encode_conditions(wrong)


@every
def test_training_depends_on_the_context_alone(reading: str) -> None:
    first, again, other = fitted(reading), fitted(reading), fitted(reading, seed=1)
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name])
        assert weight.isfinite().all()
    assert any(not torch.equal(weight, other.state_dict()[name]) for name, weight in first.state_dict().items())


@every
def test_stored_weights_give_the_same_model(reading: str) -> None:
    model = fitted(reading)
    fresh = TextEDM(reading, channels=4, word_width=8).eval()  # type: ignore[arg-type]
    fresh.load_state_dict(model.state_dict())
    x, sigma = noisy(2)
    asked = tokenised(["a one and a nine", None])
    with torch.no_grad():
        assert torch.equal(fresh.denoise(x, sigma, asked), model.denoise(x, sigma, asked))


@every
def test_rows_are_denoised_on_their_own(reading: str) -> None:
    model = fitted(reading)
    x, sigma = noisy(16)
    asked = model.encode_conditions(few("held_out").columns["prompts"][:16])
    together = model.denoise(x, sigma, asked)
    apart = torch.cat([model.denoise(x[i : i + 8], sigma[i : i + 8], asked[i : i + 8]) for i in (0, 8)])
    assert torch.allclose(together, apart, atol=1e-5)
    assert torch.allclose(together[3:4], model.denoise(x[3:4], sigma[3:4], asked[3:4]), atol=1e-5)


@every
def test_a_model_whose_prompts_were_all_hidden_knows_no_words(reading: str) -> None:
    """What it learns does not depend on the prompts; with some of them shown it does."""

    def otherwise(split: str) -> Examples:
        data = few(split)
        return Examples(data.ids, {**data.columns, "prompts": ["just a nine"] * 64}, facts=data.facts)

    def trained(data: Callable[[str], Examples], label_drop: float) -> dict[str, Tensor]:
        torch.manual_seed(0)
        model = TextEDM(reading, steps=3, channels=4, batch=16, word_width=8, label_drop=label_drop)  # type: ignore[arg-type]
        model.fit(data, Context())
        return model.state_dict()

    hidden, also_hidden = (trained(data, 1.0) for data in (few, otherwise))
    assert all(torch.equal(weight, also_hidden[name]) for name, weight in hidden.items())
    shown, others_shown = (trained(data, 0.5) for data in (few, otherwise))
    assert any(not torch.equal(weight, others_shown[name]) for name, weight in shown.items())


def test_dropping_hides_the_prompt_of_the_rows_that_it_names_and_no_other() -> None:
    for reading in READINGS:
        tokens = tokenised(["two sixes", "a one", "an eight left of a zero"])
        left = TextEDM(reading, channels=4)._dropped(tokens, torch.tensor([True, False, True]))  # type: ignore[arg-type]
        assert torch.equal(left, tokenised([None, "a one", None]))


def test_guidance_goes_beyond_what_the_words_change() -> None:
    """With guidance w a step goes along nothing + w (asked - nothing), so w = 0 asks for nothing."""
    model = fitted("words", steps=30)
    noise, _ = noisy(8)
    asked = model.encode_conditions(["two sixes"] * 8)

    def sampled(guidance: float, conditions: Tensor | None) -> Tensor:
        batch = SampleBatch([f"s{i}" for i in range(8)], noise, conditions)
        return Heun(steps=3, guidance=guidance).sample(model, batch, Context())

    plain, unasked = sampled(1.0, asked), sampled(1.0, None)
    assert not torch.allclose(plain, unasked, atol=1e-4)
    assert (sampled(4.0, asked) - unasked).norm() > (plain - unasked).norm()


def test_training_lowers_the_loss() -> None:
    torch.manual_seed(0)
    model = TextEDM(steps=75, channels=8, batch=16, word_width=8, learning_rate=5e-3)
    data = few("train").columns
    losses = model.fit_to(torch.as_tensor(data["inputs"]), tokenised(data["prompts"]), Context())
    assert len(losses) == 3
    assert losses[-1] < 0.9 * losses[0]


def test_data_of_another_kind_are_refused() -> None:
    wordless = few("train")
    columns = {name: column for name, column in wordless.columns.items() if name != "prompts"}
    with pytest.raises(HarnessError, match="learns from prompts, its training data have only inputs, labels"):
        TextEDM(channels=4).fit(lambda split: Examples(wordless.ids, columns), Context())
    small = Examples(["a"], {"inputs": np.zeros((1, 1, 8, 8), np.float32), "prompts": ["a one"]})
    with pytest.raises(HarnessError, match=r"shape \[1, 8, 16\], its training data have \[1, 8, 8\]"):
        TextEDM(channels=4).fit(lambda split: small, Context())


@pytest.mark.extended
def test_words_help_to_denoise() -> None:
    """After 400 steps the right prompt leaves less error at much noise than none, and none less than a wrong one."""
    torch.manual_seed(0)
    model = TextEDM(steps=400, batch=32)
    model.fit(digit_canvas, Context())
    data = digit_canvas(size=550)
    clean = model.encode(torch.as_tensor(data.columns["inputs"]))
    sigma = torch.full((len(clean),), 2.0)
    x = clean + 2.0 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    prompts = data.columns["prompts"]
    with torch.no_grad():
        right, none, wrong = (
            float((model.denoise(x, sigma, model.encode_conditions(asked)) - clean).square().mean())
            for asked in (prompts, [None] * len(prompts), prompts[1:] + prompts[:1])
        )
    print(f"mean squared error: {right:.3f} asked rightly, {none:.3f} unasked, {wrong:.3f} asked wrongly")
    assert right < 0.97 * none
    assert none < wrong
