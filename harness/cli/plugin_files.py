"""The files of a new plugin: an example under another name, and what makes a package of it.

The examples are plugins that run as they lie in `examples/`, so what is written here is what their tests have tried.
"""

from __future__ import annotations

import ast
import importlib.util
import keyword
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.contract.components import KINDS
from harness.contract.errors import UsageError
from harness.plugins import Catalog
from harness.version import __version__

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_PACKAGE = Path(__file__).resolve().parents[1]
_TEMPLATE = Path(__file__).with_name("plugin_template")
_MADE_BY_RUNNING = {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", "results"}
_TAKEN_FOLDERS = {"tests", "results"}


def example_folder() -> Path:
    """The folder of example plugins: inside of an installed wheel, or beside the package in a checkout."""
    shipped = _PACKAGE / "examples"
    return shipped if shipped.is_dir() else _PACKAGE.parent / "examples"


def plugin_kinds() -> tuple[str, ...]:
    """What there is an example of: kinds of components, then what observes or changes a run by hooks alone."""
    kinds = {path.parents[1].name for path in example_folder().glob("*/*/__init__.py")}
    return tuple(sorted(kinds, key=lambda kind: (kind not in KINDS, kind)))


@dataclass(frozen=True)
class Example:
    """An example plugin: a package, a suite of its name and tests.

    Attributes:
        kind: the name of its folder.
        name: of its package, of its component if it has one, and of its suite.
    """

    kind: str
    name: str

    @classmethod
    def of(cls, kind: str) -> Example:
        """The example of a kind."""
        (package,) = (path.parent for path in (example_folder() / kind).glob("*/__init__.py"))
        return cls(kind, package.name)

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return example_folder() / self.kind

    @property
    def summary(self) -> str:
        """What it is, as the first line of its package says."""
        return ast.get_docstring(ast.parse(self._init.read_text(encoding="utf-8"))) or ""

    @property
    def _init(self) -> Path:
        return self.folder / self.name / "__init__.py"

    def files(self) -> Iterator[Path]:
        """Its files, without what running it has left there."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not _MADE_BY_RUNNING & set(path.relative_to(self.folder).parts):
                yield path


def check_name(name: str, example: Example, catalog: Catalog) -> None:
    """Raise a UsageError, in words, unless a package and a component may have this name."""
    close = re.sub(r"\W+", "_", name.strip().lower()).strip("_")
    if not _NAME.fullmatch(name):
        hint = f"; {close!r} would do" if _NAME.fullmatch(close) else ""
        raise UsageError(f"{name!r} is no name of a package: lower-case letters, digits and '_', a letter first{hint}")
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in _TAKEN_FOLDERS:
        raise UsageError(f"{name!r} means something else in Python or in a package; choose another name")
    if name in sys.stdlib_module_names or (name not in sys.modules and importlib.util.find_spec(name) is not None):
        raise UsageError(f"{name!r} would hide an installed package of that name; choose another name")
    if name in sys.modules:
        raise UsageError(f"{name!r} would hide a package that is loaded already; choose another name")
    offered = [entry for entry in catalog.named(name) if entry.component.kind == example.kind]
    if offered:
        raise UsageError(f"{offered[0].package} offers the {example.kind} {name!r} already; choose another name")
    text = "\n".join(path.read_text(encoding="utf-8") for path in example.files())
    used = [form for form in _forms(name) if name != example.name and re.search(_whole_word(form), text)]
    if used:
        raise UsageError(f"the example uses the name {used[0]!r} for something else; choose another name")


def files_of(name: str, example: Example) -> Mapping[str, str]:
    """The files of the new package, path to content.

    Args:
        name: of the package, and of its component.
        example: what is copied.
    """
    copied = {path.relative_to(example.folder).as_posix(): path for path in example.files()}
    renamed = {_renamed(place, example.name, name): path for place, path in copied.items()}
    made = {place: _renamed(path.read_text(encoding="utf-8"), example.name, name) for place, path in renamed.items()}
    values = {
        "NAME": name,
        "DISTRIBUTION": name.replace("_", "-"),
        "SUMMARY": example.summary,
        "VERSION": __version__,
    }
    for path in sorted(_TEMPLATE.rglob("*.in")):
        place = path.relative_to(_TEMPLATE).as_posix().replace("dot_", ".").removesuffix(".in")
        made[place] = re.sub(r"@([A-Z]+)@", lambda blank: values[blank[1]], path.read_text(encoding="utf-8"))
    return made


def _renamed(text: str, old: str, new: str) -> str:
    """A text with a name in all its forms replaced by another."""
    for before, after in zip(_forms(old), _forms(new), strict=True):
        text = re.sub(_whole_word(before), after, text)
    return text


def _forms(name: str) -> tuple[str, str, str]:
    """A name as modules, classes and constants have it."""
    return name, "".join(part.capitalize() for part in name.split("_")), name.upper()


def _whole_word(form: str) -> str:
    """Where a name stands for itself or with something added by an underscore, such as `test_corners`."""
    return rf"(?<![A-Za-z0-9]){re.escape(form)}(?![A-Za-z0-9])"
