"""Errors that a user or a plugin author can act on; each says what is wrong, where, and what to do."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line."""

    OK = 0
    CELL_NOT_OK = 1
    USAGE = 2
    GATE_FAILED = 3
    INTERNAL = 4
    INTERRUPTED = 130


class HarnessError(Exception):
    """An error that the user can correct. Shown without a traceback unless `--debug` is given."""

    exit_code: Exit = Exit.USAGE


class UsageError(HarnessError):
    """A command line, name, device or folder that cannot be used."""


class SuiteError(HarnessError):
    """A suite file that does not say what to measure."""


class StoreError(HarnessError):
    """The results folder cannot be read or written."""


class MissingData(HarnessError):
    """Data that is not on this machine, with the way to get it.

    In a cell it becomes the status `failed` with this message as the reason.
    """


class InvalidOutput(HarnessError):
    """A plugin returned what its contract forbids: a wrong shape, NaN, a point outside its budget.

    In a cell it becomes the status `invalid` with this message as the reason.
    """


class NotApplicable(HarnessError):
    """Two components do not fit together; in a cell it becomes the status `skipped`."""


def cause_of(error: BaseException, length: int = 300) -> str:
    """Return the message of another library's error on one line and cut off, to stand in a message of ours."""
    return " ".join(str(error).split())[:length]
