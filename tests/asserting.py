"""Which tests can fail: found in the syntax tree, so that no comment, constant or name counts as an assertion."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

_CONTEXTS = {"raises", "warns", "deprecated_call"}
"""Functions of pytest that fail unless something happens inside their `with`."""
_CHECKS = {"benchmark", "pedantic", "check_schema", "validate", "fail"}
"""Calls that fail by themselves, as do all whose name begins with `assert_`."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class _Module:
    """A file of tests or helpers.

    Attributes:
        functions: every function in it by its name, methods and inner ones included.
        imported: name to the file that it is imported from, for helpers of the tests.
    """

    functions: dict[str, list[Function]] = field(default_factory=dict)
    imported: dict[str, Path] = field(default_factory=dict)


def without_assertion(path: Path, helpers: tuple[Path, ...]) -> list[str]:
    """The names of the tests in a file that cannot fail but by raising.

    A test must assert what is not constant and not only a type, expect an exception or a warning, call what checks by
    itself, or call a helper (of its file, or imported from a file below the folders `helpers`) that does one of these.
    """
    found = _read(path, helpers).functions
    tests = [test for name, same in found.items() if name.startswith("test_") for test in same]
    return [test.name for test in tests if not _checks(test, path, helpers)]


@cache
def _read(path: Path, helpers: tuple[Path, ...]) -> _Module:
    module = _Module()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            module.functions.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.ImportFrom) and node.module:
            files = [folder.joinpath(*node.module.split(".")).with_suffix(".py") for folder in helpers]
            file = next((file for file in files if file.is_file()), None)
            if file is not None:
                module.imported |= {alias.asname or alias.name: file for alias in node.names}
    return module


def _checks(test: Function, path: Path, helpers: tuple[Path, ...]) -> bool:
    """Whether the test, or a helper that it calls however deep, does what can fail."""
    waiting, seen = [(test, path)], set()
    while waiting:
        function, file = waiting.pop()
        if function in seen:
            continue
        seen.add(function)
        fails, calls = _look_into(function)
        if fails:
            return True
        waiting += [each for name in calls for each in _helpers(name, file, helpers)]
    return False


@cache
def _look_into(function: Function) -> tuple[bool, frozenset[str]]:
    """Whether a function does what can fail, and the names of what it calls."""
    nodes = [node for statement in function.body for node in ast.walk(statement)]
    calls = frozenset(_name(node.func) for node in nodes if isinstance(node, ast.Call))
    return any(map(_fails_by_itself, nodes)), calls


def _helpers(name: str, path: Path, helpers: tuple[Path, ...]) -> Iterator[tuple[Function, Path]]:
    """The functions that a name may stand for in a file of tests."""
    module = _read(path, helpers)
    yield from ((each, path) for each in module.functions.get(name, ()))
    if name in module.imported:
        file = module.imported[name]
        yield from ((each, file) for each in _read(file, helpers).functions.get(name, ()))


def _fails_by_itself(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return not (is_always_true(node.test) or _is_about_types(node.test))
    if isinstance(node, ast.With | ast.AsyncWith):
        calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
        return any(_name(call.func) in _CONTEXTS for call in calls)
    if isinstance(node, ast.Raise):
        error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return error is not None and _name(error) == "AssertionError"
    name = _name(node.func) if isinstance(node, ast.Call) else ""
    return name in _CHECKS or name.startswith("assert_")


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def is_always_true(test: ast.expr) -> bool:
    """Whether an asserted expression is true whatever the code under test does, as far as its form says."""
    match test:
        case ast.Tuple(elts) | ast.List(elts) | ast.Set(elts):
            return bool(elts)
        case ast.Dict(keys):
            return bool(keys)
        case ast.JoinedStr() | ast.GeneratorExp() | ast.Lambda():
            return True
        case ast.BoolOp(ast.Or(), values):
            return any(map(is_always_true, values))
        case ast.BoolOp(ast.And(), values):
            return all(map(is_always_true, values))
        case ast.Compare(left, [ast.Eq() | ast.Is() | ast.LtE() | ast.GtE()], [right]) if not _has_call(test):
            if ast.dump(left) == ast.dump(right):
                return True
    # What names nothing is a constant; one that is false would fail by itself.
    return not any(isinstance(node, ast.Name | ast.Call) for node in ast.walk(test))


def _has_call(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Call) for inner in ast.walk(node))


def _is_about_types(test: ast.expr) -> bool:
    """Whether nothing is asserted but types; of several assertions one that says more is enough."""
    match test:
        case ast.BoolOp(_, values):
            return all(map(_is_about_types, values))
        case ast.Call(ast.Name("isinstance" | "issubclass" | "callable")):
            return True
        case ast.Call(ast.Name("all" | "any"), [ast.GeneratorExp(inner) | ast.ListComp(inner)]):
            return _is_about_types(inner)
        case ast.Compare(ast.Call(ast.Name("type")), [ast.Is() | ast.Eq()], [ast.Name(name)]):
            return hasattr(builtins, name)
    return False
