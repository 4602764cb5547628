"""Choosing a device."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import torch

from harness.contract.errors import UsageError
from harness.execution.devices import choose_device, choose_devices, device_elsewhere, seen_by_worker

needs_cpu_build = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:", "CPU", "", "cuda:-1", "cpu:0"])
def test_unknown_devices(name: str) -> None:
    with pytest.raises(UsageError, match=r"unknown device .*use cpu, cuda, cuda:N, mps or auto"):
        choose_device(name)


def test_numerics_are_pinned_in_every_run() -> None:
    """In a process of its own, since these settings outlive a test."""
    code = (
        "import torch; from harness.execution.precision import pin_numerics; pin_numerics(2); c = torch.backends.cudnn;"
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
    code = (
        "from harness.execution.devices import choose_device as c; c('auto'); import sys; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_workers_share_the_devices_in_turn() -> None:
    assert choose_devices("cpu") == ("cpu",)
    assert choose_devices("cpu", 3) == ("cpu", "cpu", "cpu")


@pytest.mark.parametrize(
    ("wanted", "workers", "told"),
    [
        ("cpu,cpu", None, "'cpu,cpu' names a device twice; to share one, use --workers"),
        ("cpu,tpu", None, "unknown device 'tpu'"),
        ("", None, "unknown device ''"),
    ],
)
def test_devices_that_do_not_go_together(wanted: str, workers: int | None, told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        choose_devices(wanted, workers)


def test_devices_of_two_kinds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results may differ between a CPU and a GPU, and the rows of a run must be comparable."""
    monkeypatch.setattr("harness.execution.devices.choose_device", lambda name: name)
    with pytest.raises(
        UsageError, match="devices of one kind are needed, since results may differ between cpu and cuda"
    ):
        choose_devices("cpu,cuda:0")
    with pytest.raises(UsageError, match="2 devices need at least as many workers, not 1"):
        choose_devices("cuda:0,cuda:1", 1)
    assert choose_devices("cuda:0,cuda:1", 4) == ("cuda:0", "cuda:1", "cuda:0", "cuda:1")


def test_a_worker_sees_its_own_gpu_only() -> None:
    assert seen_by_worker("cuda:1", 2, {})[0] == "cuda:0"
    assert seen_by_worker("cuda:1", 2, {})[1]["CUDA_VISIBLE_DEVICES"] == "1"
    assert seen_by_worker("cuda:1", 2, {"CUDA_VISIBLE_DEVICES": "4, GPU-7f"})[1]["CUDA_VISIBLE_DEVICES"] == "GPU-7f"
    device, environment = seen_by_worker("cpu", 2, {"HOME": "/h"})
    assert (device, environment["OMP_NUM_THREADS"], environment["HOME"]) == ("cpu", "2", "/h")
    assert environment["CUDA_VISIBLE_DEVICES"] == ""


def test_devices_of_other_machines_are_not_looked_for_here() -> None:
    assert [device_elsewhere(name) for name in ("auto", "cuda", "cuda:7")] == [("cpu",), ("cuda",), ("cuda:7",)]
    with pytest.raises(UsageError, match="device 'cuda,cpu' of other machines is cpu, cuda, cuda:N or mps"):
        device_elsewhere("cuda,cpu")
