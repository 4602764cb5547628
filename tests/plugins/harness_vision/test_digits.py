"""The embedded data and the models trained on it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from harness.api import Context, Dataset, Examples, HarnessError
from harness_vision.digit_models import DigitCNN, DigitLinear, DigitMLP
from harness_vision.digits import digits
from harness_vision.training import Recipe, train


def test_the_split_is_fixed() -> None:
    parts = {name: digits(name) for name in ("train", "validation", "test")}  # type: ignore[arg-type]
    assert {name: len(part.ids) for name, part in parts.items()} == {"train": 1078, "validation": 359, "test": 360}
    ids = [i for part in parts.values() for i in part.ids]
    assert len(set(ids)) == 1797
    pixels = [image.tobytes() for part in parts.values() for image in part.columns["inputs"]]
    assert len(set(pixels)) == 1797, "no image stands in two parts"


def test_the_validation_set_has_two_halves() -> None:
    halves = [digits(name).ids for name in ("tuning", "calibration")]  # type: ignore[arg-type]
    assert [*halves[0], *halves[1]] == list(digits("validation").ids)
    assert [len(half) for half in halves] == [179, 180]


def test_classes_can_be_held_out() -> None:
    kept, out = digits("test", classes=[0, 3]), digits("test", classes=[1, 2, 4, 5, 6, 7, 8, 9])
    assert set(kept.columns["labels"]) == {0, 3}
    assert sorted([*kept.ids, *out.ids]) == sorted(digits("test").ids)
    assert kept.facts == digits("test").facts
    with pytest.raises(HarnessError, match="empty list"):
        digits("test", classes=[])


@pytest.mark.parametrize("make", [DigitCNN, DigitMLP])
def test_dropout_is_for_training_only(make: Callable[..., torch.nn.Module]) -> None:
    torch.manual_seed(0)
    plain, masked = make(), make(dropout=0.5)
    inputs = torch.rand(4, 1, 8, 8)
    assert not any(isinstance(module, torch.nn.Dropout) for module in plain.modules())
    assert not torch.equal(masked.train()(inputs), masked(inputs))
    assert torch.equal(masked.eval()(inputs), masked(inputs))


def test_the_test_set_is_pinned() -> None:
    """Every committed figure rests on these images in this order."""
    test = digits("test")
    content = hashlib.sha256(test.columns["inputs"].tobytes() + test.columns["labels"].tobytes())
    assert content.hexdigest() == "d3bb7d5d280d7386bfeb37066173b53a2182b0dc1d9c8677a6054606df44d7df"


def test_inputs_fill_the_box() -> None:
    inputs = digits("test").columns["inputs"]
    assert inputs.dtype == np.float32
    assert inputs.shape == (360, 1, 8, 8)
    assert (inputs.min(), inputs.max()) == (0.0, 1.0)
    assert set(np.unique(inputs * 16)) == set(range(17))


def fitted(model: torch.nn.Module, seed: int = 0, **ctx: object) -> torch.nn.Module:
    torch.manual_seed(seed)
    model.fit(_split, Context(seed=seed, **ctx))  # type: ignore[operator,arg-type]
    return model


def _split(name: str) -> Dataset:
    return digits(name)  # type: ignore[arg-type]


def accuracy(model: torch.nn.Module) -> float:
    data = digits("test")
    with torch.no_grad():
        prediction = model(torch.as_tensor(data.columns["inputs"])).argmax(1).numpy()
    return float((prediction == data.columns["labels"]).mean())


@pytest.mark.parametrize(("make", "least"), [(DigitMLP, 0.95), (DigitLinear, 0.93)])
def test_standard_training(make: Callable[[], torch.nn.Module], least: float) -> None:
    torch.manual_seed(0)
    assert accuracy(fitted(make())) >= least


@pytest.mark.slow
def test_the_cnn_reaches_what_the_table_needs() -> None:
    torch.manual_seed(0)
    assert accuracy(fitted(DigitCNN())) >= 0.96


@pytest.mark.parametrize("recipe", get_args(Recipe))
def test_training_is_a_function_of_the_seed(recipe: str) -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(1)
        model = DigitMLP(recipe, epochs=2)  # type: ignore[arg-type]
        return fitted(model, seed).network[1].weight.detach()  # type: ignore[index,union-attr,return-value]

    torch.manual_seed(0)
    first = weights(0)
    torch.rand(5)
    assert torch.equal(first, weights(0))
    assert not torch.equal(first, weights(1))


def test_recipes_differ_and_report_progress() -> None:
    seen: list[tuple[int, int]] = []
    losses = {}
    data = digits("test")
    noisy = torch.as_tensor(data.columns["inputs"])
    noisy = (noisy + 0.3 * torch.randn(noisy.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    for recipe in ("standard", "noise"):
        torch.manual_seed(0)
        model = DigitMLP(recipe, eps=0.3, epochs=15)  # type: ignore[arg-type]
        train(
            model, digits("train"), recipe, eps=0.3, epochs=15, ctx=Context(progress=lambda d, t: seen.append((d, t)))
        )  # type: ignore[arg-type]
        with torch.no_grad():
            losses[recipe] = float(cross_entropy(model(noisy), torch.as_tensor(data.columns["labels"])))
        assert not model.training
    assert losses["noise"] < losses["standard"]
    assert seen[-1] == (15, 15)


def test_training_works_on_any_column_set() -> None:
    torch.manual_seed(0)
    data = Examples(["a", "b"], {"inputs": np.zeros((2, 1, 8, 8), np.float32), "labels": np.array([0, 1])})
    model = DigitLinear(epochs=1)
    train(model, data, "standard", eps=0.1, epochs=1, ctx=Context())
    assert torch.isfinite(model.network[1].weight).all()  # type: ignore[index]
