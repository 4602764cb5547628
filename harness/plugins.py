"""Discovery: entry points and single files become a catalog of components that one bad plugin cannot break."""

from __future__ import annotations

import ast
import difflib
import importlib.metadata
import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from harness import hooks
from harness.code_folders import imported_from_folder, make_importable, spec_in
from harness.contract.components import Component, Kind
from harness.contract.docstrings import first_line
from harness.contract.errors import UsageError
from harness.isolation import Fault, importing, isolated
from harness.loaded_code import record_imports, recording

GROUP = "harness.plugins"
CORE = "harness"
DISTRIBUTION = "neural-harness"
ABSENT = "absent"
_NAME_OR_VERSION = re.compile(r"^(Name|Version):[ \t]*(\S+)[ \t]*$", re.MULTILINE)
_HOOKS = tuple(name for name in vars(hooks) if name.startswith("harness_"))

PluginFolders = str | Path | Iterable[str | Path]
"""Folders of plugins as a user gives them: one, or several."""


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """A plugin, or one of its components, that was left out, and why."""

    plugin: str
    source: str
    stage: str
    message: str
    details: str = ""

    def __str__(self) -> str:
        return f"plugin {self.plugin!r} ({self.source}) was left out at {self.stage}: {self.message}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A component in the catalog and where it came from."""

    component: Component
    package: str
    source: str

    @property
    def qualified_name(self) -> str:
        """`package/name`, unique among the components of a kind."""
        return f"{self.package}/{self.component.name}"

    @property
    def recorded_name(self) -> str:
        """The name in keys, seeds and records: the qualified one, or the one it had before it moved here."""
        return self.component.moved_from or self.qualified_name

    @property
    def summary(self) -> str:
        """The declared summary, or the first line of the target's docstring; empty if there is neither."""
        return self.component.summary or first_line(self.component.target)

    @property
    def without_summary(self) -> str:
        """What to do where there is none."""
        what = f"{self.component.kind} {self.qualified_name} (from {self.source}) has no summary"
        return f"{what}: write a docstring at {self.component.target}, or declare a summary"


@dataclass
class Catalog:
    """All components by kind and recorded name, the plugin manager, and what could not be loaded.

    Attributes:
        folders: of plugins, absolute; their other modules can be imported too.
    """

    manager: pluggy.PluginManager
    folders: tuple[str, ...] = ()
    entries: dict[tuple[Kind, str], Entry] = field(default_factory=dict)
    failures: list[LoadFailure] = field(default_factory=list)

    @cached_property
    def packages(self) -> frozenset[str]:
        """The packages of all components."""
        return frozenset({CORE, *(entry.package for entry in self.entries.values())})

    def of_kind(self, kind: Kind) -> list[Entry]:
        """The entries of one kind, by recorded name."""
        return [entry for (of, _), entry in sorted(self.entries.items()) if of == kind]

    def named(self, name: str) -> list[Entry]:
        """The entries of any kind with this short or qualified name."""
        return [e for _, e in sorted(self.entries.items()) if name in (e.component.name, e.qualified_name)]

    def find(self, kind: Kind, name: str) -> Entry:
        """The entry with this recorded or qualified name, or with this short name while it is unique.

        Raises:
            UsageError: no such component (with the closest name and the plugins that did not load), or several.
        """
        exact = self.entries.get((kind, name))
        if exact is not None:
            return exact
        matches = [entry for entry in self.of_kind(kind) if name in (entry.component.name, entry.qualified_name)]
        if len(matches) == 1:
            return matches[0]
        if matches:
            choices = " or ".join(f"{entry.qualified_name!r} (from {entry.source})" for entry in matches)
            raise UsageError(f"{kind} {name!r} is offered twice; write {choices}")
        raise UsageError("\n".join([self._unknown(kind, name), *(f"  {failure}" for failure in self.failures)]))

    def implementations(self, hook: str) -> Iterator[tuple[str, Callable[..., Any]]]:
        """Every plugin that implements a hook, in pluggy's order, with a call that returns a `Fault` if it fails.

        Calling the hook as a whole would let one plugin that raises silence all others.
        """
        for implementation in reversed(getattr(self.manager.hook, hook).get_hookimpls()):
            yield implementation.plugin_name, partial(_call_isolated, implementation)

    def _unknown(self, kind: Kind, name: str) -> str:
        elsewhere = self.named(name)
        if elsewhere:
            return f"{name!r} is of kind {elsewhere[0].component.kind}, not {kind}"
        names = {e.component.name for e in self.of_kind(kind)} | {e.qualified_name for e in self.of_kind(kind)}
        close = difflib.get_close_matches(name, names, 1)
        return f"there is no {kind} named {name!r}" + (f"; did you mean {close[0]!r}?" if close else "")


