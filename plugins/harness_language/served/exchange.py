"""One request over HTTP and what came of it: an answer as JSON, or a failure. Alone imports httpx."""

from __future__ import annotations

import json
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from harness.api import UsageError, cause_of
from harness_language.served.failures import Broken, Unreachable, failure_of
from harness_language.served.keys import Key, how_to_bind

_CONNECT_SECONDS = 5.0
_MAX_BYTES = 64 * 2**20
"""A longer answer is none."""


class Exchange:
    """Connections to one address, one for each thread that asks.

    A pool that threads share looks at each of its connections for every request, which at 64 of them costs three times
    as much as the request itself.

    Args:
        url: where requests are sent.
        key: sent with each of them.
        deadline: seconds until an answer must be there.
    """

    def __init__(self, url: str, key: Key, deadline: float) -> None:
        self._key, self._deadline = key, deadline
        self._host = urlsplit(url).netloc
        self._key_advice = "the key that is bound to this host is wrong" if key.headers else how_to_bind(url)
        try:
            self._url = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise UsageError(f"{url!r} is no address: {cause_of(error)}") from error
        self._timeout = httpx.Timeout(deadline, connect=min(deadline, _CONNECT_SECONDS))
        # Read once, since the certificates take longer than a request.
        self._certificates = httpx.create_ssl_context()
        self._own = threading.local()
        self._clients: list[httpx.Client] = []

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients:
            client.close()

    def _client(self) -> httpx.Client:
        client: httpx.Client | None = getattr(self._own, "client", None)
        if client is None:
            headers = {"Content-Type": "application/json"}
            client = httpx.Client(verify=self._certificates, timeout=self._timeout, headers=headers)
            self._own.client = client
            self._clients.append(client)
        return client

    def ask(self, body: bytes) -> Any:
        """Return the JSON that answers a request.

        Raises:
            Failure: there is no such answer.
            GivenUp: there will never be one.
        """
        try:
            with self._client().stream("POST", self._url, content=body, headers=self._key.headers) as response:
                content = self._key.hidden_in(self._read(response))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unreachable(f"{self._host} cannot be reached: {cause_of(error) or type(error).__name__}") from None
        except httpx.TimeoutException:
            raise Broken(f"{self._host} gave no answer within {self._deadline:g} s") from None
        except httpx.HTTPError as error:
            raise Broken(f"{self._host} broke the connection: {cause_of(error) or type(error).__name__}") from None
        if not response.is_success:
            headers = {name: self._key.hidden_in(value.encode()).decode() for name, value in response.headers.items()}
            raise failure_of(response.status_code, headers, content, self._host, self._key_advice)
        try:
            return json.loads(content)
        except ValueError:
            raise Broken(f"{self._host} gave an answer that is no JSON: {content[:80]!r}") from None

    def _read(self, response: httpx.Response) -> bytes:
        """All of the answer, which may come in pieces, each of them in time."""
        until = time.monotonic() + self._deadline
        content = bytearray()
        for piece in response.iter_bytes():
            content += piece
            if time.monotonic() > until:
                raise httpx.ReadTimeout("the answer takes too long")
            if len(content) > _MAX_BYTES:
                raise Broken(f"{self._host} gave an answer of more than {_MAX_BYTES} bytes")
        return bytes(content)
