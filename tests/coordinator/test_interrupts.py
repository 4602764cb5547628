"""Interruption is noticed where nothing is half done."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from harness.coordinator.interrupts import Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_noted_and_the_second_raised(number: signal.Signals) -> None:
    with Interrupts() as interrupts:
        os.kill(os.getpid(), number)
        assert interrupts.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)


def test_code_of_plugins_is_interrupted_at_once() -> None:
    with Interrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt), interrupts.raising(True):
            os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.requested


def test_handlers_return() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_outside_the_main_thread_nothing_is_caught() -> None:
    found = []

    def run() -> None:
        with Interrupts() as interrupts:
            found.append(interrupts.requested)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [False]
