"""The import closure of a module: the code that it can run, and so the code that its cache keys must follow.

The closure holds every module that the module imports, directly or not, inside functions as well, up to the standard
library and installed packages that are no plugin; of these the version counts. A name that a module
only passes on counts as imported from where it is defined, beside modules there that act when they are imported.
Parent packages count by what Python runs of them. A module that imports by a name made at run time depends on its whole
package.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from harness.contract.cells import digest
from harness.contract.errors import StoreError
from harness.files import read_checked, write_checked
from harness.loaded_code import n_imports, source_of
from harness.plugins import distribution_version
from harness.store.facts_index import FactsIndex
from harness.store.module_facts import STAR, Code, Facts
from harness.store.module_places import Place, Places

MAPS = "closures"
Part = Literal["parent", "named", "whole"]
_PARTS: tuple[Part, ...] = ("parent", "named", "whole")


@dataclass(frozen=True)
class Closure:
    """The import closure of a module.

    Attributes:
        files: digest of the code of each module, or of the content of a data file, by path, e.g. "plugin/attack.py".
        libraries: version of each library imported, by distribution.
        unfollowed: where something is imported by a name made at run time, e.g. "plugin/zoo.py:19".
        sources: the hash of the sources, docstrings included.
    """

    files: Mapping[str, str]
    libraries: Mapping[str, str]
    unfollowed: tuple[str, ...]
    sources: str

    @cached_property
    def digest(self) -> str:
        """The hash of all files."""
        return digest(self.files)


class ImportClosures:
    """Import closures by module, each computed once.

    Args:
        plugins: top-level packages to follow even where they are installed.
        folder: where facts of sources and the closures themselves are kept; None to keep nothing.
        folders: of the suite and of plugins, where modules are looked up first.
        as_loaded: whether a module that was imported in this process counts as it was then, not as its file is now.
    """

    def __init__(
        self,
        plugins: Iterable[str],
        folder: Path | None = None,
        folders: Sequence[str] = (),
        *,
        as_loaded: bool = False,
    ) -> None:
        self.plugins = frozenset(plugins)
        self._folder, self._as_loaded, self._n_imports = folder, as_loaded, 0
        self._closures: dict[str, Closure] = {}
        self._codes: dict[tuple[frozenset[str], frozenset[str]], Mapping[str, Any]] = {}
        self._places = Places(self.plugins, folders)
        self._facts: dict[Path, tuple[str, Facts]] = {}
        self._edges: dict[tuple[str, Part], list[tuple[str, Part]]] = {}
        self._acting_of: dict[str, list[str]] = {}
        self._facts_by_module: dict[str, Facts | None] = {}
        self._index = FactsIndex(folder)

    def of(self, module: str) -> Closure:
        """The closure of a module; without files if there is no such module."""
        self._follow_imports()
        if module not in self._closures:
            closure = self._closures[module] = self._compute(module)
            self._index.save()
            if self._folder is not None and not (path := self._folder / MAPS / f"{closure.digest}.json").exists():
                with suppress(OSError):
                    write_checked(path, json.dumps(closure.files).encode())
        return self._closures[module]

    def code(self, modules: frozenset[str], requires: frozenset[str]) -> Mapping[str, Any]:
        """The digest of the closure of each module, and the versions of the libraries in them and in `requires`."""
        self._follow_imports()
        if (modules, requires) not in self._codes:
            closures = {module: self.of(module) for module in sorted(modules)}
            versions = {name: distribution_version(name) for name in requires}
            for closure in closures.values():
                versions.update(closure.libraries)
            digests = {module: closure.digest for module, closure in closures.items()}
            self._codes[modules, requires] = {"code": digests, "versions": versions}
        return self._codes[modules, requires]

    def differing(self, loaded: Mapping[str, str]) -> list[str]:
        """The files that these closures have read with other sources than those with these hashes, by path."""
        return sorted(str(path) for path, (source, _) in self._facts.items() if loaded.get(str(path), source) != source)

    def data_files(self) -> tuple[Any, ...]:
        """What tells whether files that lie beside the modules of these closures were replaced."""
        return self._places.versions_of_data_files()

    def _follow_imports(self) -> None:
        """Forget what was computed of sources that were imported since, as others than those that were read here."""
        if not self._as_loaded:
            return
        count = n_imports()
        outdated = count != self._n_imports and any(
            hashlib.sha256(source_of(path)).hexdigest() != source for path, (source, _) in self._facts.items()
        )
        self._n_imports = count
        if outdated or self._places.forget_changed_data():
            for known in (
                self._closures,
                self._codes,
                self._edges,
                self._acting_of,
                self._facts,
                self._facts_by_module,
            ):
                known.clear()

    def _compute(self, root: str) -> Closure:
        parts: dict[str, Part] = {}
        libraries: set[str] = set()
        waiting: list[tuple[str, Part]] = [(root, "whole")]
        while waiting:
            module, part = waiting.pop()
            if not self._places.follows(module):
                # A relative import that leads out of its package names nothing.
                libraries |= {module.partition(".")[0]} - sys.stdlib_module_names - {""}
                continue
            counted = module in parts and _PARTS.index(parts[module]) >= _PARTS.index(part)
            if counted or self._places.find(module) is None:
                continue
            parts[module] = part
            waiting += self._parents(module)
            if (module, part) not in self._edges:
                self._edges[module, part] = list(dict.fromkeys(self._imports(module, part)))
            waiting += self._edges[module, part]
        files, sources, unfollowed = {}, [], []
        for module, part in sorted(parts.items()):
            place = self._places.find(module)
            if place is None or place.path is None:
                continue
            source, _ = self._read(place)
            code, name = self._code(module, part), place.name_of(module)
            files[name] = code.digest
            sources.append([name, source])
            unfollowed += [f"{name}:{line}" for line in code.unfollowed]
            if code.reads_files:
                files |= self._places.data_files(module.partition(".")[0])
        return Closure(files, self._versions(libraries), tuple(unfollowed), digest(sources))

    def _parents(self, module: str) -> Iterator[tuple[str, Part]]:
        parts = module.split(".")
        for i in range(1, len(parts)):
            parent = ".".join(parts[:i])
            facts = self._facts_of(parent)
            if facts is not None and facts.face is not None:
                yield from self._acting(parent)
            else:
                yield parent, "parent"

    def _imports(self, module: str, part: Part) -> Iterator[tuple[str, Part]]:
        """Yield what a module imports, each with the part of it that counts."""
        code = self._code(module, part)
        for statement in code.imports:
            base = self._places.absolute(module, statement.module, statement.level)
            for name in statement.names if statement.names is not None else ("",):
                yield from self._named(base, name, set())
        if code.unfollowed:
            yield from ((inside, "whole") for inside in self._places.modules_in(module.partition(".")[0]))

    def _named(self, base: str, name: str, seen: set[tuple[str, str]]) -> Iterator[tuple[str, Part]]:
        """Yield what `from base import name` depends on; without a name, `import base`."""
        facts = self._facts_of(base)
        submodule = f"{base}.{name}"
        is_submodule = (
            bool(name) and name != STAR and self._places.follows(base) and self._places.find(submodule) is not None
        )
        if (base, name) in seen:
            # A package that passes on its own module, or a circle of names.
            if is_submodule:
                yield submodule, "whole"
            return
        seen.add((base, name))
        if facts is None or name in ("", STAR):
            yield base, "whole"
            if is_submodule:
                yield submodule, "whole"
        elif is_submodule and name not in facts.names:
            yield submodule, "whole"
        elif facts.face is None or name in facts.names - facts.face.keys():
            yield base, "named" if name in facts.names else "whole"
        else:
            yield from self._acting(base)
            yield from self._through_face(base, name, facts, seen)

    def _through_face(
        self, base: str, name: str, facts: Facts, seen: set[tuple[str, str]]
    ) -> Iterator[tuple[str, Part]]:
        sources = [] if facts.face is None or name not in facts.face else [facts.face[name]]
        origins = [(self._places.absolute(base, module, level), there) for module, level, there in sources]
        starred = (self._places.absolute(base, module, level) for module, level in facts.stars)
        origins = origins or [(module, name) for module in starred if self._offers(module, name, {base})]
        if not origins:
            yield base, "whole"
        for module, there in origins:
            yield from self._named(module, there, seen)

    def _offers(self, module: str, name: str, seen: set[str]) -> bool:
        """Whether `from module import *` may bind a name; True for libraries, whose names are not read."""
        facts = self._facts_of(module)
        if facts is None or name in facts.names:
            return True
        starred = {self._places.absolute(module, inner, level) for inner, level in facts.stars} - seen
        return any(self._offers(inner, name, seen | starred) for inner in starred)

    def _acting(self, face: str) -> Iterator[tuple[str, Part]]:
        """The modules that a face imports, directly or not, and that do more than define names when imported."""
        if face not in self._acting_of:
            reached, waiting = {face}, [face]
            while waiting:
                for module in {*self._statements(waiting.pop())} - reached:
                    reached.add(module)
                    waiting.append(module)
            acting = [module for module in sorted(reached) if (facts := self._facts_of(module)) and facts.acts]
            self._acting_of[face] = acting
        yield from ((module, "whole") for module in self._acting_of[face])

    def _statements(self, module: str) -> Iterator[str]:
        """Every module that the import statements of a module can mean."""
        facts = self._facts_of(module)
        for statement in facts.whole.imports if facts else ():
            base = self._places.absolute(module, statement.module, statement.level)
            yield from (base, *(f"{base}.{name}" for name in statement.names or ()))

    def _facts_of(self, module: str) -> Facts | None:
        if module not in self._facts_by_module:
            place = self._places.find(module) if self._places.follows(module) else None
            self._facts_by_module[module] = self._read(place)[1] if place and place.path else None
        return self._facts_by_module[module]

    def _code(self, module: str, part: Part) -> Code:
        facts = self._facts_of(module)
        code: Code = getattr(facts, part) if facts else Code("", (), (), reads_files=False)
        return code

    def _read(self, place: Place) -> tuple[str, Facts]:
        """The hash of a source and its facts."""
        path = place.path
        assert path is not None
        if path not in self._facts:
            try:
                content = source_of(path) if self._as_loaded else path.read_bytes()
            except OSError as error:
                raise StoreError(f"{path} cannot be read: {error.strerror}") from None
            self._facts[path] = self._index.facts(content, is_package=bool(place.folders))
        return self._facts[path]

    def _versions(self, libraries: set[str]) -> dict[str, str]:
        distributions = self._index.distributions if libraries else {}
        names = {name for library in libraries for name in distributions.get(library, [library])}
        return {name: distribution_version(name) for name in sorted(names)}


def files_of_closure(store: Path, name: str) -> Mapping[str, str]:
    """Digest by file of the closure whose digest is `name`, as a store has it; empty if it does not."""
    content = read_checked(store / MAPS / f"{name}.json")
    files: Mapping[str, str] = json.loads(content) if content else {}
    return files
