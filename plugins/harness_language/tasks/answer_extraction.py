r"""Extraction of the value of an answer: its text, its position, and the rule that found it.

| rule | the value |
|---|---|
| `auto` | by the kind of the data: `marker`, else `last_number`, for numbers; `boolean`; `letter`; `line` for texts |
| `text` | all of the answer |
| `line` | its first line that is not empty |
| `last_number` | its last number (`written_numbers` has what a number may look like) |
| `marker` | the number after the last marker |
| `boolean` | the truth value after the last marker, else the last that is stated, negations included (`truth_values`) |
| `letter` | the letter of a choice after the last marker, else the one that is stated last (`letters`) |
| `{regex: ...}` | the first match, or the `last` (`take`), of its `group` (`patterns`) |
| `{rule: last_number, decimal: comma}` | the same where commas are decimal: "3,5" is 3.5 and "5.000" is 5000 |

A marker is "####", "A:" at the start of a line, "answer is", "answer:" (also "the answer to ... is", "answer (arabic
numerals) is"), or "\boxed{". Its value stands on the same line, or on the next one if the line ends there. Of "2 + 3 =
5" after a marker the result counts. A rule that finds nothing says so, so that a share of failures can be reported
beside the share of right answers.

Values are the same if they are the same number, exactly (0.5 is 1/2, 0.333 is not 1/3), the same truth value, or the
same text without regard to case, white space, and punctuation of any script around it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.api import UsageError
from harness_language.tasks.letters import NamedLetter, letter_of, marked_letter, stated_letter
from harness_language.tasks.patterns import answer_pattern
from harness_language.tasks.plain_characters import plain_characters
from harness_language.tasks.truth_values import StatedTruth, last_truth, marked_truth, truth_of_word
from harness_language.tasks.written_numbers import Decimals, WrittenNumber, numbers_in
from harness_language.tasks.written_numbers import as_number as as_number

NamedRule = Literal["auto", "line", "text", "last_number", "marker", "boolean", "letter"]
Rule = NamedRule | dict[str, str | int | bool]
AnswerKind = Literal["text", "number", "boolean", "letter"]

_MARKER = re.compile(
    r"####|(?:^|\n)[ \t*_>]*A:|\\boxed\s*\{"
    r"|(?:the\s+)?(?:final\s+)?answer\b[*_]*(?:\s*\([^()\n]{0,40}\)|\s+(?:to|for)\s[^.\n]{0,120}?)?"
    r"\s*(?:(?:is|was|must be|would be|should be|will be)\b[*_]*\s*:?|:|=)",
    flags=re.IGNORECASE,
)
_NEGATED = re.compile(r"\s*not\b", flags=re.IGNORECASE)
_EMPTY_LINE = re.compile(r"[\s*_:`>#$\\\[(]*\n")
_RESULT = re.compile(r"[^.,;:()\n=]{0,60}=[ ]?(?=[-+$\d])")
_OPERATOR = re.compile(r"[-+*/x\N{DIVISION SIGN}]|\\times|\\cdot|\\div")
_KEPT = "#%&@/\\"
_BRACKETS = {"(": ")", "[": "]", "{": "}", "\N{LEFT CORNER BRACKET}": "\N{RIGHT CORNER BRACKET}"}


@dataclass(frozen=True, slots=True)
class Extraction:
    """The extracted value of an answer.

    Attributes:
        value: the value; None if the rule found nothing. A number has plain digits, no separators of thousands and no
            sign of currency; a fraction is in lowest terms.
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
    """The value of an answer by a rule of the table above.

    Args:
        answer: the text of the answer.
        rule: the name of a rule, or its mapping.
        kind: "number", "boolean", "letter" or "text"; anything else counts as text. Only "auto" looks at it.

    Raises:
        UsageError: the mapping is no rule, or its pattern searched for too long.
    """
    name, decimal = check_rule(rule)
    if isinstance(rule, dict) and name == "regex":
        return _by_pattern(answer, rule)
    if name == "auto":
        return _by_kind(answer, kind, decimal)
    return _RULES[name](answer, decimal)


def check_rule(rule: Rule) -> tuple[str, Decimals]:
    """The name of a rule, "regex" for a pattern, and what a comma means. Raises UsageError if it is no rule."""
    if isinstance(rule, str):
        return rule, "point"
    if "regex" in rule:
        answer_pattern(rule)
        return "regex", "point"
    name, decimal = rule.get("rule", "auto"), rule.get("decimal", "point")
    unknown = sorted(set(rule) - {"rule", "decimal"})
    if unknown or name not in ("auto", *_RULES) or decimal not in ("point", "comma"):
        raise UsageError(
            f"extract is {rule!r:.200}: it takes `regex` (with `group`, `take`, `ignore_case`), or `rule` ("
            f"{', '.join(('auto', *_RULES))}) with `decimal` (point or comma)"
        )
    return str(name), "comma" if decimal == "comma" else "point"


def compared_as(rule: Rule, kind: str) -> str:
    """The kind of value that a rule extracts: numbers, truth values and letters whatever the data declare."""
    kinds = {"last_number": "number", "marker": "number", "boolean": "boolean", "letter": "letter"}
    return kinds.get(check_rule(rule)[0], kind)


def same_value(extracted: str, expected: str, kind: str = "text") -> bool:
    """Whether two values are the same.

    Numbers compare as numbers: 18, 18.0 and 36/2 are one. Truth values and letters compare by what they mean. Text
    compares without regard to case, to white space, and to punctuation around it.
    """
    values = [_MEANINGS[kind](text) for text in (extracted, expected)] if kind in _MEANINGS else [None]
    if None not in values:
        return bool(values[0] == values[1])
    return _plain(extracted) == _plain(expected)


