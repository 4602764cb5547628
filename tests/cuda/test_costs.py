"""Costs on a GPU: the same operations as on the CPU, and memory that torch measures."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from anchors.test_flops import CASES
from harness.execution.spent import Metering
from harness.instruments.flops import count_flops
from harness.instruments.memory import ON_GPU

pytestmark = pytest.mark.cuda


@pytest.mark.parametrize("name", CASES)
def test_operations_are_those_of_the_cpu(name: str, gpu: str) -> None:
    module, inputs, expected = CASES[name]
    try:
        counted = count_flops(module.to(gpu).eval(), *(each.to(gpu) for each in inputs))
    finally:
        module.to("cpu")
    assert (counted.total, counted.uncounted) == (expected, ())


def test_memory_is_the_peak_of_tensors(gpu: str) -> None:
    before = torch.cuda.memory_allocated(gpu)
    metering = Metering(gpu)
    made: Tensor = torch.zeros(2**24, device=gpu)
    del made
    spent = metering.spent()
    assert spent.memory_source == ON_GPU
    assert spent.peak_memory is not None
    assert spent.peak_memory - before == pytest.approx(2**26, rel=0.01)