def load_catalog(
    plugin_folders: PluginFolders = (),
    *,
    entry_points: Iterable[importlib.metadata.EntryPoint] | None = None,
    extra: Mapping[str, ModuleType] | None = None,
) -> Catalog:
    """Load every plugin; one that cannot load is recorded and left out.

    Args:
        plugin_folders: folders whose modules and packages are loaded as plugins, besides the installed ones.
        entry_points: instead of the installed ones (for tests).
        extra: modules to load as plugins by name (for tests).

    Raises:
        UsageError: a plugin folder that does not exist.
    """
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    folders = as_folders(plugin_folders)
    catalog = Catalog(manager, tuple(str(folder.resolve()) for folder in folders))
    make_importable(catalog.folders, afresh=True)
    record_imports()
    _register(catalog, CORE, "the core", lambda: importlib.import_module("harness.builtin"))  # keyed: it only declares
    points = importlib.metadata.entry_points(group=GROUP) if entry_points is None else entry_points
    for point in sorted(points, key=lambda point: point.name):
        _register(catalog, point.name, f"entry point {point.value}", point.load)
    for name, module in (extra or {}).items():
        _register(catalog, name, "given by the caller", partial(_given_module, module))
    for folder in folders:
        for path in (path for path in _plugins_in(folder) if not _is_loaded(manager, path)):
            _register(catalog, path.stem, str(path), partial(_import_file, path))
        catalog.failures += _hidden_helpers(folder, catalog.folders)
    return catalog


def as_folders(given: PluginFolders) -> tuple[Path, ...]:
    """Return folders of plugins as paths."""
    return tuple(map(Path, [given] if isinstance(given, str | Path) else given))


def _call_isolated(implementation: pluggy.HookImpl, **arguments: Any) -> Any:
    given = {name: arguments[name] for name in implementation.argnames}
    return isolated(partial(implementation.function, **given))


def _given_module(module: ModuleType) -> ModuleType:
    return module


def _register(catalog: Catalog, name: str, source: str, get: Callable[[], Any]) -> None:
    stage, manager = "import", catalog.manager
    plugin: Any = None
    try:
        if manager.has_plugin(name):
            other = getattr(manager.get_plugin(name), "__file__", "no file")
            raise UsageError(f"another plugin of this name is loaded, from {other}")
        with importing():
            plugin = get()
        stage = "registration"
        manager.register(plugin, name)
        if not manager.get_hookcallers(plugin):
            if isinstance(plugin, ModuleType) and not any(hasattr(plugin, hook) for hook in _HOOKS):
                manager.unregister(plugin)
                return
            raise UsageError("it implements no hook; is @hookimpl missing?")
        manager.check_pending()
        stage = "harness_components"
        others = [other for _, other in manager.list_name_plugin() if other is not plugin]
        with importing():
            declared = [c for part in manager.subset_hook_caller("harness_components", others)() for c in part]
        for component in declared:
            if not isinstance(component, Component):
                raise TypeError(f"it must yield Component objects, not {type(component).__name__}")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # pluggy keeps a plugin whose validation failed.
        if plugin is not None and manager.is_registered(plugin):
            manager.unregister(plugin)
        message = str(error) if isinstance(error, UsageError) else Fault.of(error).reason
        catalog.failures.append(LoadFailure(name, source, stage, message, traceback.format_exc()))
        return
    package = getattr(plugin, "__name__", name).partition(".")[0]
    for component in declared:
        entry = Entry(component, package, source)
        key = (component.kind, entry.recorded_name)
        if key in catalog.entries:
            message = f"{component.kind} {key[1]!r} is declared twice, by {catalog.entries[key].source} and by {source}"
            catalog.failures.append(LoadFailure(name, source, "harness_components", message))
        else:
            catalog.entries[key] = entry


def _plugins_in(folder: Path) -> list[Path]:
    """The modules and packages of a folder that implement hooks or may be meant to; the others are their helpers."""
    if not folder.is_dir():
        raise UsageError(f"plugins folder {str(folder)!r} does not exist")
    return [path for path in _modules_in(folder) if not path.name.startswith("_") and not _is_helper(path)]


def _is_loaded(manager: pluggy.PluginManager, path: Path) -> bool:
    """Whether a plugin is installed from this very place, as `pip install -e` does it."""
    return _is_file(getattr(manager.get_plugin(path.stem), "__file__", None), path)


def _modules_in(folder: Path) -> list[Path]:
    packages = [path for path in folder.iterdir() if (path / "__init__.py").is_file()]
    return sorted([*folder.glob("*.py"), *packages])


