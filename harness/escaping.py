"""Text of strangers made harmless for where it is shown: a terminal, Markdown, CSV, LaTeX, HTML or JSON.

Labels, messages, paths and logs come from suites, run folders, models and plugins. What is no sign but a command to the
reader (control characters, and those that turn the direction of writing) is spelt out everywhere, such as `\\x1b`.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

_COMMANDS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1 (ECMA-48) but for tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls (UAX #9; CVE-2021-42574)
    "\u2028\u2029\ud800-\udfff"  # breaks of lines and paragraphs; halves of characters, which no file can hold
)
# A text set apart by the isolate that is meant for names (FSI, PDI) turns nothing around it, and stays.
_ISOLATED = "(\u2068[^\u2066-\u2069\n]*\u2069)"
_COMMAND = re.compile(f"{_ISOLATED}|[{_COMMANDS}]")
_COMMAND_OR_BREAK = re.compile(f"{_ISOLATED}|[\t\n{_COMMANDS}]")
_IN_JSON = re.compile(f"[{_COMMANDS}]")
# What breaks a table or makes a tag, an entity, a picture or a link; brackets of intervals stay as they are.
_MARKDOWN = re.compile(r"\||<(?=[A-Za-z/!?])|&(?=#?\w+;)|!(?=\[)|(?<=\])[(\[:]")
_MARKDOWN_LINE = re.compile(r"^(?=[#>+=~`-]|\d+[.)] )")
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_LATEX = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "≤": r"$\leq$",
        "≥": r"$\geq$",
        "↑": r"$\uparrow$",
        "↓": r"$\downarrow$",
        "–": "--",
        "∞": r"$\infty$",
    }
)


def visible(text: str) -> str:
    """Return a text with its control characters spelt out, for a terminal or a log; lines and tabs stay."""
    return _COMMAND.sub(partial(_spelt, visible), text)


def on_a_line(text: str) -> str:
    """Return a text on one line: its breaks are spelt out as well."""
    return _COMMAND_OR_BREAK.sub(partial(_spelt, on_a_line), text)


def _spelt(inside: Callable[[str], str], match: re.Match[str]) -> str:
    isolated = match[1]
    return f"{isolated[0]}{inside(isolated[1:-1])}{isolated[-1]}" if isolated else repr(match[0])[1:-1]


def markdown_cell(text: str) -> str:
    """Return a text as a cell, or a part of a line, of Markdown (GitHub's): no table, tag or picture comes from it."""
    return _MARKDOWN.sub(r"\\\g<0>", on_a_line(text))


def markdown_line(text: str) -> str:
    """Return a text as a paragraph of Markdown, which is no heading, list or quotation."""
    return _MARKDOWN_LINE.sub(r"\\", markdown_cell(" ".join(text.split())))


def csv_value(value: Any) -> Any:
    """Return a value as a field of CSV: a text that a spreadsheet would take for a formula begins with `'`."""
    if not isinstance(value, str):
        return value
    shown = visible(value)
    return f"'{shown}" if _FORMULA.match(shown) and not _NUMBER.fullmatch(shown) else shown


def latex(text: str) -> str:
    """Return a text as LaTeX that typesets it."""
    return on_a_line(text).translate(_LATEX)


def latex_table(columns: Sequence[str], body: Sequence[Sequence[str]], caption: str, alignment: str = "") -> str:
    """A LaTeX table for the package booktabs, of texts that are escaped here; left-aligned unless said otherwise."""
    head, *lines = (" & ".join(latex(cell) for cell in line) + r" \\" for line in (columns, *body))
    return "\n".join(
        [
            r"% needs \usepackage{booktabs}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex(caption)}}}",
            rf"\begin{{tabular}}{{{alignment or 'l' * len(columns)}}}",
            r"\toprule",
            head,
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def html_text(text: str) -> str:
    """Return a text as HTML, inside an element or the quotes of an attribute."""
    return html.escape(visible(text))


def html_value(value: Any) -> Any:
    """Return a value for a template that escapes tags itself; what is marked as HTML already stays (`finalize`)."""
    return visible(value) if type(value) is str else value


def json_text(value: Any, indent: int | None = None) -> str:
    """Return a JSON value as text that can be printed as it is: control characters stand in it as `\\u009b`.

    It is compact without `indent`.
    """
    text = json.dumps(value, indent=indent, separators=(",", ":" if indent is None else ": "), ensure_ascii=False)
    return _IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
