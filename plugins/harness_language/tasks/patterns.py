"""Patterns that users give for finding an answer: regular expressions that cannot run away."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from types import FrameType
from typing import Any, Literal

from harness.api import UsageError

TIME_LIMIT = 2.0
"""How many seconds one pattern may search one answer."""

_KEYS = ("regex", "group", "take", "ignore_case")
_MANY = 100


@dataclass(frozen=True, slots=True)
class AnswerPattern:
    """A regular expression with what is taken of it.

    Attributes:
        regex: as Python's `re` reads it; "." does not match a line break, "^" and "$" match at each line.
        group: the number or name of the group that is the value; by default the first if there is one, else all.
        take: the first or the last match.
    """

    regex: re.Pattern[str]
    group: int | str
    take: Literal["first", "last"]

    def find(self, answer: str) -> tuple[int, int] | None:
        """The place of the value in the answer; None if nothing matches. Raises UsageError past the time limit."""
        with _limited(self.regex.pattern):
            found = list(islice(self.regex.finditer(answer), 1 if self.take == "first" else None))
        return found[-1].span(self.group) if found and found[-1][self.group] is not None else None


def answer_pattern(rule: Mapping[str, Any]) -> AnswerPattern:
    """The pattern of a rule such as {regex: "ANSWER: (\\d+)", group: 1, take: last}.

    Raises:
        UsageError: it has another key, is no regular expression, lacks the group, or repeats what repeats.
    """
    return _compiled(*(rule.get(key) for key in _KEYS), tuple(sorted(map(str, rule))))


@lru_cache(maxsize=64)
def _compiled(regex: Any, group: Any, take: Any, ignore_case: Any, keys: tuple[str, ...]) -> AnswerPattern:
    unknown = [key for key in keys if key not in _KEYS]
    if unknown or not isinstance(regex, str):
        what = f"has no key {unknown[0]!r}" if unknown else f"needs a text as `regex`, not {regex!r:.80}"
        raise UsageError(f"extract {what}; it takes {', '.join(_KEYS)}")
    if take not in (None, "first", "last"):
        raise UsageError(f"extract takes `take: first` or `take: last`, not {take!r:.80}")
    try:
        pattern = re.compile(regex, re.MULTILINE | (re.IGNORECASE if ignore_case else 0))
    except re.error as error:
        at = "" if error.pos is None else f" at character {error.pos + 1}"
        raise UsageError(f"extract: {regex!r:.200} is no regular expression: {error.msg}{at}") from None
    if nested := _nested_repeat(regex):
        raise UsageError(
            f"extract: {regex!r:.200} repeats what repeats itself ({nested}), so that a search may never end; "
            "write the inner part without +, * or {n,}"
        )
    chosen = group if group is not None else 1 if pattern.groups else 0
    if chosen not in pattern.groupindex and not (isinstance(chosen, int) and 0 <= chosen <= pattern.groups):
        raise UsageError(f"extract: {regex!r:.200} has no group {chosen!r}")
    return AnswerPattern(pattern, chosen, take or "first")


def _nested_repeat(regex: str) -> str:
    """The part that repeats inside an unbounded repeat, in words; empty if there is none."""
    from re import _parser  # type: ignore[attr-defined]

    def search(parsed: Any, inside: bool) -> str:
        for operation, argument in parsed:
            name = str(operation)
            if name in ("MAX_REPEAT", "MIN_REPEAT"):
                _, most, body = argument
                repeats = int(most) > _MANY
                if inside and int(most) > 1 and not _fixed_start(parsed):
                    return "a repeat in a repeat"
                if found := search(body, inside or repeats):
                    return found
            else:
                for body in _bodies(argument):
                    if found := search(body, inside):
                        return found
        return ""

    return search(_parser.parse(regex), False)


def _fixed_start(parsed: Any) -> bool:
    """Whether a repeated part begins or ends with a literal, which parts one round from the next."""
    return bool(len(parsed)) and any(str(parsed[i][0]) == "LITERAL" for i in (0, len(parsed) - 1))


def _bodies(argument: Any) -> Iterator[Any]:
    """The parsed parts that an operation holds."""
    if hasattr(argument, "data"):
        yield argument
    elif isinstance(argument, list | tuple):
        for part in argument:
            yield from _bodies(part)


@contextmanager
def _limited(pattern: str) -> Iterator[None]:
    """End a search after the time limit, where the system can interrupt it: in the main thread of Unix."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise UsageError(f"extract: {pattern!r:.200} searched one answer for over {TIME_LIMIT:g} s; make it simpler")

    handler = signal.signal(signal.SIGALRM, stop)
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, TIME_LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, remaining, interval)
        signal.signal(signal.SIGALRM, handler)
