"""Text of other encodings than UTF-8, where a file's is declared: no encoding is guessed."""

from __future__ import annotations

import codecs
import io

from harness.contract.errors import InvalidOutput

UTF8 = "utf-8"
_OF_NAMES_AND_SOURCE = ("idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined")
"""Codecs of Python that no file of text is written in; some refuse it with errors of other kinds."""
ADVICE = 'save the file as UTF-8, in Excel as "CSV UTF-8", or say its `encoding:`, such as windows-1252 or utf-16'


def as_utf8(content: bytes, name: str, encoding: str) -> bytes:
    """The text of a file in UTF-8.

    Args:
        content: its bytes, unpacked.
        name: the name of the file, for messages.
        encoding: the declared one, by a name that Python knows (its `codecs`).

    Raises:
        InvalidOutput: there is no such encoding of text, or these bytes are none of its; with the line.
    """
    if _is_utf8(encoding, name):
        return content
    try:
        return content.decode(encoding).removeprefix("\ufeff").encode()
    except UnicodeDecodeError as error:
        line = content[: error.start].decode(encoding, errors="ignore").count("\n") + 1
        first = content[error.start : error.start + 1].hex()
        raise InvalidOutput(f"{name} is not {encoding} text (byte 0x{first}, about line {line})") from None
    except UnicodeEncodeError:
        raise InvalidOutput(f"{name} holds half a character (a lone surrogate) as {encoding} text") from None


def _is_utf8(encoding: str, name: str) -> bool:
    try:
        # Refuses codecs that are no encodings of text, such as rot13 or zip.
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        if codecs.lookup(encoding).name in _OF_NAMES_AND_SOURCE:
            raise LookupError(encoding)
        return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")
    except (LookupError, ValueError):
        raise InvalidOutput(
            f"{name}: {encoding!r} is no encoding of text; say utf-8, utf-16, windows-1252 or what else it is"
        ) from None
