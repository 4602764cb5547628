"""PGD-20 against foolbox and ART on models of about .5 robust accuracy, as ratios; no timing is asserted.

The peers are skipped where they are not installed. Run with `make benchmarks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.bare_passes import ratio
from benchmarks.test_attack_overhead import resnet20
from harness.api import Context, Examples
from harness_adversarial.attacks.gradient_attacks import PGD
from harness_classification.classify import Classify
from harness_vision.digit_models import DigitCNN
from harness_vision.digits import digits

STEPS = 20


@dataclass(frozen=True)
class Case:
    """What is attacked: a network, images and their classes, the budget, and how many go through at once."""

    network: nn.Module
    images: np.ndarray
    classes: np.ndarray
    eps: float
    batch: int
    pairs: int


@pytest.fixture(scope="module")
def digits_case() -> Case:
    torch.manual_seed(0)
    model = DigitCNN(training="adversarial", epochs=10)
    model.fit(digits, Context())
    test = digits("test")
    images, classes = (np.asarray(test.columns[name]) for name in ("inputs", "labels"))
    return Case(model.eval(), images, classes, eps=0.2, batch=120, pairs=7)


@pytest.fixture(scope="module")
def resnet_case(data_folder: Path) -> Case:
    network, images = resnet20(data_folder, images=128)
    classes = np.load(data_folder / "robustness" / "cifar10" / "cifar10_test_official_order.npz")["y"][:128]
    return Case(network, images, classes.astype(np.int64), eps=0.6 / 255, batch=64, pairs=3)


def foolbox_pgd(case: Case) -> Callable[[], Tensor]:
    foolbox = pytest.importorskip("foolbox", reason="foolbox is not installed; it comes with the extra `anchors`")
    model = foolbox.PyTorchModel(case.network, bounds=(0, 1), device="cpu")
    attack = foolbox.attacks.LinfPGD(steps=STEPS, abs_stepsize=case.eps / 8)
    images, classes = torch.as_tensor(case.images).split(case.batch), torch.as_tensor(case.classes).split(case.batch)

    def run() -> Tensor:
        batches = zip(images, classes, strict=True)
        return torch.cat([attack(model, some, theirs, epsilons=case.eps)[1] for some, theirs in batches])

    return run


def art_pgd(case: Case) -> Callable[[], Tensor]:
    pytest.importorskip("art", reason="adversarial-robustness-toolbox is not installed")
    from art.attacks.evasion import ProjectedGradientDescentPyTorch
    from art.estimators.classification import PyTorchClassifier

    shape, loss = tuple(case.images.shape[1:]), nn.CrossEntropyLoss()
    model = PyTorchClassifier(
        case.network, loss, input_shape=shape, nb_classes=10, clip_values=(0, 1), device_type="cpu"
    )
    attack = ProjectedGradientDescentPyTorch(
        model,
        eps=case.eps,
        eps_step=case.eps / 8,
        max_iter=STEPS,
        num_random_init=1,
        batch_size=case.batch,
        verbose=False,
    )
    return lambda: torch.as_tensor(attack.generate(case.images, case.classes))


@pytest.mark.parametrize("frozen", [False, True], ids=["parameters as trained", "parameters frozen"])
@pytest.mark.parametrize("peer", [foolbox_pgd, art_pgd])
@pytest.mark.parametrize("name", ["digits_case", "resnet_case"])
def test_the_whole_task_against_a_peers_pgd(
    benchmark: Any, name: str, peer: Callable[[Case], Callable[[], Tensor]], frozen: bool, request: Any
) -> None:
    if not benchmark.enabled:
        pytest.skip("timed only")
    case: Case = request.getfixturevalue(name)
    case.network.requires_grad_(not frozen)
    ids = [str(i) for i in range(len(case.classes))]
    columns = {"inputs": case.images, "labels": case.classes}
    data = Examples(ids, columns, facts={"classes": [str(i) for i in range(10)]})
    theirs = peer(case)

    def ours() -> Any:
        attack = PGD(case.eps, steps=STEPS, step_size=case.eps / 8)
        return Classify().run(case.network, data, attack, Context(batch_size=case.batch))

    labels = torch.as_tensor(case.classes)
    stood = (case.network(theirs()).argmax(1) == labels).numpy()
    robust = np.asarray(ours().records["robust"], dtype=bool)
    share = float(stood.mean())
    assert abs(float(robust.mean()) - share) < 1.96 * (share * (1 - share) / len(labels)) ** 0.5
    times = benchmark.extra_info["throughput"] = 1 / ratio(ours, theirs, pairs=case.pairs)
    print(
        f"\n{peer.__name__} on {name}: robust {share:.3f}, ours {robust.mean():.3f}, "
        f"{int((stood != robust).sum())} verdicts differ; {times:.2f} x its throughput"
    )
    benchmark.pedantic(ours, rounds=1)
