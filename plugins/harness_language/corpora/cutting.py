"""Cutting long texts into documents at their paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPACE = " \t\r\n\v\f"
"""White space that parts documents. Any other, such as a no-break space, is text."""


def paragraphs(text: str) -> list[str]:
    """The parts between empty lines, with the indentation of each first line and without trailing ASCII white space."""
    parts = re.split(r"\n(?:[ \t]*\n)+", text)
    return [part.rstrip(_SPACE) for part in parts if part.strip(_SPACE)]


def lines(text: str) -> list[str]:
    """The lines that hold more than ASCII white space."""
    return [line for line in text.split("\n") if line.strip(_SPACE)]


def blocks(parts: Iterable[str], size: int) -> list[str]:
    """Paragraphs joined by empty lines into documents of at least `size` characters each.

    What is left at the end joins the last document, so only a text that is shorter as a whole makes a shorter one.
    """
    documents: list[list[str]] = []
    current: list[str] = []
    for part in parts:
        current.append(part)
        if sum(map(len, current)) >= size:
            documents.append(current)
            current = []
    if current and documents:
        documents[-1].extend(current)
    elif current:
        documents.append(current)
    return ["\n\n".join(block) for block in documents]


def families(texts: Sequence[str], words: int) -> list[int]:
    """For each text the first text that shares a run of words with it, directly or through others.

    Args:
        texts: the texts.
        words: how long a run of words must be to be no coincidence.
    """
    first = list(range(len(texts)))

    def root(number: int) -> int:
        while first[number] != number:
            number = first[number]
        return number

    seen: dict[str, int] = {}
    for number, text in enumerate(texts):
        split = text.split()
        for start in range(len(split) - words + 1):
            other = root(seen.setdefault(" ".join(split[start : start + words]), number))
            own = root(number)
            first[max(own, other)] = min(own, other)
    return [root(number) for number in range(len(texts))]
