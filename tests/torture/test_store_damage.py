"""Flipped bytes, a full disk and edited code: damaged entries are made again, and what cannot be written is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import Run
from harness.cli import main
from harness.testing import run_suite

pytestmark = pytest.mark.extended
PLUGINS = Path(__file__).parent / "plugins"
SUITE = """
suite: damage
task: classify
data: {use: digits, limit: 40}
models: [{use: digit_linear, with: {epochs: 2}}]
attacks: [none, {use: noise, with: {eps: 0.1}}]
metrics: [accuracy, robust_accuracy]
aggregates: [worst_case]
reports: [robustness_curve]
"""


def shown(run: Run) -> list[object]:
    return [(row.labels, row.status, dict(row.estimates), row.key) for row in run.rows]


def test_a_flipped_byte_in_any_file_of_the_store_is_noticed(tmp_path: Path) -> None:
    """Each file is damaged in turn: the rows are the same ever after, and the entry is whole again."""
    first = shown(run_suite(SUITE, tmp_path))
    files = [
        p.relative_to(tmp_path) for p in sorted((tmp_path / "store").rglob("*")) if p.is_file() and p.stat().st_size
    ]
    kinds = {path.parts[1] for path in files}
    assert kinds >= {"cells", "weights", "estimates", "pictures", "signatures"}
    for file in files:
        path = tmp_path / file
        if not path.exists():
            continue  # its entry is in the quarantine and nothing has needed it since
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0x10
        # A new file, since runs hold links to the old one.
        path.unlink()
        path.write_bytes(bytes(content))
        assert shown(run_suite(SUITE, tmp_path)) == first, file


def test_a_truncated_or_missing_file_is_noticed(tmp_path: Path) -> None:
    first = shown(run_suite(SUITE, tmp_path))
    for name in ("records.parquet", "weights.safetensors", "manifest.json", "estimates"):
        for path in list((tmp_path / "store").rglob(name if "." in name else f"{name}/*/*")):
            path.unlink()
        assert shown(run_suite(SUITE, tmp_path)) == first, name


LIMITED = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from harness.cli import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize(("limit", "isolation"), [(0, "process"), (2_000, "inline"), (9_000, "process")])
def test_a_full_disk_is_one_clear_error(tmp_path: Path, limit: int, isolation: str) -> None:
    """With RLIMIT_FSIZE, which fails as a full disk does; then the same command with room."""
    suite, results = tmp_path / "s.yaml", tmp_path / "results"
    suite.write_text(SUITE)
    arguments = ["run", str(suite), "--results", str(results), "--device", "cpu", "--isolation", isolation]
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit), *arguments], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2, run.stderr
    assert "cannot be written: File too large" in run.stderr
    assert "Traceback" not in run.stderr
    for kind in ("cells", "weights"):
        for entry in (results / "store" / kind).glob("*/*"):
            assert (entry / "manifest.json").is_file()
    assert not any((results / "store" / "staging").glob("*"))
    assert main(arguments) == 0


@pytest.fixture
def two_plugins(tmp_path: Path) -> Path:
    """Copies that may be edited: a package with a helper module, and another plugin beside it."""
    folder = tmp_path / "plugins"
    (folder / "acting").mkdir(parents=True)
    source = (PLUGINS / "misbehaving.py").read_text()
    (folder / "acting" / "__init__.py").write_text(f"{source}\nfrom acting.helper import SCALE\n")
    (folder / "acting" / "helper.py").write_text("SCALE = 1.0\n")
    (folder / "bystander.py").write_text(
        '"""One."""\nfrom harness.api import hookimpl\n\n@hookimpl\ndef harness_components():\n    return []\n'
    )
    return folder


def cells_run(tmp_path: Path, plugins: Path) -> int:
    """How many cells `harness run` executes now, in a process that sees the code as it is."""
    suite = tmp_path / "s.yaml"
    suite.write_text("suite: s\ntask: act\ndata: tiny\nattacks: [behave]\nmetrics: [mean_value]\n")
    options = ["--results", str(tmp_path / "results"), "--isolation", "inline", "--device", "cpu"]
    command = [sys.executable, "-m", "harness", "--plugins-dir", str(plugins), "run", str(suite), *options]
    subprocess.run(command, capture_output=True, check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    newest = max((tmp_path / "results" / "s").glob("*/run.json"), key=lambda path: path.stat().st_mtime_ns)
    return sum(cell["how"] == "ran" for cell in json.loads(newest.read_text())["cells"].values())


def test_an_edited_helper_runs_cells_again_and_another_plugins_docstring_does_not(
    tmp_path: Path, two_plugins: Path
) -> None:
    assert cells_run(tmp_path, two_plugins) == 1
    assert cells_run(tmp_path, two_plugins) == 0
    bystander = two_plugins / "bystander.py"
    bystander.write_text(bystander.read_text().replace("One.", "Two."))
    assert cells_run(tmp_path, two_plugins) == 0
    (two_plugins / "acting" / "helper.py").write_text("SCALE = 2.0\n")
    assert cells_run(tmp_path, two_plugins) == 1
