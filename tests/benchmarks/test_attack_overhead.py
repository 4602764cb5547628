"""What native attacks and the whole task add to their own passes, as ratios within one process; no timing is asserted.

Run with `make benchmarks`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.bare_passes import bare, passes_of, ratio
from harness.api import Context, Examples, LabelledInputs
from harness.instruments.counted_model import LANES, CountedModel
from harness_adversarial.attacks.apgd import APGD
from harness_adversarial.attacks.fab import FABTargeted
from harness_adversarial.attacks.gradient_attacks import PGD
from harness_adversarial.attacks.square import Square
from harness_classification.classify import Classify
from harness_vision.checkpoint import checkpoint
from harness_vision.digit_models import DigitCNN
from harness_vision.digits import digits

EPS = 1e-4
ATTACKS: dict[str, Callable[[], Any]] = {
    "pgd": lambda: PGD(EPS, steps=10),
    "apgd": lambda: APGD(EPS, steps=10),
    "fab": lambda: FABTargeted(EPS, steps=5, targets=1),
    "square": lambda: Square(EPS, queries=30),
}


def digit_cnn() -> tuple[nn.Module, np.ndarray]:
    torch.manual_seed(0)
    return DigitCNN().eval().requires_grad_(False), np.asarray(digits("test").columns["inputs"])[:128]


def resnet20(data_folder: Path, images: int = 16) -> tuple[nn.Module, np.ndarray]:
    folder = data_folder / "robustness" / "cifar10"
    network = checkpoint(
        "harness_vision.published_architectures:CifarResNet",
        folder / "resnet20-12fca82f.th",
        mean=[0.485, 0.456, 0.406],
        std=[0.229, 0.224, 0.225],
    )
    first = np.load(folder / "cifar10_test_official_order.npz")["x"][:images].transpose(0, 3, 1, 2)
    return network.eval().requires_grad_(False), (first / 255).astype(np.float32)


@pytest.mark.parametrize("attack", list(ATTACKS))
@pytest.mark.parametrize("name", ["digit_cnn", "resnet20"])
def test_an_attack_against_its_bare_passes(
    benchmark: Any, name: str, attack: str, request: pytest.FixtureRequest
) -> None:
    if name == "resnet20" and not benchmark.enabled:
        pytest.skip("timed only")
    made = digit_cnn() if name == "digit_cnn" else resnet20(request.getfixturevalue("data_folder"))
    network, images = made
    inputs = torch.as_tensor(images)
    with torch.no_grad():
        labels = network(inputs).argmax(1)
    pool = LabelledInputs([str(i) for i in range(len(inputs))], inputs, labels)
    data = Examples(pool.ids, {"inputs": images, "labels": labels.numpy()}, facts={"classes": list("0123456789")})

    def alone(model: nn.Module) -> None:
        counted = CountedModel(model, 10, len(pool), "cpu")
        with counted.attacked_batch(torch.arange(len(pool)), LANES):
            ATTACKS[attack]().perturb(counted, pool, Context())

    def task(model: nn.Module) -> None:
        Classify().run(model, data, ATTACKS[attack](), Context())

    found = {}
    for what, ours in (("attack", alone), ("task", task)):
        passes = passes_of(network, ours)
        assert sum(one.size for one in passes) > len(pool)
        if benchmark.enabled:
            found[what] = ratio(lambda: ours(network), lambda: bare(network, inputs, labels, passes), pairs=9)  # noqa: B023
    benchmark.extra_info.update(found)
    if found:
        print(f"\n{attack} on {name}: {found['attack']:.3f} x its bare passes, the whole task {found['task']:.3f} x")
    benchmark.pedantic(alone, args=(network,), rounds=1)
