"""Sources as they were imported: kept through edits, and never taken for what a file holds later."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from harness.loaded_code import LoadedSources, n_imports, record_imports, recording, source_of, version_of
from harness.store.import_closure import ImportClosures

NAME = "harness_test_of_loaded_code"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a module that can be imported."""
    path = tmp_path / f"{NAME}.py"
    path.write_text("VALUE = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    before = list(sys.meta_path)
    record_imports()
    yield path
    sys.meta_path[:] = before
    sys.modules.pop(NAME, None)


def imported() -> ModuleType:
    sys.modules.pop(NAME, None)
    importlib.invalidate_caches()
    return importlib.import_module(NAME)


def test_a_source_stays_what_was_imported(file: Path) -> None:
    assert source_of(file) == b"VALUE = 1\n"
    before = n_imports()
    imported()
    assert n_imports() == before + 1
    file.write_text("VALUE = 23\n", encoding="utf-8")
    assert source_of(file) == b"VALUE = 1\n"
    assert imported().VALUE == 23
    assert source_of(file) == b"VALUE = 23\n"


def test_compiled_code_of_the_same_second_and_size_is_not_believed(file: Path) -> None:
    os.utime(file, ns=(10**18, 10**18))
    assert imported().VALUE == 1
    compiled = Path(importlib.util.cache_from_source(str(file)))
    os.utime(compiled, ns=(10**18 + 1, 10**18 + 1))
    file.write_text("VALUE = 2\n", encoding="utf-8")
    os.utime(file, ns=(10**18 + 2, 10**18 + 2))
    assert imported().VALUE == 2
    assert source_of(file) == b"VALUE = 2\n"


def test_a_file_that_changes_while_it_is_imported_equals_no_source(file: Path) -> None:
    file.write_text("VALUE = 4\n", encoding="utf-8")
    spec = importlib.util.spec_from_file_location(NAME, file)
    assert spec is not None
    assert spec.loader is not None
    loader = recording(spec).loader
    original = type(loader).__mro__[1].get_code

    def edited(self: object, name: str) -> object:
        code = original(self, name)
        file.write_text("VALUE = 55\n", encoding="utf-8")
        return code

    os.utime(file, ns=(10**18, 10**18))
    imported()  # So that there is compiled code.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(loader).__mro__[1], "get_code", edited)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    assert module.VALUE == 4
    assert source_of(file) not in (b"VALUE = 4\n", b"VALUE = 55\n")


def test_an_installed_module_counts_as_its_file_until_that_changes(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site-packages" / file.name
    installed.parent.mkdir()
    file.rename(installed)
    monkeypatch.syspath_prepend(installed.parent)
    imported()
    assert source_of(installed) == b"VALUE = 1\n"
    installed.write_text("VALUE = 23\n", encoding="utf-8")
    assert source_of(installed) not in (b"VALUE = 1\n", b"VALUE = 23\n")


def test_modules_that_were_there_before_count_as_they_are_then(file: Path) -> None:
    del sys.meta_path[0]
    imported()
    record_imports()
    file.write_text("VALUE = 23\n", encoding="utf-8")
    assert source_of(file) == b"VALUE = 1\n"


def test_closures_follow_what_was_imported(file: Path) -> None:
    def digest(closures: ImportClosures) -> str:
        return closures.of(NAME).digest

    of_files, of_imports = ImportClosures(()), ImportClosures((), as_loaded=True)
    first = digest(of_imports)
    assert first == digest(of_files)
    imported()
    file.write_text("VALUE = 23\n", encoding="utf-8")
    assert digest(of_imports) == first
    assert digest(ImportClosures((), as_loaded=True)) == first
    assert digest(ImportClosures(())) != first
    imported()
    assert digest(of_imports) == digest(ImportClosures(())) != first


def test_closures_follow_files_beside_what_was_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "harness_test_of_data"
    package.mkdir()
    (package / "__init__.py").write_text("HERE = __file__\n", encoding="utf-8")
    data = package / "weights.bin"
    data.write_bytes(b"1")
    monkeypatch.syspath_prepend(tmp_path)
    closures = ImportClosures((), as_loaded=True)
    first, versions = closures.of(package.name).digest, closures.data_files()
    assert closures.data_files() == versions
    other = tmp_path / "other"
    other.write_bytes(b"2")
    other.replace(data)
    assert closures.data_files() != versions
    assert closures.of(package.name).digest != first
    data.write_bytes(b"1")
    assert closures.of(package.name).digest == first


def test_versions_of_files_tell_replacements_apart(tmp_path: Path) -> None:
    file, other = tmp_path / "a", tmp_path / "b"
    file.write_bytes(b"1")
    other.write_bytes(b"1")
    os.utime(file, ns=(1, 1))
    os.utime(other, ns=(1, 1))
    before = version_of(file)
    other.replace(file)
    assert version_of(file) != before
    assert version_of(tmp_path / "none") is None


def test_loaded_sources_are_told_once(file: Path) -> None:
    loaded = LoadedSources(())
    assert str(file) not in loaded.new()
    imported()
    content = hashlib.sha256(b"VALUE = 1\n").hexdigest()
    assert loaded.new()[str(file)] == content
    file.write_text("VALUE = 23\n", encoding="utf-8")
    assert loaded.new() == {}
    assert loaded.hashes[str(file)] == content
    assert not any("site-packages" in path or "/json/" in path for path in loaded.hashes)
