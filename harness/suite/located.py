"""YAML with the line and column of every value: safe nodes only, and errors that look like a compiler's.

Scalars follow YAML 1.2, so `1e-3` is a number, `10:30` a string and `no` a string. Foreign tags, duplicate
keys, merge keys and documents that expand to more than `MAX_NODES` values are errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from harness.contract.errors import SuiteError
from harness.contract.plain import encodable
from harness.suite.limits import MAX_BYTES

MAX_NODES = 20_000

Path_ = tuple[str | int, ...]

_STANDARD_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "map", "seq")}
_WORDS: Mapping[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_MAX_DIGITS = 300
_MOST_SHOWN = 200
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)")


@dataclass(frozen=True, slots=True)
class Mark:
    """A position in a file; line and column count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True)
class Problem:
    """An error in a suite with its file, line and column."""

    mark: Mark
    path: Path_
    message: str
    hint: str = ""

    def render(self, source: str) -> str:
        """The problem with its line, a caret, and a hint."""
        lines = source.splitlines()
        text = lines[self.mark.line - 1] if self.mark.line <= len(lines) else ""
        dotted = ".".join(map(str, self.path))
        head = f"{self.mark.file}:{self.mark.line}:{self.mark.column}: {f'{dotted}: ' if dotted else ''}{self.message}"
        # Of a long line, what stands around the caret.
        start = max(0, self.mark.column - 1 - _MOST_SHOWN // 2) if len(text) > _MOST_SHOWN else 0
        part = text[start : start + _MOST_SHOWN]
        shown = [head, f"{self.mark.line:>5} | {part}", f"      | {' ' * (self.mark.column - 1 - start)}^"]
        if self.hint:
            shown.append(f"      = {self.hint}")
        return "\n".join(shown)


@dataclass(frozen=True)
class Located:
    """A value read from YAML, the position of each part of it, and the texts it came from."""

    data: Any
    marks: Mapping[Path_, Mark]
    sources: Mapping[str, str] = field(repr=False)

    def where(self, path: Path_) -> Mark:
        """The mark of the path, or of the closest part of the document that encloses it."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks[path]

    def problem(self, path: Path_, message: str, hint: str = "") -> Problem:
        """A problem at a path."""
        return Problem(self.where(path), path, message, hint)

    def error(self, problems: list[Problem]) -> SuiteError:
        """All problems as one error, in the order in which they stand in the file."""
        ordered = sorted(problems, key=lambda p: (p.mark.file, p.mark.line, p.mark.column))
        return SuiteError("\n".join(p.render(self.sources[p.mark.file]) for p in ordered))

    def overlaid(self, over: Located, *, drop: tuple[str, ...] = ()) -> Located:
        """This mapping with the top-level keys of another put over it, and some of its own keys dropped."""
        data = {key: value for key, value in self.data.items() if key not in over.data and key not in drop}
        marks = {path: mark for path, mark in self.marks.items() if path and path[0] in data}
        return Located({**data, **over.data}, {**marks, **over.marks}, {**self.sources, **over.sources})

    def child(self, *path: str | int) -> Located:
        """The part at a path, as a document of its own."""
        data = self.data
        for step in path:
            data = data[step]
        marks = {p[len(path) :]: mark for p, mark in self.marks.items() if p[: len(path)] == path}
        return Located(data, marks, self.sources)


def read_yaml(file: Path) -> Located:
    """Parse a file.

    Raises:
        SuiteError: the file cannot be read, is not YAML, or uses what suites do not allow.
    """
    try:
        if (size := file.stat().st_size) > MAX_BYTES:
            raise SuiteError(f"{file}: its {size:,} bytes are more than the {MAX_BYTES:,} that a suite may have")
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SuiteError(f"{file}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{file}: cannot be read: {error}") from None
    return parse_yaml(text, str(file))


def parse_yaml(text: str, name: str) -> Located:
    """Parse a text; `name` stands for the file in errors. Raises SuiteError."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = Mark(name, mark.line + 1, mark.column + 1) if mark else Mark(name, 1, 1)
        about = " ".join(part for part in (error.context, error.problem) if part)
        raise SuiteError(Problem(at, (), f"not YAML: {about}").render(text)) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise SuiteError(f"{name}: not YAML: {error}") from None
    if node is None:
        raise SuiteError(f"{name}: the file is empty; a suite needs at least `suite:`, `task:` and what to measure")
    builder = _Builder(name)
    data = builder.build(node, ())
    located = Located(data, builder.marks, {name: text})
    if builder.problems:
        raise located.error(builder.problems)
    return located


class _Builder:
    """Turns YAML nodes into values, one visit per node, counting how much aliases expand to."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.marks: dict[Path_, Mark] = {}
        self.problems: list[Problem] = []
        self._count = 0
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: Path_) -> Any:
        mark = Mark(self.name, node.start_mark.line + 1, node.start_mark.column + 1)
        self.marks.setdefault(path, mark)
        self._count += 1
        if self._count > MAX_NODES:
            if self._count == MAX_NODES + 1:
                self._problem(
                    mark, path, f"the document expands to more than {MAX_NODES} values", "are aliases nested?"
                )
            return None
        if id(node) in self._open:
            self._problem(mark, path, "an alias contains itself")
            return None
        if node.tag not in _STANDARD_TAGS and not self._is_plain(node):
            self._problem(mark, path, f"the tag {node.tag!r} is not allowed", "suites hold plain values only")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return dict(self._items(node, path))
            if isinstance(node, yaml.SequenceNode):
                return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
            return self._checked_scalar(node, mark, path) if isinstance(node, yaml.ScalarNode) else None
        finally:
            self._open.discard(id(node))

    def _checked_scalar(self, node: yaml.ScalarNode, mark: Mark, path: Path_) -> Any:
        """The value of a scalar; a problem for what no file or no number can hold."""
        if encodable(node.value) != node.value:
            self._problem(mark, path, f"{encodable(node.value)!r} holds half of a character, which no file can hold")
            return None
        if len(node.value) > _MAX_DIGITS and _INTEGER.fullmatch(node.value) and not node.style:
            self._problem(mark, path, f"a number of {len(node.value)} digits is too long", f"at most {_MAX_DIGITS}")
            return None
        return self._scalar(node)

    @staticmethod
    def _is_plain(node: yaml.Node) -> bool:
        """Whether the tag was guessed by YAML 1.1 (a date, `<<`, `=`), not written."""
        guessed = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value", "tag:yaml.org,2002:merge")
        return isinstance(node, yaml.ScalarNode) and node.style is None and node.tag in guessed

    def _items(self, node: yaml.MappingNode, path: Path_) -> Iterator[tuple[str, Any]]:
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            mark = Mark(self.name, key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(mark, path, "a key must be a word")
                continue
            if key == "<<" and key_node.style is None:
                self._problem(mark, path, "merge keys are not supported", "use `extends` or `experiments`")
                continue
            if encodable(key) != key:
                self._problem(mark, path, f"{encodable(key)!r} holds half of a character, which no file can hold")
                continue
            if key in seen:
                hint = f"first given on line {seen[key]}"
                self._problem(mark, (*path, key), f"key {key!r} is given twice", hint)
                continue
            seen[key] = mark.line
            self.marks[(*path, key)] = mark
            yield key, self.build(value_node, (*path, key))

    @staticmethod
    def _scalar(node: yaml.ScalarNode) -> Any:
        text = str(node.value)
        if node.style:  # quoted, or a block
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if _FLOAT.fullmatch(text):
            return float(text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf"))
        return text

    def _problem(self, mark: Mark, path: Path_, message: str, hint: str = "") -> None:
        self.problems.append(Problem(mark, path, message, hint))
