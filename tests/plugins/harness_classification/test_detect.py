"""Detection of other data by the scores of a classifier, and outputs that are no logits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.api import Context, Examples, InvalidOutput
from harness_classification.detect import Detect


def data(rows: list[list[float]], prefix: str = "e") -> Examples:
    return Examples([f"{prefix}{i}" for i in range(len(rows))], {"inputs": np.asarray(rows, dtype=np.float32)})


class Table(torch.nn.Module):
    """The logits that stand in its inputs."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs


INSIDE, OUTSIDE = data([[2.0, 0.0], [0.0, 3.0]]), data([[0.5, -0.5]], "o")


def test_scores_by_hand() -> None:
    outcome = Detect(OUTSIDE).run(Table(), INSIDE, Context(batch_size=2))
    assert outcome.records["id"] == ["in/e0", "in/e1", "out/o0"]
    tops = [np.exp(2) / (np.exp(2) + 1), np.exp(3) / (np.exp(3) + 1), np.exp(1) / (np.exp(1) + 1)]
    assert outcome.records["score.max_softmax"] == pytest.approx([-top for top in tops])
    assert outcome.records["score.energy"][0] == pytest.approx(-np.log(np.exp(2) + 1))
    assert outcome.doubts == ()


def test_probabilities_are_in_doubt() -> None:
    class Softmax(Table):
        def forward(self, inputs: Tensor) -> Tensor:
            return inputs.softmax(dim=1)

    (doubt,) = Detect(OUTSIDE).run(Softmax(), INSIDE, Context(batch_size=2)).doubts
    assert doubt.startswith("outputs look like probabilities: all in [0, 1], rows sum to 1")


def test_inputs_that_are_no_numbers_are_refused() -> None:
    words = Examples(["a"], {"inputs": ["word"]})
    with pytest.raises(InvalidOutput, match="the inputs of the data cannot be read as an array of numbers"):
        Detect(OUTSIDE).run(Table(), words, Context())
