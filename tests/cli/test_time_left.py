"""The time that a run still takes."""

from __future__ import annotations

from harness.cli.time_left import TimeLeft


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_counts_down_between_reports() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    assert str(left) == "-:--"
    clock.now += 30
    left.update(0.25)
    assert str(left) == "1:30"
    clock.now += 20
    assert str(left) == "1:10"
    clock.now += 100
    assert left.seconds == 0


def test_a_report_inside_of_a_long_cell_moves_it() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    clock.now += 10
    left.update(0.5)
    clock.now += 10
    left.update(0.5)  # nothing new: still 10 s from when it was told
    assert left.seconds == 0
    left.update(0.6)
    assert left.seconds == 20 / 0.6 * 0.4


def test_hours_are_shown() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    clock.now += 60
    left.update(0.01)
    assert str(left) == "1:39:00"
