"""Letters of choices as answers name them: "(B)", "B.", "**B**", "option B", "the answer is B"; not the article "A"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness_language.tasks.plain_characters import SPACED, plain_characters

# An article stands before a word, a letter before punctuation, the end, or a word that goes on about it.
_GOES_ON = r"because|since|as|and|or|which|for|due|given|based|but|with|is|are|was|if|not|would|should|seems|among"
_NO_ARTICLE = rf"\W*$|\s*[^\w\s]|\s*\n|\s+(?:{_GOES_ON})\b"
_WRAP = r"[\s*_`\"'({\[$\\]*(?:\\?(?:text|textbf|mathrm|mathbf)\{)?"
_AFTER_MARKER = re.compile(
    rf"{_WRAP}(?:(?:option|choice|letter|answer)\s+)?[*_`\"'(\[]*"
    rf"(?P<letter>[A-Za-z])(?![\w'])(?:(?={_NO_ARTICLE})|(?<=[B-HJ-Z]))"
)
_NAMED = re.compile(r"\b(?:option|choice|letter)\s*[*_`\"'(\[]*(?P<letter>[A-Z])(?![\w'])", flags=re.IGNORECASE)
_OPENING = re.compile(r"\s*[*_`\"'\[(]*(?P<letter>[A-Za-z])[*_`\"']*(?:[.:)\]](?!\s+(?:is|are)\b)|\s*$|\s*\n|\s+-)")
_ALONE = re.compile(
    r"(?m:(?:^|(?<=\n))[ \t>]*[*_`\"']*(?P<line>[A-Z])[*_`\"']*[.)]?[*_`\"']*[ \t]*$)"
    r"|[(\[](?P<bracketed>[A-Za-z])[)\]]|\*\*(?P<bold>[A-Z])\*\*"
    rf"|(?<![{SPACED}_'])(?P<bare>[B-HJ-Z]|A(?={_NO_ARTICLE}))(?![\w'])"
)


@dataclass(frozen=True, slots=True)
class NamedLetter:
    """The letter of a choice in a text, in upper case, with its place."""

    value: str
    start: int
    end: int


def letter_at(position: int) -> str:
    """The letter of the choice at a position, counted from 0."""
    return chr(ord("A") + position)


def letter_of(text: str) -> str | None:
    """The letter that a right answer is, such as "(b)" or "B."; None for other texts."""
    match = re.fullmatch(r"\W*(?P<letter>[A-Za-z])\W*", plain_characters(text))
    return match["letter"].upper() if match else None


def marked_letter(text: str, start: int, end: int) -> NamedLetter | None:
    """The letter that stands right after a marker."""
    match = _AFTER_MARKER.match(plain_characters(text), start, end)
    return _named(match) if match else None


def stated_letter(text: str) -> NamedLetter | None:
    """The last option that the text names; else the letter that opens it; else the last that stands alone."""
    plain = plain_characters(text)
    named = list(_NAMED.finditer(plain))
    opening = _OPENING.match(plain)
    alone = list(_ALONE.finditer(plain))
    match = named[-1] if named else opening if opening else alone[-1] if alone else None
    return _named(match) if match else None


def _named(match: re.Match[str]) -> NamedLetter:
    name = next(name for name, letter in match.groupdict().items() if letter)
    return NamedLetter(match[name].upper(), *match.span(name))
