"""No row is ok with a robust accuracy that a model only seems to have: maskers of gradients against three attacks."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.api import Context, Examples, Outcome
from harness.testing import run_suite
from harness_adversarial.attacks.apgd import APGD
from harness_adversarial.attacks.auto_attack import AutoAttack
from harness_adversarial.attacks.gradient_attacks import PGD
from harness_adversarial.attacks.square import Square
from harness_classification.classify import Classify
from harness_vision.digits import digits
from harness_vision.shipped_digits import shipped_digits
from maskers import MASKERS, SAME_DECISIONS, Masked

EPS = 0.1
POINTS = 0.05
ATTACKS = {
    "pgd": PGD(EPS),
    "apgd": APGD(EPS, steps=30),
    "auto_attack": AutoAttack(EPS, steps=10, targets=3, queries=100),
}


@cache
def examples() -> Examples:
    data = digits("test")
    some = list(range(0, 360, 3))
    columns = {name: np.asarray(values)[some] for name, values in data.columns.items()}
    return Examples([data.ids[row] for row in some], columns, facts=data.facts)


class Keeping:
    """An attack whose points are kept."""

    def __init__(self, attack: Any) -> None:
        self.attack, self.threat, self.pooled = attack, attack.threat, True
        self.points: dict[str, Tensor] = {}

    def perturb(self, model: Any, batch: Any, ctx: Context) -> Tensor:
        points: Tensor = self.attack.perturb(model, batch, ctx)
        self.points = dict(zip(batch.ids, points, strict=True))
        return points


def run(model: nn.Module, attack: Any) -> Outcome:
    torch.manual_seed(0)
    return Classify().run(model.eval(), examples(), attack, Context())


def robust(outcome: Outcome) -> np.ndarray[Any, Any]:
    return np.array([one == "robust" for one in outcome.records["outcome"]])


@cache
def unmasked(attack: str) -> tuple[float, dict[str, Tensor]]:
    """The robust accuracy of the network without a mask, and the points that fool it."""
    keeping = Keeping(ATTACKS[attack])
    outcome = run(shipped_digits("standard"), keeping)
    return float(robust(outcome).mean()), keeping.points


def adaptive(name: str) -> float:
    """Robust accuracy of a masker against what fools the network without a mask, and a search without gradients."""
    data, model = examples(), Masked(MASKERS[name]).eval()
    left = robust(run(model, Square(EPS, queries=300)))
    labels = torch.as_tensor(data.columns["labels"])
    for attack in ("pgd", "auto_attack"):
        points = unmasked(attack)[1]
        inputs = torch.stack(
            [points.get(i, torch.as_tensor(x)) for i, x in zip(data.ids, data.columns["inputs"], strict=True)]
        )
        with torch.no_grad():
            left &= (model(inputs).argmax(dim=1) == labels).numpy()
    return float(left.mean())


def check(name: str, attack: str) -> None:
    outcome = run(Masked(MASKERS[name]), ATTACKS[attack])
    if outcome.problems or outcome.doubts:
        return
    truth = unmasked(attack)[0] if name in SAME_DECISIONS else adaptive(name)
    found = float(robust(outcome).mean())
    assert found - truth <= POINTS + 1e-9, f"{name}: {attack} says {found:.3f} and is ok, the truth is {truth:.3f}"


def test_there_are_at_least_thirty_one_maskers() -> None:
    assert len(MASKERS) >= 31


@pytest.mark.slow
@pytest.mark.parametrize("name", MASKERS)
def test_pgd_is_not_ok_on_a_masker_with_more_than_is_true(name: str) -> None:
    check(name, "pgd")


@pytest.mark.extended
@pytest.mark.parametrize("attack", ["apgd", "auto_attack"])
@pytest.mark.parametrize("name", MASKERS)
def test_no_stronger_attack_is_ok_on_a_masker_with_more_than_is_true(name: str, attack: str) -> None:
    check(name, attack)


@pytest.mark.parametrize("name", SAME_DECISIONS)
def test_maskers_said_to_decide_alike_do(name: str) -> None:
    inputs = torch.as_tensor(examples().columns["inputs"])
    with torch.no_grad():
        plain, masked = shipped_digits("standard").eval()(inputs), Masked(MASKERS[name]).eval()(inputs)
    agreement = (plain.argmax(dim=1) == masked.argmax(dim=1)).float().mean()
    assert float(agreement) > 0.97


HONEST = """
suite: honest
task: classify
threads: 1
metrics: [robust_accuracy]
experiments:
  - name: cifar
    data: {use: cifar10, with: {download: false}, limit: 48}
    models:
      - {use: published, as: resnet20, with: {name: resnet20, download: false}}
      - {use: published, as: resnet56, with: {name: resnet56, download: false}}
      - {use: published, as: cnn_a, with: {name: cnn_a, download: false}}
    attacks:
      - {use: pgd, with: {eps: 2/255}}
      - {use: apgd, with: {eps: 2/255, steps: 20}}
  - name: mnist
    data: {use: mnist, with: {download: false}, limit: 100}
    models:
      - {use: published, as: clean, with: {name: lenet5_clean, download: false}}
      - {use: published, as: adversarial, with: {name: lenet5_adversarial, download: false}}
    attacks:
      - {use: pgd, with: {eps: 0.1}}
      - {use: apgd, with: {eps: 0.1, steps: 20}}
"""
DIGITS = """
suite: honest_digits
task: classify
threads: 1
metrics: [robust_accuracy]
data: {use: digits, limit: 120}
models:
  - {use: shipped_digits, as: standard}
  - {use: shipped_digits, as: hardened, with: {which: hardened}}
  - {use: shipped_digits, as: linear, with: {which: linear}}
  - {use: smoothed, with: {model: {use: shipped_digits}, sigma: 0.1, draws: 8}}
attacks:
  - {use: pgd, with: {eps: 0.1}}
  - {use: apgd, with: {eps: 0.1, steps: 20}}
  - {use: auto_attack, with: {eps: 0.1, steps: 10, targets: 3, queries: 100}}
"""


@pytest.mark.slow
def test_no_honest_network_of_digits_is_doubted(tmp_path: Path) -> None:
    done = run_suite(DIGITS, tmp_path)
    assert [row.reason for row in done.rows] == [""] * 12


@pytest.mark.extended
@pytest.mark.usefixtures("data_folder")
def test_no_honest_published_network_is_doubted(tmp_path: Path) -> None:
    done = run_suite(HONEST, tmp_path)
    assert [row.reason for row in done.rows] == [""] * 10
