"""A server that speaks S3 on this machine, in a process of its own that can be killed."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress

BUCKET = "lab"
# One request at a time: S3 looks whether an object is there in the moment in which it makes it; the stand-in looks
# first, then puts the parts together, and lets others in meanwhile.
_SERVE = """
import sys, threading
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
application, lock = DomainDispatcherApplication(create_backend_app), threading.Lock()
def alone(environ, start_response):
    with lock:
        return list(application(environ, start_response))
run_simple("127.0.0.1", int(sys.argv[1]), alone, threaded=True)
"""


class Server:
    """Serves one empty bucket until it is killed; it keeps its objects in memory.

    Args:
        environment: further variables of its process.
        port: where it listens; None for a free one.
    """

    def __init__(self, environment: Mapping[str, str], port: int | None = None) -> None:
        self.port = port or _free_port()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(self.port)],
            env=dict(environment),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def make_bucket(self) -> None:
        """Make the bucket."""
        urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/{BUCKET}", method="PUT"), timeout=30)

    def kill(self) -> None:
        """End it as a loss of power would; killing twice is fine."""
        self._process.kill()
        self._process.wait()

    def _wait(self) -> None:
        until = time.monotonic() + 100
        while time.monotonic() < until:
            assert self._process.poll() is None
            with suppress(OSError):
                with suppress(urllib.error.HTTPError):
                    urllib.request.urlopen(f"{self.endpoint}/moto-api/", timeout=5)
                return
            time.sleep(0.2)
        raise TimeoutError("the server does not answer")


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])
