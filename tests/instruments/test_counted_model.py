"""Passes are booked to the examples they were made for, and what a model returns is checked."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.contract.errors import InvalidOutput
from harness.contract.threats import LabelledInputs, Threat
from harness.instruments.counted_model import LANES, CountedModel
from harness_classification.indicators.watch import AttackWatch


class Doubling(nn.Module):
    """Two logits, twice the input; notes how many rows it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[int] = []

    def forward(self, inputs: Tensor) -> Tensor:
        self.given.append(len(inputs))
        return 2 * inputs.flatten(1)[:, :2]


@pytest.fixture
def model() -> Doubling:
    return Doubling()


@pytest.fixture
def counted(model: Doubling) -> CountedModel:
    """A model for six examples."""
    return CountedModel(model, 2, 6, "cpu")


def booked(counted: CountedModel) -> tuple[list[float], list[float]]:
    return counted.forward_passes.total().tolist(), counted.backward_passes.total().tolist()


def test_logits_are_those_of_the_model_without_the_padding(model: Doubling, counted: CountedModel) -> None:
    inputs = torch.arange(6.0).reshape(3, 2)
    assert counted(inputs).tolist() == [[0.0, 2.0], [4.0, 6.0], [8.0, 10.0]]
    counted(torch.zeros(LANES, 2))
    counted(torch.zeros(LANES + 1, 2))
    assert model.given == [LANES, LANES, 2 * LANES]
    with counted.attacked_batch(torch.arange(3), 1):
        counted(inputs)
    assert model.given[-1] == 3
    # Padding is as before once the batch is over.
    counted(inputs)
    assert model.given[-1] == LANES


def test_only_passes_of_an_attack_are_counted(counted: CountedModel) -> None:
    counted(torch.zeros(6, 2))
    assert booked(counted) == ([0.0] * 6, [0.0] * 6)


def test_passes_go_to_the_examples_of_the_batch(counted: CountedModel) -> None:
    with counted.attacked_batch(torch.tensor([1, 4]), LANES):
        counted(torch.zeros(2, 2))
        inputs = torch.zeros(2, 2, requires_grad=True)
        counted(inputs).sum().backward()
    assert booked(counted) == ([0, 2, 0, 0, 2, 0], [0, 1, 0, 0, 1, 0])
    assert inputs.grad is not None
    assert inputs.grad.tolist() == [[2.0, 2.0]] * 2


def test_rows_say_which_and_may_repeat(counted: CountedModel) -> None:
    with counted.attacked_batch(torch.tensor([1, 4, 5]), LANES):
        rows = torch.tensor([2, 2, 0])
        counted(torch.zeros(3, 2), rows)
        # The same tensor, changed in place, is looked up anew.
        rows[0] = 1
        counted(torch.zeros(3, 2), rows)
    assert booked(counted)[0] == [0, 2, 0, 0, 1, 3]


def test_a_pass_whose_rows_cannot_be_told_apart_is_shared_out(counted: CountedModel) -> None:
    with counted.attacked_batch(torch.tensor([0, 1, 2, 3]), LANES):
        counted(torch.zeros(10, 2, requires_grad=True)).sum().backward()
        counted(torch.zeros(1, 2))
    assert booked(counted) == ([2.75] * 4 + [0, 0], [2.5] * 4 + [0, 0])


def test_a_gradient_taken_twice_counts_twice(counted: CountedModel) -> None:
    with counted.attacked_batch(torch.tensor([3]), LANES):
        total = counted(torch.zeros(1, 2, requires_grad=True)).sum()
        total.backward(retain_graph=True)
        total.backward()
    assert booked(counted) == ([0, 0, 0, 1, 0, 0], [0, 0, 0, 2, 0, 0])


def test_many_passes_add_up_exactly(counted: CountedModel) -> None:
    with counted.attacked_batch(torch.tensor([0, 5]), LANES), torch.no_grad():
        for step in range(1100):
            counted(torch.zeros(1, 2), torch.tensor([step % 2]))
    assert booked(counted)[0] == [550, 0, 0, 0, 0, 550]


def test_nothing_is_booked_after_an_attack_that_raised(counted: CountedModel) -> None:
    with pytest.raises(RuntimeError), counted.attacked_batch(torch.tensor([0]), 1):
        counted(torch.zeros(1, 2))
        raise RuntimeError
    counted(torch.zeros(1, 2))
    assert booked(counted)[0] == [1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda x: torch.zeros(len(x), 3), r"returned shape \[8, 3\] for 8 inputs; expected logits of shape \[8, 2\]"),
        (lambda x: torch.zeros(len(x)), r"returned shape \[8\] for 8 inputs"),
        (lambda x: [0.0], "returned a list for 8 inputs"),
    ],
)
def test_other_outputs_are_refused(answer: Any, told: str) -> None:
    with pytest.raises(InvalidOutput, match=told):
        CountedModel(answer, 2, 1, "cpu")(torch.zeros(1, 2))


def test_an_observer_sees_inputs_logits_and_gradients_of_the_attack(counted: CountedModel) -> None:
    """One gradient of zero and one that is not, at the point that is nearest to success."""
    examples = LabelledInputs([f"e{i}" for i in range(6)], torch.full((6, 2), 0.5), torch.zeros(6).long())
    counted.observer = watch = AttackWatch(examples, None, Threat("linf", 0.3), 1e-6)
    counted(torch.zeros(6, 2))
    with counted.attacked_batch(torch.tensor([2]), LANES):
        point = torch.tensor([[0.4, 0.6]], requires_grad=True)
        counted(point).sum().backward()
        (0 * counted(point)).sum().backward()
    seen = watch.seen(examples.inputs, torch.ones(6, 2), torch.ones(6, 2))
    assert seen.zero_gradients.tolist() == [0, 0, 1, 0, 0, 0]
    assert seen.reached is not None
    assert seen.reached.tolist() == pytest.approx([0, 0, 0.1, 0, 0, 0])
    best, fooled = watch.points()
    assert fooled.tolist() == [False, False, True, False, False, False]
    assert best[2].tolist() == pytest.approx([0.4, 0.6])
