"""No attack of gradients waits for the device between its steps; flags that are read a step late change no verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from harness.api import Context, LabelledInputs
from harness.api.instruments import LANES, CountedModel
from harness.attacks import batch_slots
from harness.attacks.completion_flags import CompletionFlags
from harness.instruments import checksums
from harness_adversarial.attacks.apgd import APGD, APGDTargeted
from harness_adversarial.attacks.fab import FABTargeted
from harness_adversarial.attacks.gradient_attacks import PGD
from harness_classification.indicators.watch import AttackWatch
from harness_vision.digits import digits

WAITS = ("item", "tolist", "cpu", "numpy", "__bool__", "__int__", "__float__", "__index__", "nonzero", "masked_select")
ATTACKS: dict[str, Callable[[], Any]] = {
    "pgd": lambda: PGD(0.1, steps=8),
    "pgd l2": lambda: PGD(0.8, "l2", steps=8),
    "apgd": lambda: APGD(0.1, steps=12),
    "apgd l2": lambda: APGD(0.8, "l2", steps=12),
    "targeted apgd": lambda: APGDTargeted(0.1, steps=12, targets=2),
    "fab": lambda: FABTargeted(0.1, steps=6, targets=2),
}


class Waits(TorchFunctionMode):
    """Notes what would make the host wait for a GPU, by how many passes had been made then."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0
        self.found: list[tuple[int, str]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in ("__getitem__", "__setitem__"):
            parts = args[1] if isinstance(args[1], tuple) else (args[1],)
            if any(isinstance(part, Tensor) and part.dtype == torch.bool for part in parts):
                self.found.append((self.passes, f"{name} by mask"))
        elif name in WAITS:
            self.found.append((self.passes, name))
        return func(*args, **(kwargs or {}))


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    linear = nn.Linear(64, 10)
    linear.weight.data *= 10
    return nn.Sequential(nn.Flatten(), linear).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def pool(network: nn.Module) -> LabelledInputs:
    data = digits("test")
    inputs = torch.as_tensor(data.columns["inputs"])[:48]
    with torch.no_grad():
        labels = network(inputs).argmax(1)
    return LabelledInputs(list(data.ids[:48]), inputs, labels)


def attacked(network: nn.Module, pool: LabelledInputs, attack: Any, batch_size: int) -> tuple[Tensor, Tensor]:
    """The points and the passes."""
    counted = CountedModel(network, 10, len(pool), "cpu")
    counted.observer = AttackWatch(pool, None, attack.threat, 1e-6)
    with counted.attacked_batch(torch.arange(len(pool)), LANES):
        points = attack.perturb(counted, pool, Context(batch_size=batch_size))
    return points, counted.backward_passes.total()


@pytest.mark.parametrize("attack", list(ATTACKS))
def test_steps_do_not_wait_though_examples_are_fooled_and_the_batch_is_refilled(
    network: nn.Module, pool: LabelledInputs, attack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The host stands for a device, which has other code for the sums of its inputs.
    monkeypatch.setattr(checksums, "_sums_on_host", checksums._sums_on_device)
    waits = Waits()

    class Counting(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            waits.passes += 1
            logits: Tensor = network(inputs)
            return logits

    with waits:
        points, passes = attacked(Counting(), pool, ATTACKS[attack](), batch_size=16)
    with torch.no_grad():
        fooled = network(points).argmax(1) != pool.labels
    assert 0 < int(fooled.sum()) < len(pool)
    assert len(passes.unique()) > 2
    # Views of the host's own buffers, taken before the first step.
    assert [what for _, what in waits.found] == ["numpy", "numpy"]


def test_a_wait_is_noticed() -> None:
    waits = Waits()
    with waits:
        values = torch.arange(3.0)
        bool(values[values > 1].sum() > 0)
        values.max().item()
    assert [what for _, what in waits.found] == ["__getitem__ by mask", "__bool__", "item"]


@pytest.mark.parametrize("attack", list(ATTACKS))
def test_late_flags_change_no_verdict_and_cost_one_step(
    network: nn.Module, pool: LabelledInputs, attack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    points, passes = attacked(network, pool, ATTACKS[attack](), batch_size=16)
    monkeypatch.setattr(batch_slots, "CompletionFlags", lambda n, device, late: CompletionFlags(n, device, late=True))
    late_points, late_passes = attacked(network, pool, ATTACKS[attack](), batch_size=16)
    with torch.no_grad():
        verdicts = [network(given).argmax(1) != pool.labels for given in (points, late_points)]
    assert torch.equal(*verdicts)
    more = late_passes - passes
    assert more.min() >= 0
    assert more.max() == 1


def test_flags_are_of_this_step_or_of_the_one_before() -> None:
    now, late = CompletionFlags(3, torch.device("cpu")), CompletionFlags(3, torch.device("cpu"), late=True)
    rows = torch.tensor([2, 0])
    for flags in (now, late):
        assert flags.set(rows, torch.tensor([True, False])).tolist() == [True, False]
    assert now.read().tolist() == [False, False, True]
    assert late.read().tolist() == [False, False, False]
    # What is done stays done, even if a model that is random says otherwise when asked again.
    assert late.set(rows, torch.tensor([False, False])).tolist() == [True, False]
    assert np.array_equal(late.read(), [False, False, True])
