"""Which choice is right: a column of answers is read as texts or as positions, as a whole and never row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from harness.api import Table, truth_of
from harness_language.tasks.letters import letter_at, letter_of

Reading = Literal["position", "text", "letter"]


@dataclass(frozen=True)
class _Answer:
    """An answer that is given, with what each reading makes of it: a choice, counted from 0, or None.

    Letters are read where they are declared only, since a choice may be a letter.
    """

    row: int
    given: Any
    offered: Sequence[str]
    text: int | None
    position: int | None

    def under(self, reading: Reading) -> int | None:
        return {"text": self.text, "position": self.position, "letter": _as_letter(self.given, self.offered)}[reading]


def right_choices(
    answers: Sequence[Any], offered: Sequence[Sequence[str] | None], declared: Reading | None, table: Table, name: str
) -> list[int | None]:
    """The position of the right choice of each row, counted from 0; None where nothing is right or nothing is offered.

    Args:
        answers: the column as the file has it: texts, or numbers of JSON and Parquet, which are positions unless
            declared otherwise.
        offered: the choices of each row; None for a row without.
        declared: how answers are read; None if one reading must follow from the column.
        table: names the rows in errors.
        name: the column.

    Raises:
        InvalidOutput: an answer is no choice, or the column can be read in two ways, or in none.
    """
    rows = enumerate(zip(answers, offered, strict=True))
    asked = [_answer(row, given, texts) for row, (given, texts) in rows if texts is not None and not is_missing(given)]
    reading = declared or _settled(asked, table, name)
    right: list[int | None] = [None] * len(answers)
    for answer in asked:
        right[answer.row] = answer.under(reading)
        if right[answer.row] is None:
            _refuse(answer, f"must be {_expected(answer, reading)}, not {answer.given!r:.80}", table, name)
    return right


def is_missing(answer: Any) -> bool:
    """Whether nothing is right: null, NaN, or an empty field."""
    return answer is None or answer == "" or answer != answer


def _answer(row: int, given: Any, offered: Sequence[str]) -> _Answer:
    return _Answer(row, given, offered, _as_text(given, offered), _as_position(given, offered))


def _as_text(given: Any, offered: Sequence[str]) -> int | None:
    """The choice with this text; else the only one that is the same but for white space, or the same truth value."""
    text = _written(given)
    if text in offered:
        return offered.index(text)
    bare = [choice.strip() for choice in offered]
    if bare.count(text.strip()) == 1:
        return bare.index(text.strip())
    truth, truths = truth_of(text), list(map(truth_of, offered))
    return truths.index(truth) if truth is not None and truths.count(truth) == 1 else None


def _as_position(given: Any, offered: Sequence[str]) -> int | None:
    text = _written(given).strip()
    is_position = text.isascii() and text.isdigit() and len(text) < 10 and int(text) < len(offered)
    return int(text) if is_position else None


def _as_letter(given: Any, offered: Sequence[str]) -> int | None:
    letter = letter_of(given) if isinstance(given, str) else None
    position = None if letter is None else ord(letter) - ord("A")
    return position if position is not None and position < len(offered) else None


def _written(given: Any) -> str:
    """An answer as text; Parquet holds whole numbers as floating point where some are missing."""
    return str(int(given)) if isinstance(given, float) and given.is_integer() else str(given)


def _settled(asked: Sequence[_Answer], table: Table, name: str) -> Reading:
    """The only reading under which every answer is a choice."""
    numbers = [answer for answer in asked if _is_number(answer.given)]
    if numbers:
        mixed = next((answer for answer in asked if not _is_number(answer.given)), None)
        if mixed is not None:
            one = f"and a number on {table.where(numbers[0].row)}"
            _refuse(mixed, f"is {mixed.given!r:.80}, {one}; {_declare()}", table, name)
        return "position"
    as_text, as_position = ([a for a in asked if a.under(reading) is None] for reading in ("text", "position"))
    if not as_text and not as_position:
        _check_agreement(asked, table, name)
    elif as_text and as_position:
        _refuse_both(asked, as_text[0], as_position[0], table, name)
    return "position" if as_text else "text"


def _check_agreement(asked: Sequence[_Answer], table: Table, name: str) -> None:
    for answer in asked:
        if answer.text != answer.position:
            table.refuse(
                answer.row,
                f"{answer.given!r:.80} ({name!r}) is the text of choice {answer.text} and the position of choice "
                f"{answer.position}, counted from 0; {_declare()}",
            )


def _refuse_both(asked: Sequence[_Answer], no_text: _Answer, no_position: _Answer, table: Table, name: str) -> NoReturn:
    neither = next((answer for answer in asked if answer.text is None and answer.position is None), None)
    if neither is not None:
        expected = f"{_expected(neither, 'text')} or {_expected(neither, 'position')}"
        hint = "" if neither.under("letter") is None else "; letters are read with `answers_are: letter`"
        _refuse(neither, f"must be {expected}, not {neither.given!r:.80}{hint}", table, name)
    other = f"{no_position.given!r:.80} on {table.where(no_position.row)} no position"
    _refuse(no_text, f"is {no_text.given!r:.80}, the text of no choice, and {other}; {_declare()}", table, name)


def _expected(answer: _Answer, reading: Reading) -> str:
    if reading == "text":
        return "the text of one of the choices"
    if reading == "letter":
        return f"the letter of a choice, from A to {letter_at(len(answer.offered) - 1)}"
    return f"the position of a choice, from 0 to {len(answer.offered) - 1}"


def _declare() -> str:
    return "say which with `answers_are: position` or `answers_are: text`"


def _is_number(given: Any) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool)


def _refuse(answer: _Answer, problem: str, table: Table, name: str) -> NoReturn:
    table.refuse(answer.row, f"{name!r} {problem}")
