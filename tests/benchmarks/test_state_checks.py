"""What comparing the state of the process, the model and the data around a cell costs, as a share of a second.

Run with `make benchmarks`; no timing is asserted.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from torch import nn

from harness.contract.data import Examples
from harness.execution.data_digest import data_facts
from harness.execution.process_state import ProcessState
from harness.instruments.object_state import ObjectState
from harness_classification.classify import Classify


def layers(n: int, width: int) -> nn.Module:
    """So many convolutions with their normalisation."""
    rows = [[nn.Conv2d(width, width, 3), nn.BatchNorm2d(width), nn.ReLU()] for _ in range(n)]
    return nn.Sequential(*(layer for row in rows for layer in row)).eval().requires_grad_(False)


SIZES = {"digits network": (2, 32), "size of ResNet-20": (20, 38), "size of ResNet-50": (53, 220)}


@pytest.mark.parametrize("name", SIZES)
def test_the_checks_of_a_cell(benchmark: Any, name: str) -> None:
    model = layers(*SIZES[name])
    inputs = np.zeros((1000, 64), dtype=np.float32)
    data = Examples([str(i) for i in range(len(inputs))], {"inputs": inputs})
    process = ProcessState([Classify.__module__.partition(".")[0]])
    process.begin_cell()
    parts = {
        "process": lambda: (process.begin_cell(), process.end_cell()),
        "model": lambda: ObjectState.of(model),
        "weights, twice": lambda: (ObjectState.weights_of(model), ObjectState.weights_of(model)),
        "data": lambda: data_facts(data),
    }
    assert process.end_cell() == ""
    assert not ObjectState.of(model).changes(ObjectState.of(model))
    if benchmark.enabled:
        seconds = {what: _cpu_seconds(check) for what, check in parts.items()}
        benchmark.extra_info.update(seconds)
        shown = ", ".join(f"{what} {100 * each:.2f} %" for what, each in seconds.items())
        print(f"\n{name}: {100 * sum(seconds.values()):.2f} % of a second ({shown})")
    benchmark.pedantic(parts["process"], rounds=1)


def _cpu_seconds(check: Any, rounds: int = 10) -> float:
    check()
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        check()
        best = min(best, time.process_time() - start)
    return best
