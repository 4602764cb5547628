"""A built wheel, installed in an empty environment, is the whole program."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

_ABOUT_TESTS = ("harness/testing/", "harness/pytest_plugin.py", "harness/examples/")


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "No matching distribution found for hatchling" in done.stdout + done.stderr:
        pytest.skip("the build backend cannot be fetched here")
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = folder.glob("*.whl")
    return made


@pytest.mark.extended
def test_the_wheel_holds_core_plugins_and_suites_and_nothing_else(wheel: Path, root: Path) -> None:
    assert wheel.name.startswith("neural_harness-")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"harness", *(path.parent.name for path in (root / "plugins").glob("*/__init__.py"))}
    assert {f"harness/suites/{path.name}" for path in (root / "suites").glob("*.yaml")} <= set(names)
    assert "harness/suite/suite.schema.json" in names
    # What `harness new plugin` copies.
    assert "harness/examples/attack/corners/attack.py" in names
    assert "harness/examples/attack/tests/test_corners.py" in names
    assert "harness/cli/plugin_template/pyproject.toml.in" in names
    assert {f"{top}/py.typed" for top in tops} <= set(names)
    assert not [name for name in names if "test" in name.lower() and not name.startswith(_ABOUT_TESTS)]


@pytest.mark.extended
def test_an_empty_environment_runs_a_bare_suite_name(wheel: Path, tmp_path: Path) -> None:
    """The libraries are lent from this environment; harness itself comes from the wheel alone."""
    environment = tmp_path / "env"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", str(wheel)], check=True, cwd=tmp_path)
    here = next(Path(place) for place in sys.path if place.endswith("site-packages"))
    packages = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    lent = tmp_path / "lent"
    lent.mkdir()
    for path in here.iterdir():
        if "harness" not in path.name and path.suffix != ".pth":
            (lent / path.name).symlink_to(path)
    (Path(packages) / "lent.pth").write_text(f"{lent}\n", encoding="utf-8")
    command = environment / "bin" / "harness"
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def call(*words: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, capture_output=True, text=True, check=check, cwd=tmp_path, env=outside)

    listed = call(command, "list")
    assert "digit_cnn" in listed.stdout
    assert listed.stderr == ""
    code = "import harness; print(harness.__file__)"
    where = call(python, "-c", code)
    assert str(environment) in where.stdout
    ran = call(command, "run", "smoke", check=False)
    assert ran.returncode == 0, ran.stderr
    assert "worst case" in ran.stdout
    assert (tmp_path / "results" / "smoke").is_dir()
