"""Extraction of the value of an answer: its text, its position, and the rule that found it.

A rule that finds nothing says so, so that a share of failures can be reported beside the share of right answers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

Rule = Literal["auto", "line", "text", "last_number", "marker", "boolean"]

# A sign counts only right before a number and where no number ends before it: "5-3" holds 5 and 3. A comma parts groups
# of three digits, if no other digits follow a comma: "1,2,3" is a list, and in "5,000, or so" the last comma is
# punctuation. A full stop belongs to a number only if a digit follows.
_THOUSANDS = r"\d{1,3}(?:,\d{3})+(?!,?\d)"
_NUMBER = re.compile(
    r"(?<![\w.])(?:(?<![\d)])[-+\N{MINUS SIGN}])?\$?"
    rf"(?:(?:{_THOUSANDS}|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{{1,3}}(?![\w.]))?"
)
_MARKER = re.compile(
    r"####|(?:^|\n)\s*A:|(?:the\s+)?(?:final\s+)?answer\s*(?:is|:|=)|\\boxed\s*\{", flags=re.IGNORECASE
)
_BOOLEAN = re.compile(r"\b(yes|true|no|false)\b", flags=re.IGNORECASE)
_TRUTH = {"yes": "true", "true": "true", "no": "false", "false": "false"}
_MOST_DIGITS = 10_000
_OUTER = " \t\r\n.!?,;:\"'`*“”‘’"


@dataclass(frozen=True, slots=True)
class Extraction:
    """The extracted value of an answer.

    Attributes:
        value: the value; None if the rule found nothing. A number has no thousands separators and no sign of currency.
        start, end: where it stands in the answer; None if there is none.
        method: the rule that found it, or that was last to fail.
    """

    value: str | None
    start: int | None
    end: int | None
    method: str

    @classmethod
    def failure(cls, method: str) -> Extraction:
        """The result if nothing was found."""
        return cls(None, None, None, method)


def extract(answer: str, rule: Rule = "auto", kind: str = "text") -> Extraction:
    """The value of an answer.

    Args:
        answer: the text of the answer.
        rule: "text": all of it; "line": its first line that is not empty; "last_number": the last number in it;
            "marker": the number after the last "####", "A:" at the start of a line, "answer is", "answer:" or
            "\\boxed{"; "boolean": the first of yes, no, true, false. "auto" goes by the kind of the answer: for
            numbers the marker, else the last number.
        kind: "number", "boolean" or "text"; anything else counts as text. Only "auto" looks at it.
    """
    if rule != "auto":
        return _RULES[rule](answer)
    if kind == "number":
        marked = _marked(answer)
        return marked if marked.value is not None else _last_number(answer)
    return _boolean(answer) if kind == "boolean" else _line(answer)


def compared_as(rule: Rule, kind: str) -> str:
    """The kind of value that a rule extracts: numbers and truth values whatever the data declare."""
    return {"last_number": "number", "marker": "number", "boolean": "boolean"}.get(rule, kind)


def same_value(extracted: str, expected: str, kind: str = "text") -> bool:
    """Whether two values are the same.

    Numbers compare as numbers: 18, 18.0 and 1.8e1 are one. Truth values compare by what they mean. Text compares
    without regard to case, to white space, and to punctuation around it.
    """
    if kind == "number":
        one, other = as_number(extracted), as_number(expected)
        if one is not None and other is not None:
            return one == other
    if kind == "boolean":
        one_truth, other_truth = (_TRUTH.get(_plain(text)) for text in (extracted, expected))
        if one_truth is not None and other_truth is not None:
            return one_truth == other_truth
    return _plain(extracted) == _plain(expected)


def is_of_kind(expected: str, kind: str) -> bool:
    """Whether a right answer is a value of its kind: a number, a truth value, or any text."""
    if kind == "number":
        return as_number(expected) is not None
    return kind != "boolean" or _plain(expected) in _TRUTH


def as_number(text: str) -> Decimal | None:
    """The number in a text, without thousands separators or a currency sign; None if there is none.

    A comma that parts no thousands makes it none: "3,5" may be a list or a decimal fraction.
    """
    cleaned = text.strip().replace("$", "").replace("\N{MINUS SIGN}", "-").rstrip("%.,").strip()
    if "," in cleaned and not _NUMBER.fullmatch(cleaned):
        return None
    cleaned = cleaned.replace(",", "")
    try:
        number = Decimal(cleaned)
    except InvalidOperation:
        return None
    # Numbers beyond any sense would take as many digits to write.
    return number if number.is_finite() and abs(number.adjusted()) < _MOST_DIGITS else None


def _plain(text: str) -> str:
    normal = unicodedata.normalize("NFC", text).casefold()
    # What is punctuation alone must not be the same as any other.
    return " ".join((normal.strip(_OUTER) or normal).split())


def _found(answer: str, start: int, end: int, method: str, value: str | None = None) -> Extraction:
    return Extraction(answer[start:end] if value is None else value, start, end, method)


def _text(answer: str) -> Extraction:
    stripped = answer.strip()
    if not stripped:
        return Extraction.failure("text")
    start = answer.index(stripped)
    return _found(answer, start, start + len(stripped), "text")


def _line(answer: str) -> Extraction:
    match = re.search(r"\S(?:[^\n]*\S)?", answer)
    return _found(answer, match.start(), match.end(), "line") if match else Extraction.failure("line")


def _number_at(answer: str, match: re.Match[str], method: str) -> Extraction:
    number = as_number(match.group())
    return _found(answer, *match.span(), method, None if number is None else f"{number:f}")


def _last_number(answer: str) -> Extraction:
    numbers = list(_NUMBER.finditer(answer))
    return _number_at(answer, numbers[-1], "last_number") if numbers else Extraction.failure("last_number")


def _marked(answer: str) -> Extraction:
    for marker in reversed(list(_MARKER.finditer(answer))):
        line_end = answer.find("\n", marker.end())
        number = _NUMBER.search(answer, marker.end(), line_end if line_end >= 0 else len(answer))
        if number:
            return _number_at(answer, number, "marker")
    return Extraction.failure("marker")


def _boolean(answer: str) -> Extraction:
    match = _BOOLEAN.search(answer)
    if match is None:
        return Extraction.failure("boolean")
    return _found(answer, match.start(), match.end(), "boolean", _TRUTH[match.group().lower()])


_RULES: Mapping[str, Callable[[str], Extraction]] = {
    "text": _text,
    "line": _line,
    "last_number": _last_number,
    "marker": _marked,
    "boolean": _boolean,
}
