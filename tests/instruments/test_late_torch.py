"""Settings of torch reach code that imports it late; each case runs in a process that has not imported it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from harness import run

PLUGIN = """
import sys
from harness.api import Component, Examples, hookimpl


@hookimpl
def harness_components():
    return [Component("dataset", "probe", f"{__name__}:probe")]


def probe():
    seen = int("torch" in sys.modules)
    return Examples(["a", "b"], {"labels": [0, 0], "predictions": [seen, seen]})
"""


def shown_by(code: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_what_executes_cells_does_not_import_torch() -> None:
    code = """
import sys
import harness.execution.build, harness.execution.cell
from harness.execution.precision import pin_numerics
pin_numerics(2)
print("torch" in sys.modules)
"""
    assert shown_by(code) == ["False"]


def test_numerics_are_pinned_by_the_import() -> None:
    code = """
from harness.execution.precision import pin_numerics, threads
pin_numerics(2)
with threads(1):
    import torch
    print(torch.get_num_threads())
print(torch.get_num_threads(), torch.get_float32_matmul_precision(), torch.backends.cudnn.deterministic)
"""
    assert shown_by(code) == ["1", "2", "highest", "True"]


def test_who_looks_for_torch_without_importing_it_changes_nothing() -> None:
    code = """
import importlib.util, sys
from harness.execution.precision import pin_numerics
pin_numerics(2)
print(importlib.util.find_spec("torch") is not None, "torch" in sys.modules)
import torch
print(torch.get_num_threads(), [type(finder).__name__ for finder in sys.meta_path].count("_LateFinder"))
"""
    assert shown_by(code) == ["True", "False", "2", "0"]


def test_a_seed_holds_for_a_library_that_imports_torch_inside() -> None:
    late = """
from harness.instruments.seeding import seeded
with seeded(7, "cpu"):
    import torch
    print(torch.rand(1).item())
with seeded(7, "cpu"):
    print(torch.rand(1).item())
print(torch.rand(1).item())
"""
    first, second = shown_by("import torch; torch.manual_seed(7); print(*torch.rand(2).tolist())")
    inside, again, outside = shown_by(late)
    assert (inside, again) == (first, first)
    assert outside != second


def test_a_setting_that_ended_does_not_reach_a_later_import() -> None:
    code = """
from harness.execution.precision import pin_numerics, threads
pin_numerics(2)
with threads(1):
    pass
import torch
print(torch.get_num_threads())
"""
    assert shown_by(code) == ["2"]


def test_a_failed_import_of_torch_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('half a download')")
    code = f"""
import sys
from harness.execution.precision import pin_numerics
pin_numerics(2)
sys.path.insert(0, {str(tmp_path)!r})
try:
    import torch
except ImportError as error:
    print("failed")
sys.path.pop(0)
pin_numerics(3)
import torch
print(torch.get_num_threads())
"""
    assert shown_by(code) == ["failed", "3"]


def test_the_audit_of_a_table_runs_without_torch(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "probing.py").write_text(PLUGIN)
    (tmp_path / "audit.yaml").write_text("{suite: audit, task: from_scores, data: probe, metrics: [accuracy]}")
    result = run(tmp_path / "audit.yaml", results=tmp_path / "results", plugin_folders=[tmp_path / "plugins"])
    assert result.rows[0].estimates["accuracy"].value == 1.0, result.rows[0].reason
