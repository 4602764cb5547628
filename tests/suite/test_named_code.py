"""Code that a suite names is checked in the plan, by its sources alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.contract.errors import SuiteError
from harness.contract.imports import ImportRights
from harness.plugins import load_catalog
from harness.signatures import SignatureReader
from harness.suite.load import load_suite
from harness.suite.named_code import why_not_importable
from harness.suite.plan import Plan
from harness.suite.resolve import make_plan

SUITE = """
suite: named
task: classify
data: digits
models:
  - use: checkpoint
    with: {{weights: w.pt, architecture: "{path}", arguments: {{command: "touch pwned"}}}}
metrics: [accuracy]
"""
NET = "from torch import nn\nclass Net(nn.Module): pass\n"


def planned(folder: Path, path: str, *, allow_imports: bool = False, plugins: tuple[Path, ...] = ()) -> Plan:
    folder.mkdir(exist_ok=True)
    (folder / "w.pt").write_bytes(b"")
    (folder / "s.yaml").write_text(SUITE.format(path=path), encoding="utf-8")
    catalog = load_catalog(plugins)
    return make_plan(load_suite(str(folder / "s.yaml")), catalog, SignatureReader(), allow_imports=allow_imports)


def refused(folder: Path, path: str, *, allow_imports: bool = False) -> str:
    with pytest.raises(SuiteError) as error:
        planned(folder, path, allow_imports=allow_imports)
    return str(error.value)


@pytest.mark.parametrize("allow_imports", [False, True])
def test_commands_are_refused_with_their_place(tmp_path: Path, allow_imports: bool) -> None:
    told = refused(tmp_path, "os:system", allow_imports=allow_imports)
    assert f"{tmp_path}/s.yaml:7:27: models.0.with.architecture: 'architecture' names code of Python's own" in told
    assert not (tmp_path / "pwned").exists()


def test_packages_need_to_be_allowed(tmp_path: Path) -> None:
    told = refused(tmp_path, "numpy.linalg:norm")
    assert "names the package 'numpy', which is neither in the suite's folder" in told
    assert "allow the import with --allow-imports" in told
    (cell,) = planned(tmp_path, "numpy.linalg:norm", allow_imports=True).cells
    model = cell.components["model"]
    assert model is not None
    assert model.rights.anywhere
    assert "rights" not in model.identity


def test_a_network_beside_the_suite_or_beside_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plugs").mkdir()
    (tmp_path / "plugs" / "their_nets.py").write_text(NET, encoding="utf-8")
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "my_nets.py").write_text(NET, encoding="utf-8")
    monkeypatch.chdir("/")
    for path in ("my_nets:Net", "their_nets:Net"):
        (cell,) = planned(tmp_path / "suite", path, plugins=(tmp_path / "plugs",)).cells
        assert cell.skip == ""
    assert "their_nets" in refused(tmp_path / "suite", "their_nets:Net")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("class Nett: pass", "has no 'Net'"),
        ("class Net(:", "invalid syntax"),
        ("import no_such_lib\n" + NET, r"there is no module 'no_such_lib' \(nets.py, line 1\)"),
        ("import helper_a\n" + NET, r"there is no module 'gone' \(helper_a.py, line 1\)"),
        ("from helper_b import THERE, GONE\n" + NET, r"helper_b.py has no 'GONE' \(nets.py, line 1\)"),
        ("from . import helper_b\n" + NET, "a relative import .* leads out of its package"),
    ],
)
def test_why_a_network_cannot_be_imported(tmp_path: Path, source: str, told: str) -> None:
    (tmp_path / "nets.py").write_text(source, encoding="utf-8")
    (tmp_path / "helper_a.py").write_text("import gone", encoding="utf-8")
    (tmp_path / "helper_b.py").write_text("THERE = 1", encoding="utf-8")
    rights = ImportRights((str(tmp_path),))
    reason = why_not_importable("nets:Net", rights)
    assert reason.startswith("cannot be imported: ")
    import re

    assert re.search(told, reason)


@pytest.mark.parametrize(
    "source",
    [
        NET,
        "try:\n    import gone\nexcept ImportError:\n    gone = None\n" + NET,
        "import sys\nsys.path.insert(0, 'lib')\nimport lies_in_lib\n" + NET,
        "from helper_c import *\n",
        "from helper_c import Net\n",
        "def __getattr__(name): return 1\n",
        "globals()['Net'] = 1\n",
        "if True:\n    import gone\n" + NET,
        "def make():\n    import gone\n" + NET,
        "import numpy.linalg, os.path, torch.nn.functional\n" + NET,
        "from pack import inner\nfrom pack.inner import Net\n",
        "import pack.inner as inner\n" + NET,
    ],
)
def test_what_may_well_be_imported(tmp_path: Path, source: str) -> None:
    (tmp_path / "nets.py").write_text(source, encoding="utf-8")
    (tmp_path / "helper_c.py").write_text(NET, encoding="utf-8")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "pack" / "inner.py").write_text("from . import other\nfrom .other import A\n" + NET)
    (tmp_path / "pack" / "other.py").write_text("A = 1")
    assert why_not_importable("nets:Net", ImportRights((str(tmp_path),))) == ""


def test_torch_offers_its_modules_only(tmp_path: Path) -> None:
    assert why_not_importable("torch.nn:Linear", ImportRights()) == ""
    assert "is a function of torch.serialization" in why_not_importable("torch:load", ImportRights(anywhere=True))
    assert why_not_importable("LeNet5", ImportRights()) == ""


def test_a_plan_imports_no_network(tmp_path: Path) -> None:
    """In a process of its own, where nothing else has imported it."""
    (tmp_path / "my_nets.py").write_text(NET, encoding="utf-8")
    code = (
        "import sys; from harness.contract.imports import ImportRights; "
        "from harness.suite.named_code import why_not_importable; "
        f"print(repr(why_not_importable('my_nets:Net', ImportRights(({str(tmp_path)!r},)))), 'torch' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["''", "False"]
