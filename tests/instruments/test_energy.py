"""Counters of energy in a folder that is made up, as the kernel lays it out."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from harness.instruments.energy import NO_SOURCE, POWERCAP_VARIABLE, Energy, energy_meter

RANGE = 262_143_328_850


def zone(folder: Path, number: str, name: str, value: int, range_: int = RANGE) -> Path:
    """A zone of RAPL; returns the file of its counter."""
    made = folder / f"intel-rapl:{number}"
    made.mkdir(parents=True)
    for file, content in (("name", name), ("energy_uj", value), ("max_energy_range_uj", range_)):
        (made / file).write_text(f"{content}\n")
    return made / "energy_uj"


def test_packages_are_added_up_and_their_parts_are_not(tmp_path: Path) -> None:
    one, other = zone(tmp_path, "0", "package-0", 5_000_000), zone(tmp_path, "1", "package-1", 0)
    parts = [zone(tmp_path, "0:0", "core", 0), zone(tmp_path, "2", "psys", 0), zone(tmp_path / "mmio", "0", "x", 0)]
    meter = energy_meter("cpu", tmp_path)
    before = meter.readings()
    one.write_text("12500000\n")
    other.write_text("250000\n")
    for part in parts:
        part.write_text("99000000\n")
    assert meter.used_since(before, 2.0) == Energy(7.75, "RAPL package-0 + RAPL package-1")


def test_a_counter_that_starts_again_goes_on_from_its_range(tmp_path: Path) -> None:
    counter = zone(tmp_path, "0", "package-0", RANGE - 1_000_000)
    meter = energy_meter("cpu", tmp_path)
    before = meter.readings()
    counter.write_text("2000000")
    used = meter.used_since(before, 2.0)
    assert used.joules == pytest.approx(3.0)
    assert used.source == "RAPL package-0"


def test_a_counter_that_may_have_gone_round_twice_says_so(tmp_path: Path) -> None:
    counter = zone(tmp_path, "0", "package-0", 0)
    meter = energy_meter("cpu", tmp_path)
    before = meter.readings()
    counter.write_text("2000000")
    assert "at least" in meter.used_since(before, 263.0).source
    assert "at least" not in meter.used_since(before, 262.0).source


def test_the_folder_is_named_by_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zone(tmp_path, "0", "package-0", 0)
    monkeypatch.setenv(POWERCAP_VARIABLE, str(tmp_path))
    assert [counter.name for counter in energy_meter("cpu").counters] == ["RAPL package-0"]


def test_no_folder_is_no_source(tmp_path: Path) -> None:
    meter = energy_meter("cpu", tmp_path / "none")
    assert meter.used_since(meter.readings(), 1.0) == Energy(None, NO_SOURCE)


@pytest.mark.parametrize("file", ["name", "energy_uj", "max_energy_range_uj"])
@pytest.mark.parametrize("damage", ["missing", "not a number", "only root"])
def test_a_counter_that_cannot_be_read_is_no_source(
    file: str, damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = zone(tmp_path, "0", "package-0", 0).with_name(file)
    if damage == "missing":
        damaged.unlink()
    elif damage == "not a number":
        damaged.write_text("\x00" if file != "name" else "")
    else:
        monkeypatch.setattr(Path, "read_text", _only_root(Path.read_text, damaged))
    meter = energy_meter("cpu", tmp_path)
    is_readable = file == "name" and damage == "not a number"
    assert (meter.used_since(meter.readings(), 1.0).joules is not None) == is_readable


def test_a_counter_that_goes_away_is_no_source(tmp_path: Path) -> None:
    counter = zone(tmp_path, "0", "package-0", 0)
    meter = energy_meter("cpu", tmp_path)
    before = meter.readings()
    counter.unlink()
    assert meter.used_since(before, 1.0) == Energy(None, NO_SOURCE)


def _only_root(read: Any, forbidden: Path) -> Any:
    def read_text(self: Path, **options: Any) -> str:
        if self == forbidden:
            raise PermissionError(13, "Permission denied")
        text: str = read(self, **options)
        return text

    return read_text


class _NVMLError(Exception):
    """As pynvml's."""


def _nvml(millijoules: list[int | None]) -> Any:
    def total(gpu: str) -> int:
        value = millijoules.pop(0)
        if gpu != "GPU-abc" or value is None:
            raise _NVMLError
        return value

    return SimpleNamespace(
        NVMLError=_NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=lambda uuid: uuid,
        nvmlDeviceGetTotalEnergyConsumption=total,
    )


@pytest.mark.parametrize(
    ("millijoules", "expected"),
    [
        ([0, 0, 1000, 3500], Energy(2.5, "NVML cuda:0")),
        ([None], Energy(None, NO_SOURCE)),
        ([0, 0, 1, None], Energy(None, NO_SOURCE)),
    ],
    ids=["a GPU", "one that does not say", "one that falls off the bus"],
)
def test_a_gpu_is_read_through_nvml(
    millijoules: list[int | None], expected: Energy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", _nvml(millijoules))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid="abc"))
    meter = energy_meter("cuda:0", tmp_path)
    assert meter.used_since(meter.readings(), 1.0) == expected


def test_without_pynvml_a_gpu_is_no_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert energy_meter("cuda:0", tmp_path).counters == []
