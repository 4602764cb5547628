"""Cells in other Python environments: one suite with two versions of a library that no environment holds together."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from harness import Run, run
from harness.cli import main
from harness.contract.errors import SuiteError, UsageError
from harness.plugins import load_catalog
from harness.signatures import SignatureReader
from harness.suite.load import load_suite
from harness.suite.resolve import make_plan

PLUGIN = '''
"""A model whose answers follow the version of a library that the environment of the tests does not have."""

from __future__ import annotations

import torch
from harness.api import Declarations, hookimpl


@hookimpl
def harness_components():
    return [Declarations("model", __name__, tasks={"classify"})("pebble_model", ":PebbleModel", requires=("pebble",))]


class PebbleModel(torch.nn.Module):
    """Gives every image the class that its library names."""

    def forward(self, inputs):
        import pebble

        return torch.nn.functional.one_hot(torch.full((len(inputs),), pebble.CLASS), 10).float() * 9
'''
SUITE = """
suite: versions
task: classify
data: {use: digits, limit: 20}
models:
  - {use: pebble_model, as: old, environment: old}
  - {use: pebble_model, as: new, environment: new}
  - shipped_digits
metrics: [accuracy]
"""


def cheap_environment(folder: Path, *, lent: bool = True) -> Path:
    """A virtual environment that takes its libraries from this one, unless it is to have none."""
    venv.create(folder, with_pip=False)
    if lent:
        # `addsitedir` also follows the .pth files there, by which an editable install is found.
        lent_from = f"import site; site.addsitedir({sysconfig.get_paths()['purelib']!r})\n"
        (own(folder) / "lent.pth").write_text(lent_from, encoding="utf-8")
    return folder


def own(environment: Path) -> Path:
    """The folder of installed packages of an environment."""
    (found,) = environment.glob("lib/python*/site-packages")
    return found


def install_pebble(environment: Path, version: str, number: int) -> None:
    metadata = own(environment) / f"pebble-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pebble\nVersion: {version}\n", encoding="utf-8")
    (own(environment) / "pebble.py").write_text(f"CLASS = {number}\n", encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plugin, a suite, and two environments with another version of its library each."""
    folder = tmp_path_factory.mktemp("environments")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "pebbles.py").write_text(PLUGIN, encoding="utf-8")
    (folder / "versions.yaml").write_text(SUITE, encoding="utf-8")
    for name, version, number in (("old", "1.0", 1), ("new", "2.0", 7)):
        install_pebble(cheap_environment(folder / name), version, number)
    return folder


def places(folder: Path) -> dict[str, Path]:
    return {"old": folder / "old", "new": folder / "new" / "bin" / "python"}


def done_in(folder: Path, results: str = "results", **how: object) -> Run:
    given = {"device": "cpu", "environments": places(folder), **how}
    return run(folder / "versions.yaml", results=folder / results, plugin_folders=folder / "plugins", **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def done(folder: Path) -> Run:
    return done_in(folder)


def classes(run: Run, model: str) -> set[int]:
    return set(run.records(run.row(model=model))["clean_prediction"].tolist())


@pytest.mark.slow
def test_one_suite_runs_with_two_versions_of_a_library(done: Run) -> None:
    assert [str(row.status) for row in done.rows] == ["ok", "ok", "ok"]
    assert (classes(done, "old"), classes(done, "new")) == ({1}, {7})
    assert len(classes(done, "shipped_digits")) > 5


@pytest.mark.slow
def test_what_is_installed_there_is_recorded_and_part_of_the_key(done: Run) -> None:
    recorded = done.folder.about()["provenance"]["environments"]
    assert {name: each["packages"]["pebble"] for name, each in recorded.items()} == {"old": "1.0", "new": "2.0"}
    assert recorded["old"]["digest"] != recorded["new"]["digest"]
    assert recorded["old"]["python"] == sys.version.split()[0]
    assert done.row(model="old").facts["environment"] == {"name": "old", "digest": recorded["old"]["digest"]}
    assert "environment" not in done.row(model="shipped_digits").facts
    cells = {cell.labels["model"]: cell for cell in done.plan.cells}
    assert [cells[name].environment for name in ("old", "new", "shipped_digits")] == ["old", "new", ""]


@pytest.mark.slow
def test_what_was_measured_there_is_reused_until_something_else_is_installed(done: Run, folder: Path) -> None:
    assert (done_in(folder).n_run, done_in(folder).n_reused) == (0, 3)
    # Another name for what has the same content is measured already.
    moved = done_in(folder, environments=places(folder) | {"new": folder / "old"})
    assert (moved.n_run, moved.n_reused, classes(moved, "new")) == (0, 3, {1})
    install_pebble(cheap_environment(folder / "newest"), "3.0", 4)
    newest = done_in(folder, environments=places(folder) | {"new": folder / "newest"})
    assert (newest.n_run, newest.n_reused, classes(newest, "new")) == (1, 2, {4})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "told"),
    [
        (None, "the suite needs the environment 'new': say where it is by --environment new=FOLDER, or under"),
        ("nowhere", "is neither a virtual environment nor a Python"),
        ("empty", "lacks harness: "),
        ("without_pebble", "lacks pebble, which model 'new' needs: pip install pebble"),
    ],
)
def test_an_environment_that_will_not_do_is_one_error_before_any_cell(
    folder: Path, monkeypatch: pytest.MonkeyPatch, place: str | None, told: str
) -> None:
    if place == "empty" and not (folder / place).exists():
        cheap_environment(folder / place, lent=False)
    if place == "without_pebble" and not (folder / place).exists():
        cheap_environment(folder / place)
    if place == "empty":
        monkeypatch.setenv("PYTHONPATH", "")
    given = {"old": folder / "old"} | ({"new": folder / place} if place else {})
    with pytest.raises(UsageError) as error:
        done_in(folder, "refused", environments=given)
    assert told in str(error.value)
    assert not list((folder / "refused").glob("versions/*"))