def is_right(found: Extraction, accepted: Sequence[str], rule: Rule, kind: str) -> bool | None:
    """Whether the value of an answer is one of the accepted ones; None if nothing is right."""
    if not accepted:
        return None
    compared = compared_as(rule, kind)
    return found.value is not None and any(same_value(found.value, one, compared) for one in accepted)


def is_of_kind(expected: str, kind: str) -> bool:
    """Whether a right answer is a value of its kind: a number, a truth value, a letter, or any text."""
    return kind not in _MEANINGS or _MEANINGS[kind](expected) is not None


def _truth(text: str) -> str | None:
    return truth_of_word(_plain(text))


_MEANINGS: Mapping[str, Callable[[str], Any]] = {"number": as_number, "boolean": _truth, "letter": letter_of}


def _plain(text: str) -> str:
    """The text in one form of its letters, without case, and without white space and punctuation around it."""
    normal = unicodedata.normalize("NFC", text).casefold()
    # What is punctuation alone must not be the same as any other.
    return " ".join((_without_outer(normal) or normal).split())


def _without_outer(text: str) -> str:
    start, end = 0, len(text)
    while start < end and _is_outer(text[start]):
        start += 1
    while end > start and _is_outer(text[end - 1]):
        end -= 1
    inner = text[start:end]
    wrapped = len(inner) > 2 and _BRACKETS.get(inner[0]) == inner[-1] and inner[0] not in inner[1:]
    return _without_outer(inner[1:-1]) or inner if wrapped else inner


def _is_outer(character: str) -> bool:
    if character.isspace() or character in "`*":
        return True
    return unicodedata.category(character) in ("Po", "Pi", "Pf") and character not in _KEPT


def _by_kind(answer: str, kind: str, decimal: Decimals) -> Extraction:
    if kind == "number":
        marked = _marked(answer, decimal)
        return marked if marked.value is not None else _last_number(answer, decimal)
    return {"boolean": _boolean, "letter": _letter}.get(kind, _line)(answer, decimal)


def _found(answer: str, start: int, end: int, method: str, value: str | None = None) -> Extraction:
    return Extraction(answer[start:end] if value is None else value, start, end, method)


def _text(answer: str, _: Decimals) -> Extraction:
    stripped = answer.strip()
    if not stripped:
        return Extraction.failure("text")
    start = answer.index(stripped)
    return _found(answer, start, start + len(stripped), "text")


def _line(answer: str, _: Decimals) -> Extraction:
    match = re.search(r"\S(?:[^\n]*\S)?", answer)
    return _found(answer, match.start(), match.end(), "line") if match else Extraction.failure("line")


def _by_pattern(answer: str, rule: Mapping[str, Any]) -> Extraction:
    span = answer_pattern(rule).find(answer)
    text = None if span is None else _text(answer[slice(*span)], "point")
    if span is None or text is None or text.start is None or text.end is None:
        return Extraction.failure("regex")
    return _found(answer, span[0] + text.start, span[0] + text.end, "regex")


def _number(number: WrittenNumber, method: str) -> Extraction:
    value = None if number.value is None else number.text
    return Extraction(value, number.start, number.end, method)


def _last_number(answer: str, decimal: Decimals) -> Extraction:
    numbers = list(numbers_in(answer, decimal=decimal))
    return _number(numbers[-1], "last_number") if numbers else Extraction.failure("last_number")


def marked_stretches(answer: str) -> Iterator[tuple[int, int]]:
    """The stretches in which the value of a marker stands, the last marker first."""
    plain = plain_characters(answer)
    for marker in reversed(list(_MARKER.finditer(plain))):
        start = marker.end()
        if empty := _EMPTY_LINE.match(plain, start):
            start = empty.end()
        line_end = plain.find("\n", start)
        yield start, line_end if line_end >= 0 else len(plain)


def _marked(answer: str, decimal: Decimals) -> Extraction:
    for start, end in marked_stretches(answer):
        number = next(numbers_in(answer, start, end, decimal), None)
        if number is not None:
            return _number(_result(answer, number, end, decimal), "marker")
    return Extraction.failure("marker")


def _result(answer: str, number: WrittenNumber, end: int, decimal: Decimals) -> WrittenNumber:
    """The number itself, or the result of the calculation that it begins."""
    calculation = _RESULT.match(answer, number.end, end)
    if calculation is None or not _OPERATOR.search(calculation.group()):
        return number
    return next(numbers_in(answer, calculation.end(), end, decimal), number)


def _boolean(answer: str, _: Decimals) -> Extraction:
    plain = plain_characters(answer)
    marked = (marked_truth(plain, start, end) for start, end in marked_stretches(answer))
    stated = next((truth for truth in marked if truth is not None), None) or last_truth(plain)
    return _named(stated, "boolean")


def _letter(answer: str, _: Decimals) -> Extraction:
    stretches = [(start, end) for start, end in marked_stretches(answer) if not _NEGATED.match(answer, start)]
    marked = (marked_letter(answer, start, end) for start, end in stretches)
    return _named(next((letter for letter in marked if letter is not None), None) or stated_letter(answer), "letter")


def _named(found: StatedTruth | NamedLetter | None, method: str) -> Extraction:
    return Extraction.failure(method) if found is None else Extraction(found.value, found.start, found.end, method)


_RULES: Mapping[str, Callable[[str, Decimals], Extraction]] = {
    "text": _text,
    "line": _line,
    "last_number": _last_number,
    "marker": _marked,
    "boolean": _boolean,
    "letter": _letter,
}
