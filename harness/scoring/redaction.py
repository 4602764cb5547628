"""Redaction: what tables, pages and logs show instead of a text that may quote an example, such as a name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from harness.contract.estimates import Estimate
from harness.contract.plain import encodable
from harness.contract.rows import Row
from harness.isolation import Fault
from harness.plugins import Catalog

HOOK = "harness_redact"
LEFT_OUT = "[text left out: it may quote an example]"
# What another library raised begins with the name of its class; of the classes in use few begin with a small letter.
_RAISED = re.compile(r"((?:\b(?:[A-Z]\w*|error|timeout|herror|gaierror): )+).*", re.DOTALL)
_QUOTED = re.compile(r"""(?<!\w)(['"`]).*\1(?!\w)|[“„«‹].*[”“»›]""", re.DOTALL)


class Redacts(Protocol):
    """Calls `harness_redact` of every plugin."""

    def redact(self, texts: Sequence[str]) -> list[str] | Fault:
        """The texts to show instead of these."""


class Redactor:
    """Says what is shown instead of a text.

    Args:
        catalog: the plugins.
        calls: hands texts to their hooks.
        examples: whether texts may quote single examples.
    """

    def __init__(self, catalog: Catalog, calls: Redacts, *, examples: bool = True) -> None:
        self._has_hooks = any(True for _ in catalog.implementations(HOOK))
        self._calls, self._examples = calls, examples

    def __call__(self, text: str) -> str:
        """Return what is shown of a log or of a text of a page."""
        return self._of_plugins([text])[0]

    def reason(self, text: str) -> str:
        """Return what is shown of a reason or a warning."""
        return self._reasons([text])[0]

    def rows(self, rows: Sequence[Row]) -> list[Row]:
        """Return rows whose reasons can be shown: their own and those of their estimates."""
        reasons = list(dict.fromkeys(reason for row in rows for reason in _reasons(row) if reason))
        shown = dict(zip(reasons, self._reasons(reasons), strict=True))
        if all(before == after for before, after in shown.items()):
            return list(rows)
        return [_with_reasons(row, {"": "", **shown}) for row in rows]

    def _reasons(self, reasons: Sequence[str]) -> list[str]:
        bare = reasons if self._examples else [without_quotes(reason) for reason in reasons]
        # A number that is undefined has a reason, whatever a plugin leaves of it.
        return [shown or LEFT_OUT for shown in self._of_plugins(bare)]

    def _of_plugins(self, texts: Sequence[str]) -> list[str]:
        if not self._has_hooks or not texts:
            return list(texts)
        answer = self._calls.redact(texts)
        return [f"[not shown: {HOOK} failed: {answer.reason}]"] * len(texts) if isinstance(answer, Fault) else answer


class RedactorHere:
    """Hands texts to the hooks in this process, where an exception is all that can be caught.

    Args:
        catalog: the plugins.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._hooks = list(catalog.implementations(HOOK))

    def redact(self, texts: Sequence[str]) -> list[str]:
        return [self._shown(text) for text in texts]

    def _shown(self, text: str) -> str:
        """Return the text to show. Of a plugin that fails nothing is shown: it may have wanted to remove anything."""
        for plugin, redact in self._hooks:
            answer = redact(text=text)
            if isinstance(answer, Fault):
                return f"[not shown: {HOOK} of plugin {plugin!r} failed: {answer.reason}]"
            if answer is not None and not isinstance(answer, str):
                return f"[not shown: {HOOK} of plugin {plugin!r} gave a {type(answer).__name__}, not text]"
            text = text if answer is None else encodable(answer)
        return text


def without_quotes(reason: str) -> str:
    """Return a reason without what may quote an example: texts of other libraries' errors, and what stands in quotes.

    >>> without_quotes('ValueError: could not convert string to float: "John Smith"')
    'ValueError: [text left out: it may quote an example]'
    >>> without_quotes("people.csv, line 3, column age: 'John' is not a number")
    "people.csv, line 3, column age: '…' is not a number"
    """
    bare = _RAISED.sub(lambda match: f"{match[1]}{LEFT_OUT}", reason)
    return _QUOTED.sub(lambda match: f"{match[0][0]}…{match[0][-1]}", bare)


def _reasons(row: Row) -> list[str]:
    return [row.reason, *(estimate.reason for estimate in row.estimates.values())]


def _with_reasons(row: Row, shown: dict[str, str]) -> Row:
    estimates = {name: _with_reason(estimate, shown) for name, estimate in row.estimates.items()}
    return replace(row, reason=shown[row.reason], estimates=estimates)


def _with_reason(estimate: Estimate, shown: dict[str, str]) -> Estimate:
    return replace(estimate, reason=shown[estimate.reason]) if estimate.reason else estimate
