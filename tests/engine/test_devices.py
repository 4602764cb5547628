"""Choosing a device."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from harness.contract.errors import UsageError
from harness.engine.devices import choose_device

needs_cpu_build = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:", "CPU", "", "cuda:-1", "cpu:0"])
def test_unknown_devices(name: str) -> None:
    with pytest.raises(UsageError, match=r"unknown device .*use cpu, cuda, cuda:N, mps or auto"):
        choose_device(name)


def test_numerics_are_pinned_in_every_run() -> None:
    """In a process of its own, since these settings outlive a test."""
    code = (
        "import torch; from harness.engine.devices import pin_numerics; pin_numerics(2); c = torch.backends.cudnn;"
        "print(torch.get_num_threads(), torch.get_float32_matmul_precision());"
        "print(c.allow_tf32, c.benchmark, c.deterministic)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["2", "highest", "False", "False", "True"]


@needs_cpu_build
@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:3"])
def test_cuda_asked_for_and_absent(name: str) -> None:
    with pytest.raises(UsageError, match=f"device {name} was asked for, but torch .* sees no GPU; use --device cpu"):
        choose_device(name)


@pytest.mark.skipif(sys.platform == "darwin", reason="may have Metal")
def test_mps_asked_for_and_absent() -> None:
    with pytest.raises(UsageError, match="no Metal support"):
        choose_device("mps")


@needs_cpu_build
def test_auto_is_the_cpu_here() -> None:
    assert choose_device("auto") == "cpu"


@pytest.mark.cuda
def test_auto_is_the_gpu_there() -> None:
    assert choose_device("auto") == "cuda:0"
    assert choose_device("cuda") == "cuda:0"
    with pytest.raises(UsageError, match="counted from cuda:0"):
        choose_device("cuda:99")


@pytest.mark.skipif(torch.version.cuda is not None, reason="only a CPU build can be known without importing torch")
def test_auto_does_not_import_torch() -> None:
    code = "from harness.engine.devices import choose_device as c; c('auto'); import sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
