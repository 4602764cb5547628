"""Facts of the source of one module: the digest of its code, its imports, and the names it passes on to importers.

Facts follow from the source alone, so they can be kept under its hash; `import_closure` resolves them to files.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from typing import Any

PRAGMA = "# keyed:"
"""On a line that imports or reads what has a key of its own, with the reason; the line is then not followed."""
STAR = "*"
_IMPORT_BY_NAME = frozenset({"import_module", "__import__"})
_RUN_BY_NAME = frozenset({"exec_module", "run_path", "run_module"})
_PURE_CALLS = frozenset({"dict", "frozenset", "fromkeys", "list", "set", "tuple"})
_MODULES_WITHOUT_EFFECT = sys.stdlib_module_names | {"pluggy", "torch", "typing_extensions"}

_RELEVANT_NODES = (ast.Import, ast.ImportFrom, ast.Name, ast.Attribute, ast.Call)
Functions = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Import:
    """One import statement.

    Attributes:
        module: what it imports, or imports from.
        level: the number of leading dots.
        names: of `from module import names`; None for `import module`.
    """

    module: str
    level: int = 0
    names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Code:
    """Statements of a module that an importer depends on.

    Attributes:
        digest: of their syntax, docstrings and positions dropped.
        imports: all they import, inside functions as well.
        unfollowed: lines that import or execute something by a name made at run time.
        reads_files: whether they read files that lie beside the module.
    """

    digest: str
    imports: tuple[Import, ...]
    unfollowed: tuple[int, ...]
    reads_files: bool


@dataclass(frozen=True)
class Facts:
    """The facts of the source of a module.

    Attributes:
        whole: all of it, less declarations (functions decorated with `hookimpl`).
        named: what counts for who imports a name that the module binds: all but its `__getattr__`.
        parent: what counts for who imports another module of the package: what runs, and functions that this calls.
        names: what its top level binds.
        face: for a module whose import runs nothing but imports and definitions: module, level and name there ("" for
            the module itself) of each name that it passes on; None for any other module.
        stars: module and level of each `from module import *`.
        acts: whether importing it does more than define names, e.g. enters them into a registry.
    """

    whole: Code
    named: Code
    parent: Code
    names: frozenset[str]
    face: dict[str, tuple[str, int, str]] | None
    stars: tuple[tuple[str, int], ...]
    acts: bool

    def to_json(self) -> list[Any]:
        """The facts as a short JSON value; code that is the same as `whole` is left out."""
        named, parent = (None if code == self.whole else astuple(code) for code in (self.named, self.parent))
        return [astuple(self.whole), named, parent, sorted(self.names), self.face, self.stars, self.acts]

    @classmethod
    def from_json(cls, raw: list[Any]) -> Facts:
        """The inverse of `to_json`."""
        whole, named, parent, names, face, stars, acts = raw
        code = _code_from_json(whole)
        face = face and {name: tuple(source) for name, source in face.items()}
        named, parent = (code if part is None else _code_from_json(part) for part in (named, parent))
        return cls(code, named, parent, frozenset(names), face, tuple((m, level) for m, level in stars), acts)


def _code_from_json(raw: list[Any]) -> Code:
    digest, imports, unfollowed, reads_files = raw
    parsed = tuple(Import(module, level, names and tuple(names)) for module, level, names in imports)
    return Code(digest, parsed, tuple(unfollowed), reads_files)


@cache
def read_facts(source: bytes, *, is_package: bool) -> Facts:
    """The facts of a source; what Python cannot parse counts by its bytes and imports nothing."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        code = Code(hashlib.sha256(source).hexdigest(), (), (), reads_files=False)
        return Facts(code, code, code, frozenset(), None, (), acts=True)
    body: list[ast.stmt] = _stripped(tree.body, _guards(tree) if b"TYPE_CHECKING" in source else set())
    lines = source.decode(errors="replace").splitlines() if PRAGMA.encode() in source else []
    whole = _code(body, lines)
    named = [node for node in body if not (isinstance(node, Functions) and node.name == "__getattr__")]
    return Facts(
        whole,
        whole if len(named) == len(body) else _code(named, lines),
        _code(_run_by_import(named), lines) if is_package else whole,
        frozenset(_bound(body)),
        _face(body),
        tuple((node.module or "", node.level) for node in body if isinstance(node, ast.ImportFrom) and _is_star(node)),
        acts=_acts(body),
    )


