"""Which of several choices a free answer names: by its letter, or by its text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness_language.tasks.answer_extraction import Extraction, extract, marked_stretches, same_value
from harness_language.tasks.letters import marked_letter

_FIRST = ord("A")


def named_choice(answer: str, choices: Sequence[str]) -> tuple[int | None, Extraction]:
    """The position of the choice that an answer names, counted from 0, and where; None if it names none, or several.

    In this order: the letter after the last marker; the answer, its first line or the text after a marker that is a
    choice; a letter that is stated without a marker; the only choice whose text the answer holds.
    """
    for find in (_by_marked_letter, _by_whole_text, _by_letter, _by_mention):
        position, found = find(answer, choices)
        if position is not None:
            return position, found
    return None, Extraction.failure("named choice")


def _by_marked_letter(answer: str, choices: Sequence[str]) -> tuple[int | None, Extraction]:
    for start, end in marked_stretches(answer):
        letter = marked_letter(answer, start, end)
        if letter is not None and ord(letter.value) - _FIRST < len(choices):
            return ord(letter.value) - _FIRST, Extraction(letter.value, letter.start, letter.end, "letter")
    return None, Extraction.failure("letter")


def _by_whole_text(answer: str, choices: Sequence[str]) -> tuple[int | None, Extraction]:
    lines = [(match.start(), match.end()) for match in re.finditer(r"[^\n]+", answer)]
    for start, end in [*marked_stretches(answer), (0, len(answer)), *lines[:1]]:
        same = [position for position, text in enumerate(choices) if same_value(answer[start:end].strip(" *_"), text)]
        if len(same) == 1:
            return same[0], Extraction(choices[same[0]].strip(), start, end, "text")
    return None, Extraction.failure("text")


def _by_letter(answer: str, choices: Sequence[str]) -> tuple[int | None, Extraction]:
    found = extract(answer, "letter")
    position = None if found.value is None else ord(found.value) - _FIRST
    return (position, found) if position is not None and position < len(choices) else (None, found)


def _by_mention(answer: str, choices: Sequence[str]) -> tuple[int | None, Extraction]:
    """The only choice that is mentioned; a mention inside that of a longer choice is none of its own."""
    mentions: list[tuple[int, int, int]] = []
    for position in sorted(range(len(choices)), key=lambda i: -len(choices[i].strip())):
        words = re.escape(" ".join(choices[position].split())).replace(r"\ ", r"\s+")
        for match in re.finditer(rf"(?<!\w){words}(?!\w)", answer, flags=re.IGNORECASE):
            if not any(start <= match.start() and match.end() <= end for _, start, end in mentions):
                mentions.append((position, match.start(), match.end()))
    if len({position for position, _, _ in mentions}) != 1:
        return None, Extraction.failure("mention")
    position, start, end = max(mentions, key=lambda mention: mention[1])
    return position, Extraction(choices[position].strip(), start, end, "mention")