def test_cells_of_another_environment_cannot_run_in_this_process(folder: Path) -> None:
    with pytest.raises(UsageError, match="inline cells run in this Python, and not in 'old'; use --isolation process"):
        done_in(folder, "inline", isolation="inline")


@pytest.mark.slow
def test_the_users_configuration_says_where_they_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = folder / "config.yaml"
    config.write_text(f"environments: {{old: {folder / 'old'}, new: {folder / 'nowhere'}}}\n", encoding="utf-8")
    monkeypatch.setenv("HARNESS_CONFIG", str(config))
    arguments = ["--plugins-dir", str(folder / "plugins"), "run", str(folder / "versions.yaml"), "--device", "cpu"]
    arguments += ["--results", str(folder / "configured")]
    assert main([*arguments, "--environment", f"new={folder / 'new'}"]) == 0
    assert main([*arguments, "--environment", "new"]) == 2
    assert "write NAME=PATH, not 'new'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("metrics: [{use: accuracy, environment: old}]", "metrics run in the environment of the run alone"),
        ("environment: ../old", "'../old' must be lower-case letters"),
    ],
)
def test_what_a_suite_may_not_say(folder: Path, tmp_path: Path, change: str, told: str) -> None:
    key = change.partition(":")[0]
    lines = [line for line in SUITE.splitlines() if not line.startswith(f"{key}:")]
    (tmp_path / "wrong.yaml").write_text("\n".join([*lines, change]), encoding="utf-8")
    with pytest.raises(SuiteError, match=told):
        run(tmp_path / "wrong.yaml", results=tmp_path / "results", plugin_folders=folder / "plugins")


def test_two_environments_in_one_cell_are_skipped_with_the_reason(folder: Path, tmp_path: Path) -> None:
    text = SUITE.replace("limit: 20}", "limit: 20, environment: new}").replace("  - shipped_digits\n", "")
    (tmp_path / "both.yaml").write_text(text, encoding="utf-8")
    arguments = ["--plugins-dir", str(folder / "plugins"), "plan", str(tmp_path / "both.yaml")]
    catalog = load_catalog([folder / "plugins"])
    plan = make_plan(load_suite(str(tmp_path / "both.yaml")), catalog, SignatureReader())
    assert main(arguments) in (0, 1)
    assert [(cell.environment, cell.skip) for cell in plan.cells] == [
        ("new", "it needs the environments new and old; a cell runs in one"),
        ("new", ""),
    ]


@pytest.mark.extended
def test_one_suite_with_numpy_1_and_2(tmp_path: Path) -> None:
    """Where an older NumPy can be fetched, and a pyarrow that bears it; all else is lent from this environment."""
    environment = cheap_environment(tmp_path / "numpy1")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--only-binary", ":all:"]
    command += ["--target", str(own(environment)), "numpy==1.26.4", "pyarrow==18.1.0"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("numpy 1.26.4 cannot be fetched here")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "numpies.py").write_text(
        PLUGIN.replace("pebble_model", "numpy_model")
        .replace(', requires=("pebble",)', "")
        .replace("import pebble\n", "import numpy\n")
        .replace("pebble.CLASS", "int(numpy.__version__[0])"),
        encoding="utf-8",
    )
    suite = SUITE.replace("pebble_model", "numpy_model").replace("as: new, environment: new", "as: new")
    (tmp_path / "versions.yaml").write_text(suite, encoding="utf-8")
    done = run(
        tmp_path / "versions.yaml",
        results=tmp_path / "results",
        plugin_folders=tmp_path / "plugins",
        device="cpu",
        environments={"old": environment},
    )
    assert [str(row.status) for row in done.rows] == ["ok", "ok", "ok"]
    assert (classes(done, "old"), classes(done, "new")) == ({1}, {2})
    assert done.folder.about()["provenance"]["environments"]["old"]["packages"]["numpy"] == "1.26.4"
