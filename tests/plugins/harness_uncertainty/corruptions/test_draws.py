"""Random numbers of corruptions: those of torch, in a precision in which processors agree."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from harness.api import Context
from harness_uncertainty.corruptions.draws import Draws


@pytest.mark.parametrize("shape", [(64,), (1, 8, 8), (3, 32, 32)])
def test_normal_draws_are_those_of_torch_but_for_round_off(shape: tuple[int, ...]) -> None:
    ctx, ids = Context(seed=3), ["a", "b"]
    found = Draws(ctx, ids, "noise").normal(*shape)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found.float(), ctx.normal(ids, shape, "noise"), rtol=0, atol=5e-6)


def test_any_number_of_draws_is_the_beginning_of_more() -> None:
    draws = Draws(Context(seed=0), ["a"], "noise")
    assert draws.normal(5).tolist() == draws.normal(16)[:, :5].tolist()
    many = draws.normal(100_000)
    assert abs(float(many.mean())) < 4 / 100_000**0.5
    assert abs(float(many.var()) - 1) < 4 * (2 / 100_000) ** 0.5


_DIGESTS = """
import hashlib
import torch
from harness.api import Context
from harness_uncertainty.data.corruptions import OWN_KINDS, STRENGTHS, corrupt
images = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
for kind in (*OWN_KINDS, *STRENGTHS):
    made = corrupt(images, list("abcd"), kind, 3, Context(seed=0), 0.0, 1.0)
    print(kind, hashlib.sha256(made.numpy().tobytes()).hexdigest())
"""


def test_all_corruptions_are_equal_to_the_bit_with_the_arithmetic_of_an_old_processor() -> None:
    oldest = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "COMPATIBLE"}
    printed = [
        subprocess.run(
            [sys.executable, "-c", _DIGESTS], capture_output=True, text=True, check=True, env={**os.environ, **settings}
        ).stdout
        for settings in ({}, oldest)
    ]
    assert printed[0].count("\n") == 18
    assert printed[0] == printed[1]
