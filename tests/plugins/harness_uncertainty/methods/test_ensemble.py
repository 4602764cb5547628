"""Deep ensembles: the mean of the members' probabilities, whose members must differ."""

from __future__ import annotations

import json
from math import log
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from harness.api import NotApplicable, Status
from harness.testing import run_suite
from harness_uncertainty.methods.ensemble import DeepEnsemble

SUITE = """
suite: members
task: classify
data: {use: digits, limit: 20}
models:
  - {use: digit_mlp, as: alone, with: {epochs: 1, width: 4}}
  - {use: deep_ensemble, as: ensemble, with: {members: 3, model: {use: digit_mlp, with: {epochs: 1, width: 4}}}}
metrics: [accuracy]
"""


class Sure(nn.Module):
    """The probability of class 0, whatever it is shown."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.register_buffer("logits", torch.tensor([probability, 1 - probability]).log())

    def forward(self, inputs: Tensor) -> Tensor:
        return self.logits.expand(len(inputs), 2)


def test_probabilities_are_averaged_and_not_logits() -> None:
    ensemble = DeepEnsemble({"a": Sure(0.9), "b": Sure(0.5), "c": Sure(0.1), "d": Sure(0.1)}, members=4)
    mean = ensemble(torch.zeros(3, 1)).softmax(1)
    assert mean[:, 0].tolist() == pytest.approx([0.4] * 3, rel=1e-5)
    assert ensemble.member_logits(torch.zeros(3, 1)).shape == (4, 3, 2)


def test_disagreement_by_hand() -> None:
    """Two members sure of opposite classes: mean entropy that of .9, entropy of the mean log 2."""
    scores = DeepEnsemble({"a": Sure(0.9), "b": Sure(0.1)}, members=2).uncertainty(torch.zeros(1, 1))
    expected = -(0.9 * log(0.9) + 0.1 * log(0.1))
    assert float(scores["expected_entropy"]) == pytest.approx(expected, rel=1e-5)
    assert float(scores["mutual_information"]) == pytest.approx(log(2) - expected, rel=1e-5)


def test_copies_that_are_the_same_are_no_ensemble() -> None:
    with pytest.raises(NotApplicable, match="the 2 members of the ensemble are the same"):
        DeepEnsemble({"a": Sure(0.9), "b": Sure(0.9)}, members=2)
    # One that differs is enough.
    DeepEnsemble({"a": Sure(0.9), "b": Sure(0.9), "c": Sure(0.8)}, members=3)


def test_what_is_no_module_cannot_be_looked_into() -> None:
    functions = {name: (lambda inputs: torch.zeros(len(inputs), 2)) for name in "ab"}
    assert DeepEnsemble(functions, members=2)(torch.zeros(3, 1)).softmax(1).tolist() == [[0.5, 0.5]] * 3


def test_every_member_is_trained_under_a_seed_of_its_own(tmp_path: Path) -> None:
    """Under one seed they would be the same, and the cell skipped; the first is the network as it is alone."""
    run = run_suite(SUITE, tmp_path)
    assert [(row.status, row.reason) for row in run.rows] == [(Status.OK, "")] * 2
    weights = [{each["digest"] for each in _weights(run.folder.cell(row.cell))} for row in run.rows]
    assert [len(each) for each in weights] == [1, 3]
    assert weights[0] < weights[1]


def _weights(folder: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads((folder / "result.json").read_text())["weights"]
    return found
