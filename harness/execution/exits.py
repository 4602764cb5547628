"""What the end of a worker, or an error when it writes, means for the work it was doing."""

from __future__ import annotations

import signal

from harness.contract.rows import Status


def status_of_exit(code: int, ended_for: str = "", *, memory_ran_out: bool = False) -> tuple[Status, str]:
    """Return the status and the reason of work whose worker has ended without a result.

    Args:
        code: the exit code of the worker; negative if a signal ended it.
        ended_for: why this process ended the worker; empty if it did not.
        memory_ran_out: whether the kernel says that it has killed a process for want of memory meanwhile.
    """
    if ended_for:
        return Status.TIMEOUT, ended_for + ("; it ignored TERM" if code == -signal.SIGKILL else "")
    if code == -signal.SIGKILL and memory_ran_out:
        return Status.OOM, "its worker was killed by the kernel, since memory had run out"
    # Nothing in a cell sends KILL to its own worker by chance; the kernel does when memory runs out.
    if code == -signal.SIGKILL:
        return Status.LOST, "its worker was killed from outside; was the machine out of memory?"
    if code < 0:
        return Status.CRASHED, f"its worker crashed: {signal.Signals(-code).name}"
    return Status.CRASHED, f"its worker exited with code {code} without a result"


def not_written(message: str) -> str:
    """Return the reason of a cell whose files could not be written, from the error, while others can be."""
    return f"it could not write its files: {message.rpartition(': ')[2]}"
