"""PGD-20 against foolbox and ART on a model of about .5 robust accuracy, as ratios; no timing is asserted.

The peers are skipped where they are not installed. Run with `make benchmarks`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.bare_passes import ratio
from harness.api import Context, Examples
from harness.tasks.classify import Classify
from harness_adversarial.attacks.gradient_attacks import PGD
from harness_vision.digit_models import DigitCNN
from harness_vision.digits import digits

EPS, STEPS, BATCH = 0.2, 20, 120


@pytest.fixture(scope="module")
def network() -> DigitCNN:
    torch.manual_seed(0)
    model = DigitCNN(training="adversarial", epochs=10)
    model.fit(digits, Context())
    return model.eval()


def foolbox_pgd(network: nn.Module, inputs: Tensor, labels: Tensor) -> Callable[[], Tensor]:
    foolbox = pytest.importorskip("foolbox", reason="foolbox is not installed; it comes with the extra `anchors`")
    model = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
    attack = foolbox.attacks.LinfPGD(steps=STEPS, abs_stepsize=EPS / 8)

    def run() -> Tensor:
        pairs = zip(inputs.split(BATCH), labels.split(BATCH), strict=True)
        return torch.cat([attack(model, some, classes, epsilons=EPS)[1] for some, classes in pairs])

    return run


def art_pgd(network: nn.Module, inputs: Tensor, labels: Tensor) -> Callable[[], Tensor]:
    pytest.importorskip("art", reason="adversarial-robustness-toolbox is not installed")
    from art.attacks.evasion import ProjectedGradientDescentPyTorch
    from art.estimators.classification import PyTorchClassifier

    shape = tuple(inputs.shape[1:])
    model = PyTorchClassifier(
        network, nn.CrossEntropyLoss(), input_shape=shape, nb_classes=10, clip_values=(0, 1), device_type="cpu"
    )
    attack = ProjectedGradientDescentPyTorch(
        model, eps=EPS, eps_step=EPS / 8, max_iter=STEPS, num_random_init=1, batch_size=BATCH, verbose=False
    )
    return lambda: torch.as_tensor(attack.generate(inputs.numpy(), labels.numpy()))


@pytest.mark.parametrize("frozen", [False, True], ids=["parameters as trained", "parameters frozen"])
@pytest.mark.parametrize("peer", [foolbox_pgd, art_pgd])
def test_the_whole_task_against_a_peers_pgd(benchmark: Any, network: DigitCNN, peer: Any, frozen: bool) -> None:
    if not benchmark.enabled:
        pytest.skip("timed only")
    network.requires_grad_(not frozen)
    test = digits("test")
    images, classes = (np.asarray(test.columns[name]) for name in ("inputs", "labels"))
    inputs, labels = torch.as_tensor(images), torch.as_tensor(classes)
    data = Examples(list(test.ids), {"inputs": images, "labels": classes}, facts=test.facts)
    theirs = peer(network, inputs, labels)

    def ours() -> Any:
        return Classify().run(network, data, PGD(EPS, steps=STEPS, step_size=EPS / 8), Context(batch_size=BATCH))

    robust = float((network(theirs()).argmax(1) == labels).double().mean())
    found = float(np.mean(np.asarray(ours().records["robust"], dtype=float)))
    half_width = 1.96 * (robust * (1 - robust) / len(labels)) ** 0.5
    assert abs(found - robust) < half_width
    times = benchmark.extra_info["throughput"] = 1 / ratio(ours, theirs, pairs=7)
    print(f"\n{peer.__name__}: robust {robust:.3f}, ours {found:.3f}; {times:.2f} x its throughput")
    benchmark.pedantic(ours, rounds=1)
