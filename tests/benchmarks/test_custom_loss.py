"""A third party's PGD on a loss of its own against the native one, as a ratio within one process; never asserted.

Run with `make benchmarks`.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from attacks.plugins.own_loss import OwnLoss
from benchmarks.bare_passes import ratio
from harness.api import Context, LabelledInputs
from harness.instruments.counted_model import LANES, CountedModel
from harness_adversarial.attacks.gradient_attacks import PGD
from harness_vision.digit_models import DigitCNN
from harness_vision.digits import digits


@pytest.mark.parametrize("eps", [1e-4, 0.08])
def test_a_loss_of_its_own_is_as_fast_as_the_native_one(benchmark: Any, eps: float) -> None:
    torch.manual_seed(0)
    model = DigitCNN().eval().requires_grad_(False)
    inputs = torch.as_tensor(digits("test").columns["inputs"])
    with torch.no_grad():
        labels = model(inputs).argmax(1)
    pool = LabelledInputs([str(i) for i in range(len(inputs))], inputs, labels)

    def passes(attack: Any) -> float:
        counted = CountedModel(model, 10, len(pool), "cpu")
        with counted.attacked_batch(torch.arange(len(pool)), LANES):
            attack.perturb(counted, pool, Context())
        return float(counted.forward_passes.total().sum() + counted.backward_passes.total().sum())

    own, native = OwnLoss(eps, steps=10), PGD(eps, steps=10, loss="margin")
    assert passes(own) == passes(native)
    if benchmark.enabled:
        found = benchmark.extra_info["ratio to native"] = ratio(lambda: passes(own), lambda: passes(native), pairs=15)
        print(f"\nown loss, eps {eps:g}: {found:.3f} x the time of the native one for the same passes")
    benchmark.pedantic(passes, args=(own,), rounds=2)
