"""A linear model's exact robust accuracy in the L1 ball within the box: a fractional knapsack.

A unit of L1 budget spent on pixel i changes the margin by |w_i|, and a pixel takes no more than its room to the end of
the box. So the adversary fills pixels in the order of |w_i|.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy import optimize
from torch import Tensor

from harness import Run
from harness.testing import run_suite
from harness_vision.digits import digits

BUDGETS = (1.0, 2.0)
SUITE = f"""
suite: l1-oracle
task: classify
data: digits
models: [digit_linear]
attacks:
  - {{use: apgd, as: ce, with: {{norm: l1}}, sweep: {{eps: {list(BUDGETS)}}}}}
  - {{use: apgd_targeted, as: targeted, with: {{norm: l1, steps: 50}}, sweep: {{eps: {list(BUDGETS)}}}}}
  - {{use: pgd, as: pgd, with: {{norm: l1, steps: 50, loss: margin}}, sweep: {{eps: {list(BUDGETS)}}}}}
metrics: [accuracy, robust_accuracy]
"""


def most(direction: Tensor, inputs: Tensor, eps: float) -> Tensor:
    """By how much `direction @ x` can be raised within the ball and the box, `[n]`, for directions `[n, d]`."""
    room = torch.where(direction > 0, 1 - inputs, inputs)
    worth, order = direction.abs().sort(dim=1, descending=True)
    filled = room.gather(1, order)
    left = (eps - (filled.cumsum(dim=1) - filled)).clamp_min(0)
    return (worth * torch.minimum(filled, left)).sum(dim=1)


def test_the_knapsack_is_the_linear_program() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        direction, inputs = rng.normal(size=12), rng.random(12).round(1)
        found = optimize.linprog(
            -np.concatenate([direction, -direction]),
            A_ub=np.ones((1, 24)),
            b_ub=[1.3],
            bounds=[(0, 1 - x) for x in inputs] + [(0, x) for x in inputs],
        )
        gain = most(torch.as_tensor(direction)[None], torch.as_tensor(inputs)[None], 1.3)
        assert float(gain) == pytest.approx(-found.fun)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_suite(SUITE, tmp_path_factory.mktemp("l1"))


@pytest.fixture(scope="module")
def exact(done: Run) -> Callable[[float], np.ndarray]:
    """Per budget, whether no point of the ball and the box fools the model, in the order of the records."""
    (file,) = (done.folder.path.parents[1] / "store").rglob("weights.safetensors")
    weights = load_file(file)
    weight, bias = weights["network.1.weight"].double(), weights["network.1.bias"].double()
    data = digits("test")
    inputs = torch.as_tensor(data.columns["inputs"]).flatten(1).double()
    labels = torch.as_tensor(data.columns["labels"]).long()
    logits = inputs @ weight.T + bias

    def robust(eps: float) -> np.ndarray:
        held = torch.ones(len(inputs), dtype=torch.bool)
        for other in range(10):
            margin = logits.gather(1, labels[:, None]).squeeze(1) - logits[:, other]
            held &= (labels == other) | (margin > most(weight[other] - weight[labels], inputs, eps))
        return held.numpy()

    return robust


@pytest.mark.extended
def test_no_attack_fools_what_is_exactly_robust(done: Run, exact: Callable[[float], np.ndarray]) -> None:
    shares = []
    for row in done.rows:
        assert row.reason == ""
        eps = row.protocol["threat"]["eps"]
        held = exact(eps)
        shares.append(held.mean())
        assert not (~done.records(row)["robust"] & held).any(), row.labels
    assert 0.05 < min(shares) < max(shares) < 0.95


@pytest.mark.extended
def test_the_targeted_attack_comes_within_a_point_and_a_half(done: Run, exact: Callable[[float], np.ndarray]) -> None:
    """And cross-entropy alone, or steps of one sparsity, do not come closer than it."""
    for eps in BUDGETS:
        value = {
            name: done.row(attack=f"{name} eps={eps:g}").estimates["robust_accuracy"].value
            for name in ("ce", "targeted", "pgd")
        }
        truth = float(exact(eps).mean())
        assert truth <= value["targeted"] <= truth + 0.015  # type: ignore[operator]
        assert min(value["ce"], value["pgd"]) >= value["targeted"]  # type: ignore[type-var, operator]
