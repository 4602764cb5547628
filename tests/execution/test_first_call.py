"""The first call of a model: what is kept of it, and that the model does not notice."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.execution.first_call import ModelCall, first_call


class Net(nn.Module):
    """Has a call and a method."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, inputs: Tensor, scale: Tensor | None = None) -> Tensor:
        result: Tensor = self.linear(inputs)
        return result if scale is None else result * scale[:, None]

    def predict(self, inputs: Tensor) -> Tensor:
        result: Tensor = self.linear(inputs)
        return result


class Adapter:
    """No torch module, with the methods of a language model."""

    def states(self, tokens: Tensor) -> Tensor:
        return tokens[..., None] * torch.ones(4)

    def logits(self, states: Tensor) -> Tensor:
        return states @ torch.ones(4, 7)


def watch(model: Any, *calls: Any) -> list[ModelCall]:
    with first_call(model) as seen:
        for call in calls:
            call(model)
    return seen


def test_the_first_call_is_kept_with_one_example() -> None:
    inputs, scale = torch.arange(12.0).reshape(4, 3), torch.ones(4)
    (call,) = watch(Net(), lambda net: net(inputs, scale=scale), lambda net: net.predict(inputs))
    assert call.name == "forward"
    assert call.inputs[0].tolist() == [[0.0, 1.0, 2.0]]
    assert call.named["scale"].shape == (1,)
    assert str(call) == "forward of [1, 3]"
    assert call.repeat(Net()).shape == (1, 2)


def test_what_is_kept_does_not_change_with_the_input() -> None:
    inputs = torch.ones(2, 3, requires_grad=True)
    (call,) = watch(Net(), lambda net: net(inputs))
    with torch.no_grad():
        inputs.zero_()
    assert call.inputs[0].tolist() == [[1.0, 1.0, 1.0]]
    assert not call.inputs[0].requires_grad


def test_a_method_is_seen_too() -> None:
    (call,) = watch(Net(), lambda net: net.predict(torch.ones(5, 3)), lambda net: net(torch.ones(6, 3)))
    assert str(call) == "predict of [1, 3]"


def test_a_language_model_gives_its_logits_too() -> None:
    (call,) = watch(Adapter(), lambda model: model.states(torch.ones(3, 9)))
    assert str(call) == "states of [1, 9]"
    assert call.repeat(Adapter()).shape == (9, 7)


@pytest.mark.parametrize("make", [Net, Adapter])
def test_the_model_is_as_before_afterwards(make: Any) -> None:
    model = make()
    before = dict(vars(model))
    watch(model)
    with pytest.raises(ValueError, match="a bug"), first_call(model):
        raise ValueError("a bug")
    assert vars(model) == before
    assert not isinstance(model, nn.Module) or not model._forward_pre_hooks


def test_a_copy_made_inside_runs_its_own_weights() -> None:
    net, inputs = Net(), torch.ones(1, 3)

    def copied(net: Net) -> None:
        other = copy.deepcopy(net)
        nn.init.zeros_(other.linear.weight)
        nn.init.zeros_(other.linear.bias)
        assert not other.predict(inputs).any()
        assert not other(inputs).any()

    watch(net, copied)
    assert net.predict(inputs).any()


class Odd:
    """Has methods that cannot be watched."""

    __slots__ = ()

    @staticmethod
    def predict(inputs: Tensor) -> Tensor:
        return inputs + 1


class Static(nn.Module):
    """Has a static method, and another of its own instance."""

    def __init__(self) -> None:
        super().__init__()
        self.generate = torch.neg

    @staticmethod
    def predict(inputs: Tensor) -> Tensor:
        return inputs + 1


@pytest.mark.parametrize("model", [Odd(), Static()], ids=["slots", "static"])
def test_what_cannot_be_watched_works_as_before(model: Any) -> None:
    with first_call(model) as seen:
        assert float(model.predict(torch.zeros(1))) == 1.0
        if isinstance(model, Static):
            assert float(model.generate(torch.ones(1))) == -1.0
    assert seen == []


def test_without_a_model_nothing_is_seen() -> None:
    assert watch(None) == []


def test_a_compiled_model_is_watched_without_a_hook() -> None:
    net = Net()
    compiled: Any = lambda *inputs: Net.forward(net, *inputs)  # noqa: E731
    net._compiled_call_impl = compiled
    (call,) = watch(net, lambda net: net(torch.ones(5, 3)))
    assert str(call) == "forward of [1, 3]"
    assert net._compiled_call_impl is compiled
    assert not net._forward_pre_hooks
