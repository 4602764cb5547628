"""What may go wrong with a request, by what to do next: wait, try again, leave this one out, or give up."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from harness.api import HarnessError

_MAX_MESSAGE = 200
_NO_QUOTA = ("insufficient_quota", "quota_exceeded", "billing")
_NO_MODEL = ("model_not_found", "no such model", "unknown model")
_KEY, _QUOTA, _NO_SUCH, _TOO_MANY = (401, 403), 402, 404, 429
_LATER = (408, 409, 425, _TOO_MANY, 500, 502, 503, 504, 529)


class Failure(Exception):
    """A request that has no answer yet."""


class Unreachable(Failure):
    """Nobody listens at the address."""


class Broken(Failure):
    """An error of the server, an answer that is cut off, late, or not what it should be. It is worth another try."""


class Throttled(Failure):
    """The server wants to be asked later.

    Attributes:
        seconds: how much later; None if it does not say.
    """

    def __init__(self, reason: str, seconds: float | None) -> None:
        super().__init__(reason)
        self.seconds = seconds


class Refused(Failure):
    """The server will never answer this request, and may well answer others."""


class GivenUp(HarnessError):
    """The server will not answer any request as things are; what it has answered is kept."""


def failure_of(
    status: int, headers: Mapping[str, str], content: bytes, host: str, key_advice: str = ""
) -> Failure | GivenUp:
    """The failure behind a response that is no answer.

    Args:
        status: its code; not one of 200 to 299.
        headers, content: of the response, without keys.
        host: of the server, for messages.
        key_advice: what to do where the server does not accept the key.
    """
    message = message_of(content)
    told = f"{host} answered {status}" + (f": {message}" if message else "")
    lower = content[:4096].decode(errors="replace").lower()
    if status in _KEY:
        return GivenUp(f"{told}; {key_advice}")
    if status == _QUOTA or (status == _TOO_MANY and any(word in lower for word in _NO_QUOTA)):
        return GivenUp(f"{told}; the quota is reached. What was answered is kept: run again to go on")
    if status == _NO_SUCH or any(word in lower for word in _NO_MODEL):
        return GivenUp(f"{told}; the address or the name of the model is wrong")
    if status in _LATER:
        seconds = seconds_to_wait(headers)
        return Broken(told) if seconds is None and status != _TOO_MANY else Throttled(told, seconds)
    if status < 400:
        return GivenUp(
            f"{told}: it sends requests elsewhere, and a key is sent to no other address; correct the address"
        )
    return Broken(told) if status >= 500 else Refused(told)


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds of a Retry-After header, which may be a number or a date (RFC 9110, section 10.2.3)."""
    text = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def message_of(content: bytes) -> str:
    """The message in the body of an error, on one line."""
    try:
        message: Any = json.loads(content)
    except ValueError:
        message = ""
    for name in ("error", "message", "detail"):
        message = message.get(name, message) if isinstance(message, dict) else message
    text = message if isinstance(message, str) else json.dumps(message)
    return " ".join(text.split())[:_MAX_MESSAGE]