def _guards(tree: ast.Module) -> set[str]:
    """Return the expressions that are true for type checkers only."""
    nodes = list(ast.walk(tree))
    imported = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    taken = [a for n in nodes if isinstance(n, ast.ImportFrom) and n.module == "typing" for a in n.names]
    modules = {alias.asname or alias.name for alias in imported if alias.name == "typing"}
    names = {alias.asname or alias.name for alias in taken if alias.name == "TYPE_CHECKING"}
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    return {f"{module}.TYPE_CHECKING" for module in modules - bound} | names - bound


def _stripped(body: Sequence[Any], guards: set[str]) -> list[Any]:
    """Return the statements that run in a measurement: no texts, declarations, or imports for type checkers."""
    statements: list[Any] = []
    for node in body:
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            if inner := getattr(node, field, None):
                setattr(node, field, _stripped(inner, guards))
        if isinstance(node, ast.If) and guards and ast.unparse(node.test) in guards:
            statements += node.orelse
        elif not _is_text(node) and "hookimpl" not in map(_last_name, getattr(node, "decorator_list", ())):
            statements.append(node)
    return statements


def _is_text(node: ast.AST) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _last_name(node: ast.AST) -> str:
    """The name in `name`, `a.name`, and calls of either; empty for any other expression."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _code(body: Sequence[ast.stmt], lines: Sequence[str]) -> Code:
    nodes = [node for stmt in body for node in ast.walk(stmt) if isinstance(node, _RELEVANT_NODES)]
    nodes = [node for node in nodes if not any(PRAGMA in line for line in lines[node.lineno - 1 : node.end_lineno])]
    imports, unfollowed = [], []
    aliases = {"exec", *_IMPORT_BY_NAME}
    for node in nodes:
        if isinstance(node, ast.Import):
            imports += [Import(prefix) for alias in node.names for prefix in _imported(alias)]
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            imports.append(Import(node.module or "", node.level, tuple(alias.name for alias in node.names)))
            aliases |= {alias.asname or alias.name for alias in node.names if alias.name in _IMPORT_BY_NAME}
    followed = {id(n.func): i for n in nodes if isinstance(n, ast.Call) and (i := _by_constant_name(n, aliases))}
    for node in nodes:
        if id(node) in followed:
            imports.append(followed[id(node)])
        elif isinstance(node, ast.Name | ast.Attribute) and (_runs_by_name(node, aliases) or _changes_path(node)):
            unfollowed.append(node.lineno)
    digest = hashlib.sha256("\n".join(map(ast.dump, body)).encode()).hexdigest()
    return Code(digest, tuple(dict.fromkeys(imports)), tuple(unfollowed), any(map(_reads_files, nodes)))


def _imported(alias: ast.alias) -> Iterator[str]:
    """The modules that `import a.b` makes usable: `a` too, unless `as` binds the last only."""
    parts = alias.name.split(".")
    for i in range(len(parts) if alias.asname else 1, len(parts) + 1):
        yield ".".join(parts[:i])


def _runs_by_name(node: ast.Name | ast.Attribute, aliases: set[str]) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in _IMPORT_BY_NAME | _RUN_BY_NAME
    return node.id in aliases and isinstance(node.ctx, ast.Load)


def _changes_path(node: ast.Name | ast.Attribute) -> bool:
    """Whether this adds to `sys.path`, after which names of modules do not tell their files."""
    if not isinstance(node, ast.Attribute) or node.attr not in ("append", "extend", "insert", "path"):
        return node.attr == "addsitedir" if isinstance(node, ast.Attribute) else False
    path = node if isinstance(node.ctx, ast.Store) else node.value
    return isinstance(path, ast.Attribute) and ast.unparse(path) == "sys.path"


def _by_constant_name(call: ast.Call, aliases: set[str]) -> Import | None:
    """Return what `import_module("name")` imports, if the name is a constant; else None."""
    if not isinstance(call.func, ast.Name | ast.Attribute) or not _runs_by_name(call.func, aliases - {"exec"}):
        return None
    if _last_name(call.func) in _RUN_BY_NAME or not call.args or not isinstance(call.args[0], ast.Constant):
        return None
    name = str(call.args[0].value)
    anchors = [*call.args[1:], *(keyword.value for keyword in call.keywords)]
    if name.startswith(".") and len(anchors) == 1 and isinstance(anchors[0], ast.Constant):
        return Import(_resolved(name, str(anchors[0].value)))
    if name.startswith(".") and any(_last_name(anchor) not in ("__package__", "__name__") for anchor in anchors):
        return None
    return Import(name.lstrip("."), len(name) - len(name.lstrip(".")))


def _resolved(name: str, package: str) -> str:
    """The module that a relative name means in a package; empty where its dots lead out of it."""
    try:
        return importlib.util.resolve_name(name, package)
    except ImportError:
        return ""


def _reads_files(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name in ("importlib.resources", "pkgutil") for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        names = {alias.name for alias in node.names}
        return node.module in ("importlib.resources", "pkgutil") or (
            node.module == "importlib" and "resources" in names
        )
    return isinstance(node, ast.Name | ast.Attribute) and _last_name(node) in ("__file__", "__path__")


def _run_by_import(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statements that run on import, and the functions and constants that these use."""
    waiting = [node for node in body if _only_defines(node)]
    running = [node for node in body if not _only_defines(node)]
    used = _names_in(running)
    while reached := [node for node in waiting if used & set(_bound([node]))]:
        running += reached
        waiting = [node for node in waiting if node not in reached]
        used |= _names_in(reached)
    return sorted(running, key=lambda node: node.lineno)


