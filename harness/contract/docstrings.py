"""Docstrings of targets: the first line, read from source without an import, and the parts of one imported."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

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


def documentation(target: Callable[..., Any]) -> tuple[str, dict[str, tuple[str, str]]]:
    """The description, and (type, text) by parameter name, from the docstrings of a target.

    A parameter that a class does not document is looked up in the classes it inherits from.
    """
    import docstring_parser

    texts = [inspect.getdoc(target) or ""]
    for base in reversed(target.__mro__) if inspect.isclass(target) else ():
        texts += [vars(base).get("__doc__") or "", getattr(vars(base).get("__init__"), "__doc__", None) or ""]
    parsed = [docstring_parser.parse(inspect.cleandoc(text)) for text in texts]
    documented: dict[str, tuple[str, str]] = {}
    for part in parsed:
        for parameter in part.params:
            for name in parameter.arg_name.split(","):
                text = " ".join((parameter.description or "").split())
                documented[name.strip()] = (parameter.type_name or "", re.sub(r"\s*\(Default:.*?\)\s*$", "", text))
    head = parsed[0]
    about = "\n\n".join(part for part in (head.short_description, head.long_description) if part)
    return about, documented
