"""What the harness adds to the passes themselves, as ratios within one process.

Run with `make benchmarks`. Nothing here fails on a slow machine: the ratio is printed and stored, never asserted.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from harness.api import Context, LabelledInputs
from harness.instruments.counted_model import LANES, CountedModel
from harness_adversarial.attacks.gradient_attacks import PGD
from harness_vision.digit_models import DigitCNN
from harness_vision.digits import digits

STEPS, EPS = 20, 1e-4


@pytest.fixture(scope="module")
def model() -> DigitCNN:
    torch.manual_seed(0)
    return DigitCNN().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def pool(model: DigitCNN) -> LabelledInputs:
    """Examples that the model gets right and that so small a budget cannot fool: every pass is made."""
    data = digits("test")
    inputs = torch.as_tensor(data.columns["inputs"])
    with torch.no_grad():
        labels = model(inputs).argmax(1)
    return LabelledInputs(list(data.ids), inputs, labels)


def bare_loop(model: DigitCNN, pool: LabelledInputs, batch_size: int) -> Tensor:
    """The forward and backward passes of PGD, the last look included, and nothing else."""
    gradients = []
    for inputs, labels in zip(pool.inputs.split(batch_size), pool.labels.split(batch_size), strict=True):
        for _ in range(STEPS):
            candidate = inputs.clone().requires_grad_(True)
            loss = cross_entropy(model(candidate), labels, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, candidate)
        with torch.no_grad():
            model(inputs)
        gradients.append(gradient)
    return torch.cat(gradients)


def harness_pgd(model: DigitCNN, pool: LabelledInputs, batch_size: int) -> CountedModel:
    counted = CountedModel(model, 10, len(pool), "cpu")
    with counted.attacked_batch(torch.arange(len(pool)), LANES):
        PGD(EPS, steps=STEPS).perturb(counted, pool, Context(batch_size=batch_size))
    return counted


def ratio(ours: Callable[[], object], bare: Callable[[], object], pairs: int) -> float:
    """The median over pairs of the ratio of their times, each pair back to back."""
    found = []
    for _ in range(pairs):
        clock = time.perf_counter()
        bare()
        middle = time.perf_counter()
        ours()
        found.append((time.perf_counter() - middle) / (middle - clock))
    return statistics.median(found)


@pytest.mark.parametrize("batch_size", [128, 360])
def test_pgd_20_against_its_bare_passes(benchmark, model: DigitCNN, pool: LabelledInputs, batch_size: int) -> None:  # type: ignore[no-untyped-def]
    torch.set_num_threads(1)
    # The same passes on both sides, or the ratio means nothing.
    counted = harness_pgd(model, pool, batch_size)
    assert counted.forward_passes.total().tolist() == [STEPS + 1.0] * len(pool)
    assert counted.backward_passes.total().tolist() == [float(STEPS)] * len(pool)
    if benchmark.enabled:
        benchmark.extra_info["ratio to bare passes"] = ratio(
            lambda: harness_pgd(model, pool, batch_size), lambda: bare_loop(model, pool, batch_size), pairs=9
        )
        print(
            f"\nPGD-{STEPS}, batch {batch_size}: {benchmark.extra_info['ratio to bare passes']:.3f} x its bare passes"
        )
    benchmark.pedantic(harness_pgd, args=(model, pool, batch_size), rounds=5, warmup_rounds=1)
