"""What native attacks add to their own passes on a GPU, as ratios of wall time; no timing is asserted, but shown."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest
import torch

from benchmarks.bare_passes import bare, passes_of
from benchmarks.test_attack_overhead import ATTACKS
from harness.api import Context, Examples
from harness_classification.classify import Classify
from harness_vision.published_architectures import CifarResNet

pytestmark = pytest.mark.cuda
N = 512


def seconds(call: Callable[[], object], device: str) -> float:
    """The median of three, each with the device idle before and after."""
    wait = (lambda: torch.cuda.synchronize(device)) if device != "cpu" else (lambda: None)
    taken = []
    for _ in range(3):
        wait()
        clock = time.monotonic()
        call()
        wait()
        taken.append(time.monotonic() - clock)
    return statistics.median(taken)


@pytest.mark.parametrize("attack", list(ATTACKS))
def test_the_task_against_the_passes_it_makes(attack: str, gpu: str) -> None:
    torch.manual_seed(0)
    n = 16 if gpu == "cpu" else N
    network = CifarResNet(3).eval().requires_grad_(False).to(gpu)
    inputs = torch.rand(n, 3, 32, 32).to(gpu)
    with torch.no_grad():
        labels = network(inputs).argmax(1)
    columns = {"inputs": inputs.cpu().numpy(), "labels": labels.cpu().numpy()}
    data = Examples([str(i) for i in range(n)], columns, facts={"classes": list("0123456789")})

    def task(model: torch.nn.Module) -> None:
        Classify().run(model, data, ATTACKS[attack](), Context(device=gpu, batch_size=n))

    passes = passes_of(network, task)
    assert sum(one.size for one in passes) > n
    ours, alone = seconds(lambda: task(network), gpu), seconds(lambda: bare(network, inputs, labels, passes), gpu)
    print(f"\n{attack} on {gpu}: {ours:.3f} s, {ours / alone:.2f} x its bare passes")
