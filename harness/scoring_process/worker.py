"""The scoring process: answers one call after another until its parent hangs up."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.execution.process_tree import adopt_orphans, die_with_parent
from harness.isolation import Fault
from harness.loaded_code import LoadedSources, record_imports
from harness.scoring_process.messages import answer, fault_to_json

if TYPE_CHECKING:
    from harness.scoring.in_process import InThisProcess


def main(descriptor: int, plugin_folders: Sequence[str]) -> None:
    """Answer calls until the other end of the channel is closed.

    Args:
        descriptor: the descriptor of a socket, for calls and answers.
        plugin_folders: as `--plugins-dir`.
    """
    record_imports()
    die_with_parent()
    adopt_orphans()
    _limit_memory()
    os.set_inheritable(descriptor, False)
    channel = socket.socket(fileno=descriptor)
    # What plugins print is not part of a table that somebody pipes into a file.
    os.dup2(2, 1)
    from harness.instruments.late_pandas import keep_pandas_out
    from harness.plugins import load_catalog
    from harness.scoring.in_process import InThisProcess

    keep_pandas_out()
    catalog = load_catalog([Path(folder) for folder in plugin_folders])
    calls, loaded = InThisProcess(catalog), LoadedSources(catalog.packages)
    # A parent that has hung up meanwhile, as at a signal, wants no answer and no traceback.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        _answer_calls(channel, calls, loaded)


def _answer_calls(channel: socket.socket, calls: InThisProcess, loaded: LoadedSources) -> None:
    channel.sendall(b'{"ready": true}\n')
    for line in channel.makefile("rb"):
        call = json.loads(line)
        try:
            answered = answer(calls, call)
        except KeyboardInterrupt as error:
            # No user can send one: this process leads a session of its own.
            answered = {"fault": fault_to_json(Fault.of(error))}
        channel.sendall(json.dumps({"number": call["number"], "loaded": loaded.new(), **answered}).encode() + b"\n")


def _limit_memory() -> None:
    """Have allocations beyond the memory of the machine fail, before the kernel ends processes to make room."""
    size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if most == resource.RLIM_INFINITY or size < most:
        resource.setrlimit(resource.RLIMIT_DATA, (size, most))
