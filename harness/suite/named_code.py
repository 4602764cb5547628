"""Checking code that a suite names before anything runs: where it lies, whether it is there, and what it imports.

Sources are read and not imported, since the import of a network is that of torch, which takes seconds.
"""

from __future__ import annotations

import ast
import symtable
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path

from harness.code_folders import find_module, name_taken_by, spec_in
from harness.contract.errors import HarnessError
from harness.contract.imports import ImportRights, NamedCode
from harness.named_code import NETWORKS, import_named, is_import_path, why_not_allowed
from harness.plugins import Catalog
from harness.suite.parameters import BadValue


def rights_of(folder: Path, catalog: Catalog, *, anywhere: bool) -> ImportRights:
    """What a suite in this folder may import."""
    folders = dict.fromkeys((str(folder.resolve()), *catalog.folders))
    return ImportRights(tuple(folders), tuple(sorted(catalog.packages)), anywhere)


def check_import(path: str, rights: ImportRights) -> None:
    """Raise BadValue for code that a suite names and that cannot be imported or must not be."""
    if reason := why_not_importable(path, rights):
        raise BadValue(reason)


def why_not_importable(path: str, rights: ImportRights) -> str:
    """Return why code that a suite names cannot be imported or must not be; empty if nothing speaks against it.

    A name without a module is one that the component itself knows.
    """
    if is_import_path(f"x:{path}"):
        return ""
    if reason := why_not_allowed(path, rights):
        return reason
    module, _, attribute = path.rpartition(":")
    if module.partition(".")[0] == NETWORKS:
        try:
            import_named(NamedCode(path, rights))
        except HarnessError as error:
            return str(error).removeprefix(f"{path!r} ")
        return ""
    reason = _Reader(rights).why_not(module, (attribute,), "")
    return f"cannot be imported: {reason}" if reason else ""


class _Reader:
    """Reads sources for what would fail when they are imported; each module once, and those in folders only."""

    def __init__(self, rights: ImportRights) -> None:
        self._rights, self._folders = rights, rights.folders
        self._seen: set[str] = set()
        self._looks_elsewhere = False

    def why_not(self, module: str, names: Sequence[str], where: str) -> str:
        """Return why `from module import names` would fail, as far as sources say; `where` names the importer."""
        top = module.partition(".")[0]
        spec = find_module(self._folders, module)
        if spec is None:
            is_known = self._looks_elsewhere or module in sys.modules or top in sys.stdlib_module_names
            return "" if is_known else f"there is no module {module!r}{where}"
        if spec_in(self._folders, top) is None:
            return self._missing_name(module, spec, names, where) if not where else ""
        if taken_by := self._plugin_named(top):
            return f"the module name {top!r}{where} is taken by {taken_by}; rename one of the files"
        return self._why_source_fails(module, spec) or self._missing_name(module, spec, names, where)

    def _plugin_named(self, top: str) -> str:
        """The file of a plugin or its helper that has the name of a module in the folders; empty if none has."""
        taken_by = name_taken_by(self._folders, top)
        beside = any(Path(taken_by).is_relative_to(folder) for folder in self._folders)
        return taken_by if taken_by and (beside or top in self._rights.packages) else ""

    def _why_source_fails(self, module: str, spec: ModuleSpec) -> str:
        if module in self._seen or spec.origin is None or not spec.origin.endswith(".py"):
            return ""
        self._seen.add(module)
        try:
            source = Path(spec.origin).read_bytes()
            tree = ast.parse(source)
        except (OSError, SyntaxError, ValueError) as error:
            return f"{spec.origin}: {error}"
        self._looks_elsewhere |= b"sys.path" in source or b"addsitedir" in source
        is_package = spec.submodule_search_locations is not None
        for line, base, names in _imports(tree.body, module, is_package=is_package):
            where = f" ({Path(spec.origin).name}, line {line})"
            reason = self.why_not(base, names, where) if base else f"a relative import{where} leads out of its package"
            if reason:
                return reason
        return ""

    def _missing_name(self, module: str, spec: ModuleSpec, names: Sequence[str], where: str) -> str:
        bound = frozenset[str]() if spec.origin is None else _bound_names(spec.origin)
        if bound is None:
            return ""
        for name in names:
            if name not in bound and find_module(self._folders, f"{module}.{name}") is None:
                return f"{spec.origin or module} has no {name!r}{where}"
        return ""


def _bound_names(file: str) -> frozenset[str] | None:
    """The names that a module may bind; None where only running it can tell."""
    if not file.endswith(".py"):
        return None
    source = Path(file).read_bytes()
    table = symtable.symtable(source.decode(errors="replace"), file, "exec")
    bound = frozenset(s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported())
    has_star = any(isinstance(n, ast.ImportFrom) and n.names[0].name == "*" for n in ast.walk(ast.parse(source)))
    return None if has_star or "__getattr__" in bound or b"globals()" in source else bound


def _imports(body: Sequence[ast.stmt], module: str, *, is_package: bool) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Yield line, module and names of each import that runs when a module is imported and that nothing catches."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names if alias.name != "*")
            yield node.lineno, _absolute(node, module, is_package=is_package), names
        elif isinstance(node, ast.With | ast.ClassDef):
            yield from _imports(node.body, module, is_package=is_package)


def _absolute(node: ast.ImportFrom, module: str, *, is_package: bool) -> str:
    """The module that a statement imports from; empty where its dots lead out of the package."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    package = parts[: len(parts) - node.level + is_package]
    return ".".join([*package, *([node.module] if node.module else [])]) if package else ""
