"""What an attack and its verification hold at once, counted by tensors: at most six times the window of inputs.

Constants that bound what is converted at once are made smaller with the window, in the proportion that they have to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from benchmarks.streamed_images import OneConvolution, StreamedImages
from harness.api import Attack, Context
from harness.attacks import l1_ball
from harness.instruments import norms
from harness_adversarial.attacks import fab
from harness_adversarial.attacks.apgd import APGD, APGDTargeted
from harness_adversarial.attacks.auto_attack import AutoAttack
from harness_adversarial.attacks.carlini_wagner import CarliniWagner
from harness_adversarial.attacks.ddn import DDN
from harness_adversarial.attacks.deepfool import DeepFool
from harness_adversarial.attacks.eot_pgd import EotPGD
from harness_adversarial.attacks.fmn import FMN
from harness_adversarial.attacks.gradient_attacks import FGSM, PGD
from harness_adversarial.attacks.pgd_curve import PGDCurve
from harness_adversarial.attacks.square import Square
from harness_classification import attack_verification, windows
from harness_classification.classify import Classify
from harness_classification.indicators import survivors, watch
from live_tensors import LiveTensors

MOST = 6.0
"""Windows' worth of tensors at once."""
SIDE, EXAMPLES, WINDOW = 16, 176, 160
IMAGE = 4 * 3 * SIDE * SIDE
"""Bytes."""
EPS = 4 / 255
ATTACKS: dict[str, Callable[[], Attack]] = {
    "fgsm": lambda: FGSM(EPS),
    "pgd": lambda: PGD(EPS, steps=2),
    "pgd l2": lambda: PGD(0.2, "l2", steps=2),
    "pgd l1": lambda: PGD(2.0, "l1", steps=1),
    "apgd": lambda: APGD(EPS, steps=4),
    "apgd l2": lambda: APGD(0.2, "l2", steps=4),
    "apgd l1": lambda: APGD(2.0, "l1", steps=1),
    "targeted apgd": lambda: APGDTargeted(EPS, steps=2, targets=2),
    "fab": lambda: fab.FABTargeted(EPS, targets=2, steps=2),
    "fab l2": lambda: fab.FABTargeted(None, "l2", targets=2, steps=2),
    "square": lambda: Square(EPS, queries=4),
    "square l2": lambda: Square(0.2, "l2", queries=4),
    "autoattack": lambda: AutoAttack(EPS, steps=2, targets=2, queries=3),
    "pgd curve": lambda: PGDCurve([EPS / 2, EPS, 8 * EPS], steps=2),
    "eot pgd": lambda: EotPGD(EPS, steps=1, draws=6),
    "carlini wagner": lambda: CarliniWagner(steps=2, searches=2, bisections=2),
    "ddn": lambda: DDN(steps=2, bisections=2),
    "fmn": lambda: FMN(steps=2, bisections=2),
    "deepfool": lambda: DeepFool(steps=2, bisections=2),
}


class AllRight(StreamedImages):
    """Images whose labels are what the network says, so that all are attacked."""

    def take(self, indices: Any) -> Any:
        columns = super().take(indices)
        with torch.no_grad():
            labels = OneConvolution()(torch.from_numpy(columns["inputs"])).argmax(dim=1)
        return {**columns, "labels": labels.numpy()}


def windows_live(attack: Attack, batch_size: int) -> float:
    live = LiveTensors(least=IMAGE)
    with live:
        data, ctx = AllRight(EXAMPLES, SIDE), Context(batch_size=batch_size, chunk=16)
        Classify().run(OneConvolution().eval(), data, attack, ctx)
    return live.peak / windows.ATTACK_BYTES


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two windows, so that what is kept of the first is counted; little else is kept, as beside a window of 640."""
    of_window = windows.ATTACK_BYTES
    for module in (norms, l1_ball, fab):
        monkeypatch.setattr(module, "_ELEMENTS_AT_ONCE", module._ELEMENTS_AT_ONCE * WINDOW * IMAGE // of_window)
    monkeypatch.setattr(watch, "_ROWS_AT_ONCE", 16)
    monkeypatch.setattr(attack_verification, "HARDEST", 2)
    monkeypatch.setattr(survivors, "FEWEST", 4)
    monkeypatch.setattr(survivors, "MOST", 4)
    monkeypatch.setattr(windows, "ATTACK_BYTES", WINDOW * IMAGE)


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_holds_more_than_six_windows(name: str) -> None:
    assert windows_live(ATTACKS[name](), 64) <= MOST


def test_a_larger_batch_takes_no_more() -> None:
    small, large = (windows_live(PGD(EPS, steps=2), size) for size in (8, 4096))
    assert large == pytest.approx(small, rel=0.05)
    assert large <= MOST


def test_live_tensors_are_counted_once_and_with_those_of_the_graph() -> None:
    live = LiveTensors()
    with live:
        first = torch.zeros(1000)
        views = [first[:10], first.view(10, 100)]
        assert live.peak == 4000
        square = (first.requires_grad_() * 2).square()
        del first, views
    # The input, what the graph keeps of it, and the result.
    assert live.peak == 12000
    assert float(square.sum()) == 0
