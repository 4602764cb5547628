"""Markdown from docstrings and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(`[^`]*`)")
_MARKUP = re.compile(r"([\\*<>\[\]])")
_HEADING = re.compile(r"(Raises|Returns|Yields|Attributes|Example|Examples):\n")
_ENTRY = re.compile(r"^(\S[^:\n]*): ", re.M)
_TABLE_OR_CODE = re.compile(r"\||    ")


def text(plain: str) -> str:
    """A text in which nothing but `code` is markup."""
    parts = _CODE.split(plain)
    return "".join(part if part.startswith("`") else _MARKUP.sub(r"\\\1", part) for part in parts)


def prose(docstring: str) -> str:
    """The paragraphs of a docstring; its sections become lists, its tables and indented lines stay as they are."""
    return "\n\n".join(_paragraph(part) for part in re.split(r"\n\s*\n", docstring.strip("\n")) if part.strip())


def _paragraph(part: str) -> str:
    heading = _HEADING.match(part)
    if heading:
        lines = re.sub(r"^    ", "", part[heading.end() :], flags=re.M)
        joined = re.sub(r"\n\s+", " ", lines)
        return f"**{heading[1]}**\n\n" + "\n".join(f"- {text(line)}" for line in joined.splitlines())
    return part if _TABLE_OR_CODE.match(part) else text(part)


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(content: str) -> str:
    return " ".join(content.split()).replace("|", "\\|")


def code(content: str) -> str:
    """A short piece of code; empty where there is nothing."""
    return f"`{content}`" if content else ""


def block(language: str, content: str) -> str:
    """A fenced block."""
    return f"```{language}\n{content.rstrip()}\n```"


def page(title: str, lead: str, *sections: str) -> str:
    """A page with its title, what it is in a sentence, and its sections."""
    return "\n\n".join([f"# {title}", lead, *filter(None, sections)]) + "\n"