def _is_helper(path: Path) -> bool:
    """Whether a module or package names no hook, nor the marker of hooks, and defines something; it is not imported."""
    names = re.compile("|".join(("hookimpl", *_HOOKS)), re.IGNORECASE)
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    if any(names.search(file.read_text(encoding="utf-8", errors="replace")) for file in files):
        return False
    try:
        body = ast.parse(_code_of(path).read_bytes()).body
    except (SyntaxError, ValueError):
        return False
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    says_nothing = all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)
    return path.is_dir() or says_nothing or any(isinstance(node, definitions) for node in body)


def _hidden_helpers(folder: Path, folders: Sequence[str]) -> Iterator[LoadFailure]:
    """Yield what cannot be imported as a helper, since another folder of plugins has a module of its name."""
    for path in _modules_in(folder):
        spec = spec_in(folders, path.stem)
        if spec is None or spec.origin is None or _is_file(spec.origin, path):
            continue
        if any(_imports(file, path.stem) for file in folder.glob("*.py")):
            message = f"the module name {path.stem!r} is taken by {spec.origin}; rename one of the files"
            yield LoadFailure(path.stem, str(path), "import", message)


def _imports(file: Path, name: str) -> bool:
    statement = rb"^\s*(?:import|from)\s+" + re.escape(name.encode()) + rb"\b"
    return re.search(statement, file.read_bytes(), re.M) is not None


def _import_file(path: Path) -> ModuleType:
    name = path.stem
    if imported_from_folder(name) and _is_file(getattr(sys.modules[name], "__file__", None), path):
        # Another plugin of the folder has imported it; a second copy would have other classes.
        return sys.modules[name]
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) != str(_code_of(path)):
        taken_by = getattr(sys.modules[name], "__file__", None) or "a built-in module"
        raise UsageError(f"the module name {name!r} is taken by {taken_by}; rename the file")
    if name not in sys.modules:
        other = importlib.util.find_spec(name)
        if other is not None and not _is_file(other.origin, path):
            raise UsageError(f"the module name {name!r} is taken by an installed package; rename the file")
    spec = importlib.util.spec_from_file_location(
        name, _code_of(path), submodule_search_locations=[str(path)] if path.is_dir() else None
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python module")
    module = importlib.util.module_from_spec(recording(spec))
    # A target "name:attribute" of this plugin is imported by name later on.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)  # keyed: as the roots of components
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _code_of(path: Path) -> Path:
    return (path / "__init__.py" if path.is_dir() else path).resolve()


def _is_file(origin: str | None, path: Path) -> bool:
    """Whether a module comes from this file or package."""
    return origin is not None and Path(origin).resolve() == _code_of(path)


def first_party() -> set[str]:
    """The packages that ship with harness itself."""
    points = importlib.metadata.distribution(DISTRIBUTION).entry_points.select(group=GROUP)
    return {CORE, *(point.module.partition(".")[0] for point in points)}


_EXTRA_REQUIREMENT = re.compile(r"""([\w.-]+).*;.*\bextra *== *["']([\w.-]+)["']""")


@cache
def extra_with(distribution: str) -> str:
    """The extra of harness that installs a distribution, e.g. "language" for transformers; empty if there is none."""
    try:
        requirements = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return ""
    matches = (match for each in requirements if (match := _EXTRA_REQUIREMENT.match(each)))
    return next((match[2] for match in matches if match[1].lower() == distribution.lower()), "")


def not_installed(component: Component) -> str:
    """What a component requires that is not installed, as the end of a sentence with what to do; empty if nothing."""
    missing = [name for name in component.requires if distribution_version(name) == ABSENT]
    if not missing:
        return ""
    extras = sorted({extra for name in missing if (extra := extra_with(name))})
    install = f'; pip install "{DISTRIBUTION}[{",".join(extras)}]"' if extras else ""
    return f"needs {' and '.join(missing)}, not installed here{install}"


def installed_distributions() -> dict[str, str]:
    """Every installed distribution and its version, by name; of several with one name the first that is imported."""
    versions: dict[str, str] = {}
    for found in importlib.metadata.distributions():
        name, version = name_and_version(found)
        if name:
            versions.setdefault(name, version)
    return dict(sorted(versions.items()))


def name_and_version(distribution: importlib.metadata.Distribution) -> tuple[str, str]:
    """The name and version of a distribution, read from the head of its metadata, which may end in a long text."""
    head = (distribution.read_text("METADATA") or "").partition("\n\n")[0]
    fields = dict(reversed(_NAME_OR_VERSION.findall(head)))
    if len(fields) < 2:
        return distribution.metadata["Name"], distribution.version
    return fields["Name"], fields["Version"]


@cache
def distribution_version(name: str) -> str:
    """The installed version of a distribution, or `ABSENT`."""
    try:
        return name_and_version(importlib.metadata.distribution(name))[1]
    except importlib.metadata.PackageNotFoundError:
        return ABSENT
