"""Claims on work."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.store.locks import try_claim
from harness.store.store import Store

HOLD = """
import sys, time
from pathlib import Path
from harness.store.locks import try_claim
assert try_claim(Path(sys.argv[1])) is not None
print("held", flush=True)
time.sleep(60)
"""


def test_one_holder_at_a_time_even_within_a_process(tmp_path: Path) -> None:
    first = try_claim(tmp_path / "work")
    assert first is not None
    assert try_claim(tmp_path / "work") is None
    assert try_claim(tmp_path / "other work") is not None
    first.release()
    first.release()
    assert try_claim(tmp_path / "work") is not None


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "work")], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert try_claim(tmp_path / "work") is None
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert try_claim(tmp_path / "work") is not None


def test_a_lock_file_removed_under_the_holder_protects_nobody_else(tmp_path: Path) -> None:
    """Whoever opens the name anew gets a claim of its own; nobody holds a file that has no name."""
    first = try_claim(tmp_path / "work")
    assert first is not None
    (tmp_path / "work").unlink()
    second = try_claim(tmp_path / "work")
    assert second is not None
    assert try_claim(tmp_path / "work") is None


def test_waiting_for_a_claim_is_told_and_ends(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    held = store.try_claim("weights", "k")
    assert held is not None
    told: list[float] = []
    threading.Timer(0.35, held.release).start()
    claim = store.claim("weights", "k", lambda: told.append(time.monotonic()))
    assert len(told) >= 2
    claim.release()


@pytest.mark.parametrize("is_made_anew", [False, True])
def test_a_lock_file_removed_between_opening_and_locking_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_made_anew: bool
) -> None:
    """Else the claim would be on a file that nobody else can open, and two would work on the same."""
    path = tmp_path / "work"
    lock, calls = fcntl.flock, []

    def flock(descriptor: int, operation: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            path.unlink()
            if is_made_anew:
                path.touch()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    claim = try_claim(path)
    assert claim is not None
    assert len(calls) == 2
    assert try_claim(path) is None
    claim.release()
    assert try_claim(path) is not None


def test_where_nothing_can_be_locked_everybody_has_the_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr(fcntl, "flock", flock)
    assert try_claim(tmp_path / "work") is not None
    assert try_claim(tmp_path / "work") is not None
