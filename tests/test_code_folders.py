"""Modules in folders of plugins and suites: which are found, and in which order."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.code_folders import find_module, imported_from_folder, make_importable, name_taken_by, spec_in


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    make_importable((), afresh=True)


def module(folder: Path, name: str, text: str = "") -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(folder)


def origin(folders: list[str], name: str) -> str | None:
    spec = spec_in(folders, name)
    return spec and spec.origin


def test_folders_are_searched_in_order(tmp_path: Path) -> None:
    one, two = module(tmp_path / "one", "same_name.py"), module(tmp_path / "two", "same_name.py")
    module(tmp_path / "two", "only_there.py")
    assert origin([one, two], "same_name") == f"{one}/same_name.py"
    assert origin([two, one], "same_name") == f"{two}/same_name.py"
    assert origin([one, two], "only_there") == f"{two}/only_there.py"
    assert spec_in([], "same_name") is None


def test_neither_python_nor_what_is_installed_is_hidden(tmp_path: Path) -> None:
    for name in ("os.py", "random.py", "numpy.py", "yaml/__init__.py"):
        module(tmp_path, name)
        assert spec_in([str(tmp_path)], name.removesuffix(".py").removesuffix("/__init__")) is None


def test_a_folder_without_modules_is_no_package(tmp_path: Path) -> None:
    (tmp_path / "wandb").mkdir()
    assert spec_in([str(tmp_path)], "wandb") is None
    module(tmp_path, "nets/deep/net.py")
    assert spec_in([str(tmp_path)], "nets") is not None
    assert find_module([str(tmp_path)], "nets.deep.net") is not None
    assert find_module([str(tmp_path)], "nets.deep.other") is None
    assert find_module([str(tmp_path)], "nets.deep.net.inner") is None


def test_what_was_imported_from_a_folder_is_read_again_afresh(tmp_path: Path) -> None:
    one, two = module(tmp_path / "one", "fresh_one.py", "A = 1"), module(tmp_path / "two", "fresh_one.py", "A = 2")
    make_importable([one])
    assert importlib.import_module("fresh_one").A == 1
    assert imported_from_folder("fresh_one")
    assert name_taken_by([two], "fresh_one") == f"{one}/fresh_one.py"
    assert name_taken_by([one], "fresh_one") == ""
    make_importable([two], afresh=True)
    assert importlib.import_module("fresh_one").A == 2
    make_importable((), afresh=True)
    assert "fresh_one" not in sys.modules
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("fresh_one")
