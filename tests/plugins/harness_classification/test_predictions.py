"""What a model makes of inputs, worked out by hand."""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.api.instruments import CountedModel, per_example
from harness_classification.predictions import (
    Predictions,
    column,
    ends_in_sigmoid,
    no_logits,
    not_finite,
    outcomes,
    predict,
)


class Table(nn.Module):
    """The logits that stand in its inputs; more than what a float32 softmax can tell from 1 is no error."""

    def forward(self, inputs: Tensor) -> Tensor:
        assert not self.training
        return inputs.flatten(1)


def judged(logits: list[list[float]], labels: list[int], batch_size: int = 2) -> Predictions:
    model = Table().train()
    counted = CountedModel(model, len(logits[0]), len(logits), "cpu")
    return predict(counted, torch.tensor(logits), torch.tensor(labels), batch_size)


def test_a_judgement_by_hand() -> None:
    found = judged([[2.0, 0.0, 1.0], [0.0, 0.0, 3.0], [-1.0, 5.0, 5.5]], [0, 1, 1])
    assert found.prediction.tolist() == [0, 2, 2]
    assert found.margin.tolist() == [1.0, -3.0, -0.5]
    assert found.valid.tolist() == [True] * 3
    sums = [exp(2) + 1 + exp(1), 2 + exp(3), exp(-1) + exp(5) + exp(5.5)]
    tops = [exp(2), exp(3), exp(5.5)]
    assert found.confidence.tolist() == pytest.approx([top / total for top, total in zip(tops, sums, strict=True)])
    own = [2.0, 0.0, 5.0]
    assert found.loss.tolist() == pytest.approx([log(total) - logit for logit, total in zip(own, sums, strict=True)])


def test_losses_of_a_sure_model_are_not_rounded_away() -> None:
    """In float32 log(1 + exp(-30)) is 0."""
    found = judged([[30.0, 0.0]], [0])
    assert found.loss.tolist() == pytest.approx([exp(-30)], rel=1e-9)
    assert found.loss.dtype == torch.float64


def random_logits(classes: int, n: int, seed: int = 0, scale: float = 3.0) -> Tensor:
    return torch.randn(n, classes, generator=torch.Generator().manual_seed(seed)) * scale


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("classes", "n"), [(2, 1), (2, 3), (10, 5), (1000, 4)])
def test_probabilities_are_told_from_logits_however_few(classes: int, n: int, kind: torch.dtype) -> None:
    outputs = random_logits(classes, n).to(kind).softmax(dim=1).float()
    (doubt,) = no_logits(outputs)
    assert doubt.startswith("outputs look like probabilities: all in [0, 1], rows sum to 1 (give logits, or the log")
    assert len(no_logits(outputs.argmax(dim=1, keepdim=True).eq(torch.arange(classes)).float())) == 1


def test_outputs_of_a_sigmoid_are_told_where_there_are_enough() -> None:
    (doubt,) = no_logits(random_logits(10, 8).sigmoid())
    assert doubt.startswith("outputs look like probabilities of a sigmoid: all in [0, 1] (give logits")
    assert no_logits(torch.tensor([[0.2, 0.9], [0.7, 0.1]])) == ()


def test_logits_raise_no_doubt() -> None:
    for seed in range(200):
        for classes, n in ((2, 1), (2, 4), (3, 2), (10, 30)):
            # Small logits of both signs are those that come nearest.
            assert no_logits(random_logits(classes, n, seed, scale=0.5)) == ()
    assert no_logits(torch.zeros(100, 10)) == ()
    assert no_logits(random_logits(10, 20).log_softmax(dim=1)) == ()
    assert no_logits(random_logits(10, 20).relu()) == ()
    assert no_logits(random_logits(10, 20).softmax(dim=1) * 2) == ()
    assert no_logits(torch.empty(0, 10)) == ()


@pytest.mark.parametrize("seed", range(20))
def test_logits_that_happen_to_lie_between_0_and_1_raise_no_doubt(seed: int) -> None:
    even = torch.rand(100, 10, generator=torch.Generator().manual_seed(seed))
    z = random_logits(10, 100, seed)
    low, high = z.amin(dim=1, keepdim=True), z.amax(dim=1, keepdim=True)
    cosines = nn.functional.cosine_similarity(even[:, None], even.flip(0)[None, :10], dim=2)
    honest = (even, even[:5], (z - low) / (high - low), (z - z.min()) / (z.max() - z.min()), 0.5 + z / 100, cosines)
    assert [no_logits(outputs) for outputs in honest] == [()] * 6
    assert no_logits((even * 100).round() / 100) == ()


