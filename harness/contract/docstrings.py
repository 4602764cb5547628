"""The first line of a target's docstring, read from its source without importing it."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from contextlib import suppress
from importlib.machinery import PathFinder
from pathlib import Path

# A definition as formatters lay it out, and the line below it: to parse all files of `harness list` would take .3 s.
_HEADED = re.compile(
    r'^(?:class|def) (\w+)(?:.*|.*\n(?:[ \t].*\n)*\).*):\n[ \t]+"""([^\\\n]+?)(?:"""|\n)', re.MULTILINE
)


def first_line(target: str) -> str:
    """The first line of the docstring of `"package.module:attribute"`; empty if its source has none."""
    module, _, name = target.partition(":")
    with suppress(ImportError, ValueError, OSError, SyntaxError):
        return _line_in(_path_of(module).read_text(encoding="utf-8"), name)
    return ""


def _path_of(module: str) -> Path:
    loaded = getattr(sys.modules.get(module), "__file__", None)
    if loaded:
        return Path(loaded)
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    for name in rest:
        # By its last name, since for a full one the parent would have to be imported.
        spec = PathFinder.find_spec(name, spec.submodule_search_locations) if spec else None
    if spec is None or not spec.has_location:
        raise ImportError(f"the source of {module} is not found")
    return Path(str(spec.origin))


def _line_in(source: str, name: str) -> str:
    headed = (match[2] for match in _HEADED.finditer(source) if match[1] == name)
    return next(headed, None) or _line_by_parsing(source, name)


def _line_by_parsing(source: str, name: str) -> str:
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    named = (node for node in ast.parse(source).body if isinstance(node, kinds) and node.name == name)
    return next((ast.get_docstring(node) or "" for node in named), "").partition("\n")[0]
