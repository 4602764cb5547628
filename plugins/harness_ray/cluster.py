"""Joining a Ray cluster, or starting one on this machine; the one module that imports Ray."""

from __future__ import annotations

import os
import socket
from typing import Any, Literal

from harness.api import UsageError

Authentication = Literal["token", "disabled"]
_SECONDS_TO_ANSWER = 10.0


def join(address: str, authentication: Authentication) -> tuple[Any, bool]:
    """Join a cluster; returns the module of Ray, and whether the cluster was started here and ends with the run.

    Args:
        address: HOST:PORT of a running cluster, "auto" for the one that this machine belongs to, or empty to start one
            on the loopback device.
        authentication: whether the cluster asks for a token, which then must lie on every machine.

    Raises:
        UsageError: nobody answers at the address.
    """
    # Read when Ray is imported. It asks for neither statistics of use nor for the address of the machine.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_AUTH_MODE", authentication)
    if not address:
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    import ray

    if ray.is_initialized():
        return ray, False
    if address not in ("", "auto"):
        _check_answer(address)
    quiet: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    try:
        if address:
            ray.init(address=address, **quiet)
        else:
            ray.init(address="local", include_dashboard=False, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = "no Ray cluster was started here" if not address else f"no Ray cluster answers at {address!r}"
        raise UsageError(f"{where}: {str(error).splitlines()[0]}") from None
    return ray, not address


def _check_answer(address: str) -> None:
    """Raise UsageError where nothing listens, for which Ray itself would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"the address {address!r} of a Ray cluster is HOST:PORT or auto")
    try:
        socket.create_connection((host, int(port)), _SECONDS_TO_ANSWER).close()
    except (OSError, OverflowError) as error:
        raise UsageError(f"no Ray cluster answers at {address!r}: {error}") from None
