"""Truth values that answers state: the marked one, else the last one, with its negations.

A word counts where it states something: "yes", "no", "true", "false", "correct" and "incorrect" before punctuation or
the end, or after "so"; "true", "right" and the like after "is". "No" before a noun ("no one", "no doubt") states
nothing, nor does the question's own "(yes or no)". Negations turn a word: "not true", "isn't quite right".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Truth = Literal["true", "false"]

_TRUE = frozenset({"yes", "true", "correct", "right", "yeah", "yep"})
_WORD = r"(?P<word>yes|no|true|false|correct|incorrect|untrue|yeah|yep|nope)"
_PREDICATE = r"(?P<word>true|false|correct|incorrect|untrue|right|wrong|yes|no|yeah|yep|nope)"
_HOW = r"(?:be|quite|entirely|really|necessarily|exactly|completely|always|fully|strictly|at all)"
_NOT = rf"(?P<negation>(?:\bnot|n't|\bnever|\bcannot|\bhardly)\s+(?:{_HOW}\s+)*)?"
_QUIET = r"(?:\bquite|\bdefinitely|\bactually|\bindeed|\btherefore|\bprobably|\bclearly|\balso|\bboth|\bsimply)"
# "No" before one of these is no answer; before other words it is one where an answer is marked.
_NOUN = r"(?:doubts?|one|longer|more|less|fewer|matter|questions?|reasons?|evidence|ways?|need|single)"
_NO_NOUN = rf"(?!(?<=no)\s+{_NOUN}\b)"
_DASHES = "\N{EM DASH}\N{EN DASH}"
_ENDS = rf"""(?=\s*(?:[.,;:!?)\]}}"'*|{_DASHES}]|-\s|--|\n|$)|\s+(?:because|since|as|but)\b)"""
_OPENS = r"(?<![^\W\d_]\s)(?<![,;:]\s)"
_SUBJECT = r"(?=\s+(?:it|they|he|she|this|that|there|you|we|i|these|those)\b)"
_STATED = re.compile(
    rf"{_NOT}\b{_WORD}\b{_ENDS}|{_OPENS}\b(?:(?P<opening>yes)\b|(?P<opening_no>no)\b{_SUBJECT})", flags=re.IGNORECASE
)
_SAID_OF = re.compile(
    rf"(?:\b(?:is|are|was|were|be|remains?)|(?P<contracted>\b(?:is|are|was|were)n't|\bcan't be|\bcannot be)|(?<=\w)'s)"
    rf"\s+(?:{_QUIET}\s+)*{_NOT}\b{_PREDICATE}\b{_NO_NOUN}",
    flags=re.IGNORECASE,
)
_MARKED = re.compile(rf"{_NOT}\b{_PREDICATE}\b{_NO_NOUN}", flags=re.IGNORECASE)
_ALTERNATIVES = re.compile(
    r"\b(?:yes|true|correct)\W{0,3}(?:or|/|\||and|vs)\W{0,3}(?:no|false|incorrect)\b"
    r"|\b(?:no|false|incorrect)\W{0,3}(?:or|/|\||and|vs)\W{0,3}(?:yes|true|correct)\b"
    r"|\b(?:yes|true)/(?:no|false)\b",
    flags=re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class StatedTruth:
    """A truth value in a text, with its place, negation included."""

    value: Truth
    start: int
    end: int


def truth_of_word(text: str) -> Truth | None:
    """The truth value that a word or "not" and a word mean, such as "untrue"; None for other texts."""
    match = _MARKED.fullmatch(" ".join(text.casefold().split()))
    return _truth(match).value if match else None


def marked_truth(text: str, start: int, end: int) -> StatedTruth | None:
    """The first truth value of a stretch that a marker announces."""
    match = _MARKED.search(_without_alternatives(text), start, end)
    return _truth(match) if match else None


def last_truth(text: str) -> StatedTruth | None:
    """The last truth value that the text states by itself; where there is none, the last that it says of something."""
    searched = _without_alternatives(text)
    for pattern in (_STATED, _SAID_OF):
        matches = list(pattern.finditer(searched))
        if matches:
            return _truth(matches[-1])
    return None


def _without_alternatives(text: str) -> str:
    """The text without "yes or no", which offers both; of the same length."""
    return _ALTERNATIVES.sub(lambda match: " " * len(match.group()), text)


def _truth(match: re.Match[str]) -> StatedTruth:
    groups = match.groupdict()
    turned = bool(groups["negation"]) ^ bool(groups.get("contracted"))
    name = next(name for name in ("word", "opening", "opening_no") if groups.get(name))
    is_true = (groups[name].casefold() in _TRUE) ^ turned
    return StatedTruth(
        "true" if is_true else "false", match.start("negation" if groups["negation"] else name), match.end(name)
    )
