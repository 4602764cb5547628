"""Strong attacks against what is known: a linear model's exact robust accuracy, a verified network, torchattacks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import load_file

from harness import Run
from harness.api import Context, Examples
from harness.testing import run_suite
from harness_adversarial.attacks.auto_attack import AutoAttack
from harness_adversarial.attacks.fab import FABTargeted
from harness_adversarial.attacks.square import Square
from harness_classification.classify import Classify
from harness_vision.digits import digits
from harness_vision.published import published
from trained_digits import checkpoint_of

BUDGETS = (0.05, 0.1, 0.2)
LINEAR = f"""
suite: linear
task: classify
data: {{use: digits, limit: 200}}
models: [digit_linear]
attacks:
  - {{use: pgd, with: {{restarts: 2}}, sweep: {{eps: {list(BUDGETS)}}}}}
  - {{use: apgd, sweep: {{eps: {list(BUDGETS)}}}, with: {{steps: 50}}}}
  - {{use: apgd, as: apgd-dlr, sweep: {{eps: {list(BUDGETS)}}}, with: {{loss: dlr, steps: 50}}}}
  - {{use: apgd_targeted, sweep: {{eps: {list(BUDGETS)}}}, with: {{steps: 20}}}}
  - {{use: fab_targeted, sweep: {{eps: {list(BUDGETS)}}}, with: {{steps: 20}}}}
  - {{use: square, sweep: {{eps: {list(BUDGETS)}}}, with: {{queries: 300}}}}
  - {{use: auto_attack, sweep: {{eps: {list(BUDGETS)}}}, with: {{steps: 30, queries: 200}}}}
metrics: [robust_accuracy]
"""
Bools = npt.NDArray[np.bool_]


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_suite(LINEAR, tmp_path_factory.mktemp("linear"))


@pytest.fixture(scope="module")
def truth(linear: Run) -> Mapping[float, Bools]:
    """Per budget, whether no point of ball and box fools the model: the margin is separable over pixels."""
    (file,) = (linear.folder.path.parents[1] / "store").rglob("weights.safetensors")
    weights = {name: tensor.double() for name, tensor in load_file(file).items()}
    weight, bias = weights["network.1.weight"], weights["network.1.bias"]
    data = digits("test")
    rows = [list(data.ids).index(name) for name in linear.records(linear.rows[0])["id"].tolist()]
    inputs = torch.as_tensor(data.columns["inputs"])[rows].double().flatten(1)
    labels = torch.as_tensor(data.columns["labels"])[rows].long()
    margins = inputs @ weight.T + bias
    margins = margins.gather(1, labels[:, None]) - margins
    direction = weight[None] - weight[labels][:, None]
    robust = {}
    for eps in BUDGETS:
        up, down = (inputs + eps).clamp(max=1) - inputs, (inputs - eps).clamp(min=0) - inputs
        gain = torch.maximum(direction * up[:, None], direction * down[:, None]).sum(2)
        held = (margins > gain).scatter(1, labels[:, None], True)
        robust[eps] = held.all(1).numpy()
    return robust


def accuracy(done: Run, attack: str, eps: float) -> float:
    value = done.row(attack=f"{attack} eps={eps:g}").estimates["robust_accuracy"].value
    assert value is not None
    return value


@pytest.mark.extended
def test_no_attack_goes_below_the_exact_robust_accuracy_of_a_linear_model(
    linear: Run, truth: Mapping[float, Bools]
) -> None:
    assert [0.05 < float(truth[eps].mean()) < 0.95 for eps in BUDGETS[:2]] == [True, True]
    for row in linear.rows:
        assert row.reason == ""
        robust = truth[row.protocol["threat"]["eps"]]
        assert not (~linear.records(row)["robust"] & robust).any(), row.labels


@pytest.mark.extended
@pytest.mark.parametrize("eps", BUDGETS)
def test_strong_attacks_come_near_the_exact_value_and_cross_entropy_does_not(
    linear: Run, truth: Mapping[float, Bools], eps: float
) -> None:
    exact = float(truth[eps].mean())
    for attack in ("auto_attack", "apgd_targeted", "fab_targeted"):
        assert exact <= accuracy(linear, attack, eps) <= exact + 0.015, attack
    assert accuracy(linear, "auto_attack", eps) <= min(
        accuracy(linear, attack, eps) for attack in ("apgd", "apgd-dlr", "square", "pgd")
    )
    # The gap that cross-entropy leaves, since its gradient mixes all other classes: .07 at .1.
    assert accuracy(linear, "pgd", eps) - exact >= {0.05: 0.01, 0.1: 0.05, 0.2: 0.01}[eps]


TORCHATTACKS = f"""
suite: agreement
task: classify
data: {{use: digits, limit: 150}}
models:
  - {checkpoint_of("standard")}
attacks:
  - {{use: apgd, with: {{eps: 0.1, steps: 20}}}}
  - {{use: square, with: {{eps: 0.1, queries: 300}}}}
  - {{use: square, as: square-l2, with: {{eps: 1.0, norm: l2, queries: 300}}}}
  - {{use: torchattacks, as: their-apgd, with: {{attack: APGD, eps: 0.1, steps: 20}}}}
  - {{use: torchattacks, as: their-square, with: {{attack: Square, eps: 0.1, n_queries: 300}}}}
  - {{use: torchattacks, as: their-square-l2, with: {{attack: Square, norm: L2, eps: 1.0, n_queries: 300}}}}
metrics: [robust_accuracy]
"""


@pytest.mark.slow
def test_torchattacks_agrees_within_the_intervals(tmp_path: Path) -> None:
    done = run_suite(TORCHATTACKS, tmp_path, allow_imports=True)
    for attack in ("apgd", "square", "square-l2"):
        ours, theirs = (done.row(attack=name).estimates["robust_accuracy"] for name in (attack, f"their-{attack}"))
        assert ours.low is not None
        assert ours.high is not None
        assert theirs.low is not None
        assert theirs.high is not None
        assert max(ours.low, theirs.low) <= min(ours.high, theirs.high), attack


@pytest.mark.extended
def test_auto_attack_on_a_verified_network(data_folder: Path) -> None:
    """L-inf 2/255 on 200 images: 48.5 % are verified, official AutoAttack leaves 50.5 %, 50.0 % is the best known."""
    folder = data_folder / "robustness" / "sdp"
    inputs = np.load(folder / "cifar_X_sdp.npy").transpose(0, 3, 1, 2)
    labels = np.load(folder / "cifar_y_sdp.npy")
    model = published("cnn_a", download=False).eval()
    data = Examples(
        [str(i) for i in range(200)],
        {"inputs": np.ascontiguousarray(inputs), "labels": labels},
        facts={"classes": [str(i) for i in range(10)]},
    )
    eps = 2 / 255
    attack = AutoAttack(eps)
    # All of APGD. In full, FAB-T (100 steps, 9 targets) and Square (5000 queries) take twice as long as this test and
    # fool none of the 100 that are left, so the verdict is that of the full standard version.
    attack.stages = (
        *attack.stages[:2],
        ("fab-t", FABTargeted(eps, targets=1, steps=50)),
        ("square", Square(eps, queries=300)),
    )
    done = Classify().run(model, data, attack, Context())
    outcome = list(done.records["outcome"])
    assert done.problems == ()
    assert 1 - outcome.count("clean_wrong") / 200 == pytest.approx(0.70)
    assert 0.485 <= outcome.count("robust") / 200 <= 0.505
