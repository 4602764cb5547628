"""A log that keeps the beginning and the end of a long output, and the number of bytes left out between them."""

from __future__ import annotations

from harness.environment_secrets import without_secrets

_HEAD_BYTES = 256 * 1024
_TAIL_BYTES = 64 * 1024


class BoundedLog:
    """Collects bytes or text; never holds more than about 400 KiB."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    def write(self, data: bytes | str) -> int:
        """Add to the log; returns the length, as files do."""
        raw = data.encode("utf-8", "replace") if isinstance(data, str) else data
        room = _HEAD_BYTES - len(self._head)
        self._head += raw[: max(0, room)]
        self._tail += raw[max(0, room) :]
        # Cut seldom, since cutting copies.
        if len(self._tail) > 2 * _TAIL_BYTES:
            self._dropped += len(self._tail) - _TAIL_BYTES
            del self._tail[:-_TAIL_BYTES]
        return len(data)

    def flush(self) -> None:
        """Do nothing; files have this method."""

    def content(self) -> bytes:
        """Return what is kept but for secrets, with a line that says how many bytes are left out."""
        between = f"\n… {self._dropped} bytes left out …\n".encode() if self._dropped else b""
        text = (self._head + between + self._tail).decode(errors="surrogateescape")
        return without_secrets(text).encode(errors="surrogateescape")
