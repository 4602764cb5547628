"""Attacks let a device work on its own: a step reads nothing back from it.

Without a GPU nothing waits, so the reads are counted instead: by a mode that sees every operation of torch, in short
and in long attacks. Those before and after the steps are as many in both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from harness.api import Context, LabelledInputs
from harness.attacks import completion_flags
from harness.attacks.batch_slots import BatchSlots
from harness.instruments.counted_model import LANES, CountedModel
from harness_adversarial.attacks.apgd import APGD
from harness_adversarial.attacks.ddn import DDN
from harness_adversarial.attacks.fmn import FMN
from harness_adversarial.attacks.gradient_attacks import PGD
from harness_adversarial.attacks.square import Square

EPS = 1e-4
"""So small that no example is ever done: every step is like the others."""
ATTACKS: dict[str, Callable[[int], Any]] = {
    "pgd": lambda steps: PGD(EPS, steps=steps),
    "pgd in l2": lambda steps: PGD(EPS, steps=steps, norm="l2"),
    "apgd": lambda steps: APGD(EPS, steps=steps),
    "square": lambda steps: Square(EPS, queries=steps),
    "fmn": lambda steps: FMN("linf", steps=steps),
    "ddn": lambda steps: DDN(steps=steps),
}
_READS = ("_local_scalar_dense", "nonzero", "equal", "is_nonzero", "masked_select", "unique", "_unique2")


class HostReads(TorchDispatchMode):
    """Counts the operations that a device must have finished before the host can go on."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        indexed_by_mask = name == "index" and any(
            each is not None and each.dtype is torch.bool for each in (args[1] if len(args) > 1 else ())
        )
        if name in _READS or indexed_by_mask:
            self.found[name] += 1
        return func(*args, **(kwargs or {}))


@pytest.fixture(autouse=True)
def _late_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    """Completion is read as from a GPU: one step later."""
    original = completion_flags.CompletionFlags.__init__

    def late(self: Any, examples: int, device: torch.device, late: bool | None = None) -> None:
        original(self, examples, device, late=True)

    monkeypatch.setattr(completion_flags.CompletionFlags, "__init__", late)


def reads(make: Callable[[int], Any], steps: int) -> Counter[str]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 3)).eval().requires_grad_(False)
    inputs: Tensor = torch.rand(6, 3, 4, 4)
    labels = network(inputs).argmax(1)
    pool = LabelledInputs([str(number) for number in range(6)], inputs, labels)
    counted = CountedModel(network, 3, 6, "cpu")
    with counted.attacked_batch(torch.arange(6), LANES), HostReads() as mode:
        make(steps).perturb(counted, pool, Context())
    return mode.found


@pytest.mark.parametrize("name", ATTACKS)
def test_a_step_reads_nothing_from_the_device(name: str) -> None:
    few, many = reads(ATTACKS[name], 40), reads(ATTACKS[name], 80)
    more = {what: many[what] - few[what] for what in many if many[what] > few[what]}
    assert more == {}


def test_slots_are_told_apart_without_reading_them() -> None:
    """Under inference mode too a pass over the same slots looks up its examples once."""
    pool = LabelledInputs(list("abcd"), torch.rand(4, 3), torch.zeros(4, dtype=torch.long))
    with torch.inference_mode():
        slots = BatchSlots.of(pool, [0, 1, 2], 0)
        for made in (slots, slots.take(np.array([2, 0])), slots.joined(BatchSlots.of(pool, [3], 0))):
            before = made.row._version
            assert not made.row.is_inference()
            made.row.add_(0)
            assert made.row._version > before


def test_the_mode_sees_what_it_is_for() -> None:
    values = torch.rand(4)
    with HostReads() as mode:
        values[0].item()
        bool(values[1] > 0)
        values.tolist()
        values[values > 0.5]
        torch.nonzero(values)
    assert mode.found["_local_scalar_dense"] >= 2
    assert mode.found["index"] + mode.found["nonzero"] >= 2
