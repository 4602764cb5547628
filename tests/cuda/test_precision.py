"""Float32 on a GPU is float32: TF32, which keeps 10 bits of each input, is off in every run."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

pytestmark = pytest.mark.cuda

# A running sum of k products of size 1 grows to sqrt(k), and k roundings of eps / 2 of it add up to about k * eps / 2.
# TF32, which rounds the inputs to 2 ** -11, errs by about 2 ** -11 * sqrt(k), some hundred times as much.
CODE = """
import sys, torch
from torch.nn.functional import conv2d
from harness.execution.devices import pin_numerics

torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
pin_numerics(1)
generator = torch.Generator().manual_seed(0)
def draw(*shape):
    return torch.randn(*shape, generator=generator)
for name, k, call, given in (
    ("matmul", 1024, torch.matmul, (draw(256, 1024), draw(1024, 256))),
    ("conv2d", 64 * 9, conv2d, (draw(8, 64, 16, 16), draw(64, 64, 3, 3))),
):
    exact = call(*(tensor.double() for tensor in given))
    found = call(*(tensor.to(sys.argv[1]) for tensor in given)).cpu().double()
    print(name, float((found - exact).abs().max() / k))
"""


def test_products_are_exact_to_float32(gpu: str) -> None:
    """In a process of its own, since these settings outlive a test; TF32 is first switched on."""
    shown = subprocess.run([sys.executable, "-c", CODE, gpu], capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    errors = {name: float(error) for name, error in (line.split() for line in shown.stdout.splitlines())}
    print(errors)
    assert set(errors) == {"matmul", "conv2d"}
    assert all(0 < error < 4 * torch.finfo(torch.float32).eps for error in errors.values()), errors
