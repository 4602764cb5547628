"""Code that a suite names: where it may come from, and that nothing else is called."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from harness.code_folders import make_importable
from harness.contract.errors import HarnessError
from harness.contract.imports import ImportRights, NamedCode
from harness.named_code import import_function, import_named, why_not_allowed

NETWORKS = """
import os, subprocess
from functools import partial
from os import system
from typing import Any
from torch import nn
from torch.nn import Linear

class Net(nn.Module):
    def __init__(self, width: int = 3):
        super().__init__()
        self.width = width

class Settings: pass
class Chosen:
    def __new__(cls, *given): return Net()
def plain(width): return Net(width)
def any_(width) -> Any: return Net(width)
def module(width) -> nn.Module: return Net(width)
def net(width) -> "Net": return Net(width)
def unreadable(width) -> "Gone": return Net(width)
def number() -> int: return 3
def nothing() -> None: return None
wide = partial(Net, 9)
run = partial(subprocess.run, shell=True)
lazy = lambda width: Net(width)
constant = 3
"""


@pytest.fixture
def rights(tmp_path: Path) -> Iterator[ImportRights]:
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "networks.py").write_text(NETWORKS, encoding="utf-8")
    yield ImportRights((str(folder),), ("harness_vision",))
    make_importable((), afresh=True)
    sys.modules.pop("networks", None)


def named(path: str, rights: ImportRights, **more: Any) -> Any:
    return import_named(NamedCode(path, rights), **more)


@pytest.mark.parametrize("name", ["plain", "any_", "module", "net", "unreadable", "lazy", "Net", "wide", "Chosen"])
def test_factories_beside_the_suite(rights: ImportRights, name: str) -> None:
    made = named(f"networks:{name}", rights)
    network = made() if name in ("wide", "Chosen") else made(5)
    assert network.width == {"wide": 9, "Chosen": 3}.get(name, 5)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("networks:system", "is a function of posix; functions must be defined in the suite's folder or in a plugin"),
        ("networks:run", "is a function of subprocess"),
        ("networks:os", "is a module; a subclass of torch.nn.Module is needed"),
        ("networks:constant", "is a int"),
        ("networks:partial", "is a function of functools|is the class partial"),
        ("networks:Settings", "is the class Settings, no subclass of torch.nn.Module"),
        ("networks:number", "says that it gives int"),
        ("networks:nothing", "says that it gives NoneType"),
        ("networks:Gone", "cannot be imported: AttributeError"),
        ("torch:load", "is a function of torch.serialization"),
        ("torch.hub:load", "is a function of torch.hub"),
        ("harness_vision.zoos.library:library", "says that it gives module"),
    ],
)
@pytest.mark.parametrize("anywhere", [False, True])
def test_nothing_else_is_called(rights: ImportRights, path: str, told: str, anywhere: bool) -> None:
    with pytest.raises(HarnessError, match=told):
        named(path, ImportRights(rights.folders, rights.packages, anywhere))


def test_classes_of_torch_and_of_what_the_suite_imports(rights: ImportRights) -> None:
    assert named("torch.nn:Linear", rights) is nn.Linear
    assert named("networks:Linear", rights) is nn.Linear
    assert named("harness_vision.published_architectures:LeNet5", rights).__name__ == "LeNet5"
    assert named("LeNet5", rights, within="harness_vision.published_architectures").__name__ == "LeNet5"


@pytest.mark.parametrize("anywhere", [False, True])
@pytest.mark.parametrize(
    "path", ["os:system", "builtins:exec", "subprocess:run", "posix:system", "harness.files:write_whole", "a b:c", ":x"]
)
def test_python_and_the_core_make_no_networks(path: str, anywhere: bool) -> None:
    assert why_not_allowed(path, ImportRights(anywhere=anywhere))


def test_another_package_needs_to_be_allowed(rights: ImportRights) -> None:
    told = why_not_allowed("numpy.linalg:norm", rights)
    assert "'numpy'" in told
    assert "put its file beside the suite or into a plugin, or allow the import with --allow-imports" in told
    assert "nor installed" in why_not_allowed("no_such_package:Net", rights)
    assert why_not_allowed("numpy.linalg:norm", ImportRights(anywhere=True)) == ""


def test_the_folder_of_the_suite_comes_before_other_places(
    rights: ImportRights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "networks.py").write_text("from torch import nn\nclass Net(nn.Module): width = 0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(elsewhere))
    monkeypatch.chdir(elsewhere)
    assert named("networks:Net", rights)().width == 3
    make_importable((), afresh=True)
    both = ImportRights((str(tmp_path / "empty"), *rights.folders))
    assert named("networks:Net", both)().width == 3


def test_python_itself_may_import_from_anywhere() -> None:
    assert import_named("harness_vision.published_architectures:LeNet5").__name__ == "LeNet5"
    assert import_named("torch.nn:Linear") is nn.Linear


def test_functions_that_make_no_network_are_named_by_the_same_rules(rights: ImportRights) -> None:
    """`nothing` returns None, which no architecture may; functions of Python's own and constants are refused."""
    assert import_function(NamedCode("networks:nothing", rights))() is None
    with pytest.raises(HarnessError, match="is a int, not a function"):
        import_function(NamedCode("networks:constant", rights))
    with pytest.raises(HarnessError, match="is a function of posix; functions must be defined in the suite's folder"):
        import_function(NamedCode("networks:system", rights))
    with pytest.raises(HarnessError, match="names code of Python's own module 'os'"):
        import_function(NamedCode("os:system", rights))
    with pytest.raises(HarnessError, match=r'must be written as "package\.module:attribute"'):
        import_function("system")