def _only_defines(node: ast.stmt) -> bool:
    if isinstance(node, Functions):
        return not node.decorator_list
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    calls = [inner for inner in ast.walk(node.value) if isinstance(inner, ast.Call)]
    return all(isinstance(t, ast.Name) for t in targets) and all(_last_name(call) in _PURE_CALLS for call in calls)


def _names_in(nodes: Sequence[ast.AST]) -> set[str]:
    return {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _top_level(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Every node outside functions and classes; of these the definition only."""
    for node in body:
        yield node
        if not isinstance(node, (*Functions, ast.ClassDef, ast.Lambda)):
            yield from _top_level(list(ast.iter_child_nodes(node)))


def _bound(body: Sequence[ast.AST]) -> Iterator[str]:
    for node in _top_level(body):
        if isinstance(node, (*Functions, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]


def _is_star(node: ast.ImportFrom) -> bool:
    return node.names[0].name == STAR


def _face(body: Sequence[ast.stmt]) -> dict[str, tuple[str, int, str]] | None:
    names: dict[str, tuple[str, int, str]] = {}
    for node in body:
        if isinstance(node, ast.ImportFrom):
            names |= {a.asname or a.name: (node.module or "", node.level, a.name) for a in node.names if a.name != STAR}
        elif isinstance(node, ast.Import) and all(alias.asname or "." not in alias.name for alias in node.names):
            names |= {alias.asname or alias.name: (alias.name, 0, "") for alias in node.names}
        elif not _only_defines(node) and not (isinstance(node, ast.AugAssign) and set(_bound([node])) == {"__all__"}):
            return None
    own = set(_bound([node for node in body if not isinstance(node, ast.Import | ast.ImportFrom)]))
    return {name: source for name, source in names.items() if name not in own}


def _acts(body: Sequence[ast.stmt]) -> bool:
    """Whether a top level calls, decorates with, or assigns into what is neither its own nor Python's nor torch's."""
    own = {*dir(builtins), *_bound([node for node in body if not isinstance(node, ast.Import | ast.ImportFrom)])}
    for stmt in body:
        if isinstance(stmt, ast.Import | ast.ImportFrom) and _module_of(stmt) in _MODULES_WITHOUT_EFFECT:
            own |= set(_bound([stmt]))
    for node in _top_level(body):
        used: list[ast.AST] = [node.func] if isinstance(node, ast.Call) else []
        if isinstance(node, (*Functions, ast.ClassDef)):
            used += node.decorator_list
        if isinstance(node, ast.ClassDef):
            used += [keyword.value for keyword in node.keywords]
        if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            return True
        if isinstance(node, ast.Expr) or any(_root(each) not in own for each in used):
            return True
    return False


def _module_of(node: ast.Import | ast.ImportFrom) -> str:
    if isinstance(node, ast.ImportFrom):
        return "" if node.level else (node.module or "").partition(".")[0]
    return node.names[0].name.partition(".")[0]


def _root(node: ast.AST) -> str:
    return next((inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)), "")
