"""Keys of servers: which one is sent where is said by the user's configuration, never by a suite.

    # ~/.config/harness/config.yaml
    keys:
      api.example.org: EXAMPLE_API_KEY    # host: the environment variable that holds the key

A key is read when a request is made, and is no attribute of any component. It is sent to its host only, over TLS or
within this machine, and is taken out of all that a server says before anyone reads it.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from harness.api import HarnessError, UsageError, config_path, configured

_HIDDEN = b"[key]"


@dataclass(frozen=True)
class Key:
    """A secret, which is no part of any text that is made of it."""

    secret: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """The headers by which a server knows the user."""
        return {"Authorization": f"Bearer {self.secret}"} if self.secret else {}

    def hidden_in(self, content: bytes) -> bytes:
        """The content without the secret: some servers repeat it in errors."""
        return content.replace(self.secret.encode(), _HIDDEN) if self.secret else content


def checked_url(url: str) -> str:
    """Return the address of a server without a slash at its end. Raises UsageError if it is none, or holds a secret."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"the address {_without_user(parts)!r} must be like https://api.example.org/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            f"the address of {parts.hostname} must be without user, password and query: keys of servers are named in "
            f"{config_path()}"
        )
    return url.rstrip("/")


def key_for(url: str) -> Key:
    """Return the key for a server; an empty one if the user's configuration binds none to its host.

    Raises:
        HarnessError: the configuration cannot be read, the variable is not set, or the key would be sent in the open.
    """
    parts = urlsplit(url)
    bound = _bound_keys()
    variable = bound.get(parts.netloc.lower(), bound.get(str(parts.hostname)))
    if variable is None:
        return Key()
    secret = os.environ.get(variable, "").strip()
    if not secret:
        raise HarnessError(
            f"{config_path()} binds {parts.netloc} to the environment variable {variable}, which is not set"
        )
    if parts.scheme != "https" and not _is_this_machine(str(parts.hostname)):
        raise HarnessError(
            f"the key of {parts.netloc} would be sent in the open: give an address that begins with https"
        )
    if not secret.isascii() or not secret.isprintable():
        raise HarnessError(f"the environment variable {variable} holds characters that no key has")
    return Key(secret)


def how_to_bind(url: str) -> str:
    """What to do so that a key is sent to a server."""
    host = urlsplit(url).netloc
    return f"bind a key to this host in {config_path()}: `keys: {{{host}: NAME_OF_AN_ENVIRONMENT_VARIABLE}}`"


def _bound_keys() -> dict[str, str]:
    """Host, maybe with a port, to the name of a variable."""
    path, keys = config_path(), configured("keys", "hosts to names of environment variables")
    wrong = next((host for host, variable in keys.items() if not variable.isidentifier()), None)
    if wrong is not None:
        raise HarnessError(
            f"{path}: what stands beside {wrong} is no name of an environment variable; keys stand in variables, not "
            "in this file"
        )
    return {host.lower(): variable for host, variable in keys.items()}


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _without_user(parts: SplitResult) -> str:
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
