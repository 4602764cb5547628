"""PGD over many budgets: the verdicts of PGD at each, for the passes of little more than one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from harness.api import Context, Examples, HarnessError, Outcome
from harness_adversarial.attacks.gradient_attacks import PGD
from harness_adversarial.attacks.pgd_curve import PGDCurve
from harness_classification.classify import Classify

N, SIDE, CLASSES = 96, 6, 3
BUDGETS = [0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04]
STEPS = 20


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.first = nn.Parameter(torch.randn(SIDE * SIDE, 24, generator=generator) / 2)
        self.second = nn.Parameter(torch.randn(24, CLASSES, generator=generator))

    def forward(self, inputs: Tensor) -> Tensor:
        return ((inputs.flatten(1) - 0.5) @ self.first).tanh() @ self.second


@pytest.fixture(scope="module")
def data() -> Examples:
    inputs = torch.rand(N, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    labels = Network()(inputs).argmax(dim=1)
    facts = {"classes": [str(i) for i in range(CLASSES)]}
    return Examples([f"e{i}" for i in range(N)], {"inputs": inputs.numpy(), "labels": labels.numpy()}, facts=facts)


def judged(attack: object, data: Examples, batch_size: int = 32) -> Outcome:
    return Classify().run(Network(), data, attack, Context(batch_size=batch_size))  # type: ignore[arg-type]


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_curve_is_as_low_as_that_of_pgd_at_each_budget(data: Examples, norm: str) -> None:
    budgets = BUDGETS if norm == "linf" else [4 * eps for eps in BUDGETS]
    curve = judged(PGDCurve(budgets, norm, STEPS), data)  # type: ignore[arg-type]
    assert curve.problems == ()
    distance = torch.as_tensor(curve.records[norm])
    fooled = torch.as_tensor(curve.records["adversarial_prediction"]) != torch.as_tensor(curve.records["label"])
    shares = []
    for eps in budgets:
        plain = torch.as_tensor(judged(PGD(eps, norm, STEPS), data).records["success"])  # type: ignore[arg-type]
        shares.append(1 - float((fooled & (distance <= eps + 1e-6)).double().mean()))
        assert abs(shares[-1] - 1 + float(plain.double().mean())) <= 0.02
    assert shares[0] > 0.9
    assert shares[-1] < 0.5


def test_eight_budgets_cost_less_than_twice_the_dearest(data: Examples) -> None:
    plain = max(judged(PGD(eps, steps=STEPS), data).cost["passes"] for eps in BUDGETS)
    assert judged(PGDCurve(BUDGETS, steps=STEPS), data).cost["passes"] <= 2 * plain


def test_the_batch_size_changes_nothing(data: Examples) -> None:
    found = [judged(PGDCurve(BUDGETS, steps=5), data, size).records["linf"] for size in (1, 7, 96)]
    assert all((each == found[0]).all() for each in found)


def test_targets_are_kept(data: Examples) -> None:
    outcome = judged(PGDCurve([0.05, 0.1], targeted=True), data)
    hits = [i for i, success in enumerate(outcome.records["success"]) if success]
    assert hits
    assert all(outcome.records["adversarial_prediction"][i] == outcome.records["target"][i] for i in hits)


@pytest.mark.parametrize("budgets", [[], [0.1, 0.0], [-0.1], [float("nan")]])
def test_budgets_must_be_positive(budgets: list[float]) -> None:
    with pytest.raises(HarnessError, match="must be one or more positive numbers"):
        PGDCurve(budgets)
