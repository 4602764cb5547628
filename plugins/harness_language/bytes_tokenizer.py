"""Bytes as tokens: what our own models read."""

from __future__ import annotations

from collections.abc import Sequence

BYTES = 256


class ByteTokens:
    """A text is its UTF-8 bytes; one token more starts it and is never predicted."""

    vocabulary = BYTES
    bos: int | None = BYTES
    eos: int | None = None
    tokenizer = "bytes"

    def encode(self, text: str) -> Sequence[int]:
        """The bytes of a text."""
        return list(text.encode())

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of bytes; a start token is nothing."""
        return bytes(token for token in tokens if token < BYTES).decode(errors="replace")