@pytest.mark.parametrize(("classes", "decimals"), [(10, 2), (100, 2), (100, 3), (1000, 3), (1000, 4)])
def test_rounded_probabilities_of_many_classes_are_told(classes: int, decimals: int) -> None:
    outputs = random_logits(classes, 50).softmax(dim=1).round(decimals=decimals)
    assert any("rows sum to 1" in doubt for doubt in no_logits(outputs))


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (torch.sigmoid, True),
        (nn.Sigmoid(), True),
        (lambda z: (z.sigmoid().double(), None), True),
        (lambda z: z.sigmoid()[:, :, None, None], True),
        (lambda z: 2 * z.sigmoid(), False),
        (lambda z: z.clamp(0, 1), False),
        (lambda z: z.sigmoid().detach(), False),
    ],
)
def test_the_last_operation_of_a_model_is_seen(last: Any, expected: bool) -> None:
    model = nn.Sequential(Table(), nn.Linear(3, 3)).eval()

    class Ends(nn.Module):
        def forward(self, inputs: Tensor) -> Any:
            return last(model(inputs))

    counted = CountedModel(Ends(), 3, 8, "cpu").eval()
    with torch.no_grad():
        assert ends_in_sigmoid(counted, torch.rand(8, 3)) is expected
    assert bool(no_logits(torch.full((8, 6), 0.5), lambda: expected)) is expected


@pytest.mark.parametrize(("scale", "shift"), [(2.0, -3.0), (5.0, 0.0), (5.0, -3.0), (30.0, 0.0), (1.0, -3.0)])
def test_outputs_of_sigmoids_are_told(scale: float, shift: float) -> None:
    logits = random_logits(10, 100, scale=scale) + shift
    logits[torch.arange(100), torch.arange(100) % 10] += 8
    assert any("of a sigmoid" in doubt for doubt in no_logits(logits.sigmoid()))
    single = random_logits(1, 100, scale=max(scale, 2.0)).sigmoid()
    assert any("of a sigmoid" in doubt for doubt in no_logits(torch.cat([torch.zeros_like(single), single], dim=1)))


def test_rows_that_are_not_finite_are_told_and_change_no_other() -> None:
    found = judged([[1.0, 2.0], [float("nan"), 0.0], [0.0, float("inf")]], [1, 0, 0], batch_size=3)
    assert found.valid.tolist() == [True, False, False]
    assert found.logits.tolist() == [[1.0, 2.0], [0.0, 0.0], [0.0, 0.0]]
    assert (found.prediction[0].item(), found.margin[0].item()) == (1, 1.0)


def test_the_mode_of_the_model_does_not_matter_nor_the_batch() -> None:
    logits, labels = [[float(i), 1.0] for i in range(5)], [0] * 5
    whole = judged(logits, labels, 5)
    for batch_size in (1, 2, 64):
        assert judged(logits, labels, batch_size).margin.tolist() == whole.margin.tolist()


def test_nothing_to_judge() -> None:
    counted = CountedModel(Table(), 3, 0, "cpu")
    found = predict(counted, torch.zeros(0, 3), torch.zeros(0).long(), 4)
    assert found.logits.shape == (0, 3)
    assert found.prediction.tolist() == []


def test_several_draws_are_the_mean_of_probabilities_and_not_of_logits() -> None:
    answers = iter([[0.9, 0.1], [0.9, 0.1], [0.0, 1.0]])

    class Random(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return torch.tensor([next(answers)]).log().expand(len(inputs), 2)

    counted = CountedModel(Random(), 2, 1, "cpu")
    found = predict(counted, torch.zeros(1, 1), torch.tensor([0]), 4, 3)
    # (.9 + .9 + 0) / 3; a mean of logits would be minus infinity.
    assert found.logits.exp()[0].tolist() == pytest.approx([0.6, 0.4], rel=1e-5)
    assert found.prediction.tolist() == [0]
    assert found.valid.tolist() == [True]


def test_outcomes() -> None:
    valid = torch.tensor([False, True, True, True])
    correct = torch.tensor([True, False, True, True])
    success = torch.tensor([True, True, True, False])
    assert outcomes(valid, correct, None) == ["error", "clean_wrong", "correct", "correct"]
    assert outcomes(valid, correct, success) == ["error", "clean_wrong", "fooled", "robust"]


def test_columns_have_none_where_nothing_is_known() -> None:
    values = torch.tensor([1, 2])
    known = column(values, [True, True])
    assert isinstance(known, np.ndarray)
    assert known.tolist() == [1, 2]
    assert column(values, [True, False]) == [1, None]


def test_the_first_that_is_not_finite_is_named() -> None:
    assert not_finite("clean", torch.tensor([True, True]), ["a", "b"]) == ()
    assert not_finite("clean", torch.tensor([True, False, False]), ["a", "b", "c"]) == (
        "2 of 3 clean outputs are not finite, first for example 'b'",
    )


def test_one_truth_for_each_example() -> None:
    assert per_example(torch.tensor([True, False]), torch.zeros(2, 3, 4)).shape == (2, 1, 1)
