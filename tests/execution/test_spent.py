"""What a piece of work takes, with a clock and counters of energy that are made up."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from harness.execution.spent import Metering
from harness.instruments.energy import NO_SOURCE, POWERCAP_VARIABLE


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Work:
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    for file, content in (("name", "package-0"), ("max_energy_range_uj", "900000000000")):
        (zone / file).write_text(content)
    monkeypatch.setenv(POWERCAP_VARIABLE, str(tmp_path))
    made = _Work(zone / "energy_uj")
    monkeypatch.setattr(time, "perf_counter", lambda: made.seconds)
    return made


class _Work:
    """Takes 10 W."""

    def __init__(self, counter: Path) -> None:
        self._counter, self.seconds = counter, 0.0
        self.do(100.0)

    def do(self, seconds: float) -> None:
        self.seconds += seconds
        self._counter.write_text(str(int(10e6 * self.seconds)))


def test_what_is_paused_is_left_out(work: _Work) -> None:
    metering = Metering("cpu")
    work.do(2.0)
    with metering.paused():
        work.do(30.0)
    work.do(1.0)
    spent = metering.spent()
    assert spent.joules == pytest.approx(30.0)
    assert (spent.seconds, spent.energy_source) == (3.0, "RAPL package-0")


def test_what_fails_while_paused_is_left_out_too(work: _Work) -> None:
    metering = Metering("cpu")
    with pytest.raises(ValueError, match="no such file"), metering.paused():
        work.do(30.0)
        raise ValueError("no such file")
    assert metering.spent().seconds == 0.0


def test_without_counters_there_are_no_joules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POWERCAP_VARIABLE, str(tmp_path))
    metering = Metering("cpu")
    with metering.paused():
        pass
    spent = metering.spent()
    assert (spent.joules, spent.energy_source) == (None, NO_SOURCE)
