"""Bytes as tokens, for the models that are trained here."""

from __future__ import annotations

from collections.abc import Sequence

BYTES = 256


class ByteTokens:
    """A tokenizer whose tokens are the UTF-8 bytes of a text; one more token starts it and is never predicted."""

    vocabulary = BYTES
    bos: int | None = BYTES
    eos: int | None = None
    tokenizer = "bytes"

    def encode(self, text: str) -> Sequence[int]:
        """The bytes of a text."""
        return list(text.encode())

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of bytes, without start tokens."""
        return bytes(token for token in tokens if token < BYTES).decode(errors="replace")
