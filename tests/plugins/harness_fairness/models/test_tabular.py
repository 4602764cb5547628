"""Networks for tables: fitted, stored, loaded, and used for what they were fitted to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from harness.api import Context, Examples, InvalidOutput, NotApplicable
from harness_fairness.models.boosting import GradientBoosting
from harness_fairness.models.tabular import Logistic, TabularMLP


def numbers(n: int = 120) -> Callable[[str], Examples]:
    """y = 3 x0 - 2 x1 + 10 with a little noise."""

    def split(name: str) -> Examples:
        rng = np.random.default_rng(len(name))
        x = rng.normal(size=(n, 3)).astype(np.float32)
        y = 3 * x[:, 0] - 2 * x[:, 1] + 10 + rng.normal(0, 0.1, n)
        return Examples([f"{name}{i}" for i in range(n)], {"inputs": x, "targets": y}, {"g": ["a", "b"] * (n // 2)})

    return split


def classes(n: int = 300, k: int = 3) -> Callable[[str], Examples]:
    """Gaussian clouds around k corners; the smaller group lies elsewhere."""

    def split(name: str) -> Examples:
        rng = np.random.default_rng(len(name))
        y = rng.integers(0, k, n)
        x = (rng.normal(size=(n, 2)) + 2.5 * np.stack([np.cos(2 * y), np.sin(2 * y)], axis=1)).astype(np.float32)
        group = ["minor" if i % 10 == 0 else "major" for i in range(n)]
        return Examples(
            [f"{name}{i}" for i in range(n)],
            {"inputs": x, "labels": y.astype(np.int64)},
            {"g": group},
            {"classes": [str(c) for c in range(k)]},
        )

    return split


def fitted(model: Any, data: Callable[[str], Examples]) -> Any:
    torch.manual_seed(0)
    model.fit(data, Context(seed=0))
    return model


def reloaded(model: Any, fresh: Any) -> Any:
    fresh.load_state_dict({name: tensor.clone() for name, tensor in model.state_dict().items()})
    return fresh


MODELS: list[Callable[..., Any]] = [
    lambda **how: TabularMLP(epochs=15, **how),
    lambda **how: GradientBoosting(20, **how),
]


@pytest.mark.parametrize("make", MODELS)
def test_numbers_are_predicted_in_their_units_and_survive_storing(make: Callable[..., Any]) -> None:
    model = fitted(make(), numbers())
    inputs = torch.tensor(numbers()("test").columns["inputs"])
    said = model.predict(inputs)
    truth = numbers()("test").columns["targets"]
    assert np.corrcoef(said.mean.detach().numpy(), truth)[0, 1] > 0.9
    held_out = numbers()("validation")
    wrong = model.predict(torch.tensor(held_out.columns["inputs"])).mean.detach().numpy() - held_out.columns["targets"]
    assert said.deviation is not None
    assert said.deviation.tolist() == pytest.approx([float(np.sqrt((wrong**2).mean()))] * len(inputs))
    again = reloaded(model, make()).predict(inputs)
    assert torch.equal(again.mean, said.mean)
    with pytest.raises(NotApplicable, match="fitted to numbers; it has no classes"):
        model(inputs)


@pytest.mark.parametrize("make", [*MODELS, lambda **how: Logistic(**how)])
def test_classes_are_told_apart_and_survive_storing(make: Callable[..., Any]) -> None:
    model = fitted(make(), classes())
    test = classes()("test")
    inputs, labels = torch.tensor(test.columns["inputs"]), torch.tensor(test.columns["labels"])
    logits = model(inputs)
    assert logits.shape == (300, 3)
    assert float((logits.argmax(1) == labels).double().mean()) > 0.85
    assert torch.equal(reloaded(model, make())(inputs), logits)
    if hasattr(model, "predict"):
        with pytest.raises(NotApplicable, match="fitted to classes; it predicts no numbers"):
            model.predict(inputs)


def test_a_linear_model_finds_the_coefficients() -> None:
    model = fitted(TabularMLP(layers=0, epochs=40, learning_rate=0.03, weight_decay=0.0), numbers(600))
    (layer,) = model.network
    coefficients = layer.weight[0].detach() * float(model.scale[1])
    assert coefficients.tolist() == pytest.approx([3, -2, 0], abs=0.05)


@pytest.mark.parametrize("make", [lambda **how: Logistic(**how), lambda **how: GradientBoosting(10, **how)])
def test_weights_of_groups_change_the_model(make: Callable[..., Any]) -> None:
    inputs = torch.tensor(classes()("test").columns["inputs"])
    plain = fitted(make(), classes())(inputs)
    for mitigation in ("reweighting", "balanced_sampling"):
        assert not torch.allclose(fitted(make(mitigation=mitigation, group="g"), classes())(inputs), plain, atol=1e-3)


def test_what_cannot_be_learnt_from() -> None:
    nothing = lambda name: Examples(["a"], {"inputs": np.zeros((1, 2), np.float32)})  # noqa: E731
    with pytest.raises(InvalidOutput, match="neither labels nor targets"):
        fitted(TabularMLP(), nothing)
    with pytest.raises(InvalidOutput, match="no inputs; of a table, name the `features:`"):
        fitted(TabularMLP(), lambda name: Examples(["a"], {"labels": np.zeros(1, np.int64)}))
    with pytest.raises(NotApplicable, match="logistic regression needs labels"):
        fitted(Logistic(), numbers())
    wrong = lambda name: Examples(  # noqa: E731
        ["a", "b"], {"inputs": np.zeros((2, 1), np.float32), "labels": np.array([0, 7])}, facts={"classes": ["x", "y"]}
    )
    with pytest.raises(InvalidOutput, match="labels of the training data must be from 0 to 1"):
        fitted(Logistic(), wrong)
    one = lambda name: Examples(  # noqa: E731
        ["a", "b"], {"inputs": np.eye(2, dtype=np.float32), "labels": np.array([1, 1])}, facts={"classes": ["x", "y"]}
    )
    with pytest.raises(NotApplicable, match="all training labels are of one class"):
        fitted(GradientBoosting(), one)
