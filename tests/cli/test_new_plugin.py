"""Plugins to start from: those that are written under another name keep what the examples keep."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from harness import hooks
from harness.cli import main
from harness.cli.plugin_files import Example, example_folder, files_of, plugin_kinds
from harness.contract.components import KINDS

NAMES = {kind: f"fresh_{kind}" for kind in plugin_kinds()}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a new plugin of every kind, and nothing else."""
    folder = tmp_path_factory.mktemp("new")
    for kind, name in NAMES.items():
        assert main(["new", "plugin", name, "--kind", kind, "--output", str(folder / name)]) == 0
    return folder


@pytest.fixture
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def outside(written: Path) -> dict[str, str]:
    """The environment of somebody who has installed every new plugin's folder, but not its entry point."""
    inherited = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*inherited, *(str(written / name) for name in NAMES.values())]),
    }


def test_there_is_an_example_of_every_kind_and_hook() -> None:
    assert {kind for kind in plugin_kinds() if kind in KINDS} == set(KINDS)
    text = "\n".join(path.read_text(encoding="utf-8") for path in example_folder().rglob("__init__.py"))
    declared = {name for name in vars(hooks) if name.startswith("harness_")}
    assert set(re.findall(r"^def (harness_\w+)", text, re.M)) == declared


@pytest.mark.parametrize("kind", plugin_kinds())
def test_under_its_own_name_a_plugin_is_the_example(kind: str) -> None:
    example = Example.of(kind)
    made = files_of(example.name, example)
    copied = {path.relative_to(example.folder).as_posix(): path.read_text(encoding="utf-8") for path in example.files()}
    assert {place: made[place] for place in copied} == copied
    assert set(made) - set(copied) == {
        *("pyproject.toml", "README.md", "CHANGELOG.md", ".gitignore", ".github/workflows/ci.yml")
    }


@pytest.mark.parametrize("kind", plugin_kinds())
def test_nothing_of_the_example_is_left(written: Path, kind: str) -> None:
    folder, name = written / NAMES[kind], NAMES[kind]
    old = Example.of(kind).name
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file())
    assert old not in text
    assert not re.search(r"@[A-Z]+@", text)
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["harness.plugins"] == {name: name}
    assert project["description"] == Example.of(kind).summary
    assert yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))["suite"] == name
    assert (folder / name / "py.typed").is_file()
    steps = yaml.safe_load((folder / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]["test"]["steps"]
    assert {"run": f"harness run {name}.yaml"} in steps


def ran(written: Path, *words: str) -> str:
    """What a tool of Python prints about the new plugins; it must succeed."""
    environment = outside(written)
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=written, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_style_is_clean(written: Path) -> None:
    assert ran(written, "ruff", "check", "--no-cache", ".") == "All checks passed!\n"
    assert "already formatted" in ran(written, "ruff", "format", "--check", "--no-cache", ".")


@pytest.mark.slow
def test_types_are_clean(written: Path, root: Path) -> None:
    folders = [f"{name}/{name}" for name in NAMES.values()]
    how = ("--config-file", f"{NAMES['attack']}/pyproject.toml", "--cache-dir", str(root / ".mypy_cache"))
    assert "Success: no issues found in" in ran(written, "mypy", *how, *folders)


@pytest.mark.extended
def test_the_tests_of_every_new_plugin_pass(written: Path) -> None:
    how = ("-q", "-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={written}")
    said = ran(written, "pytest", *how, *(f"{name}/tests" for name in NAMES.values()))
    assert int(re.findall(r"(\d+) passed", said)[0]) >= 2 * len(NAMES)


@pytest.mark.usefixtures("_here")
def test_what_is_there_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "my_attack").mkdir()
    assert main(["new", "plugin", "my_attack"]) == 2
    assert "my_attack is there already; --output FOLDER writes another one" in capsys.readouterr().err
    assert list((tmp_path / "my_attack").iterdir()) == []
    assert main(["new", "plugin", "my_attack", "--output", "other"]) == 0
    said = capsys.readouterr().out
    assert "harness --plugins-dir other run other/my_attack.yaml" in said


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["my-attack"], "'my_attack' would do"),
        (["Spin"], "'spin' would do"),
        (["2fast"], "a letter first"),
        (["a__b"], "no name of a package"),
        (["../up"], "no name of a package"),
        (["class"], "means something else"),
        (["tests"], "means something else"),
        (["json"], "would hide an installed package"),
        (["torch"], "would hide"),
        (["harness_vision"], "would hide"),
        (["pgd"], "harness_adversarial offers the attack 'pgd' already"),
        (["accuracy", "--kind", "metric"], "harness_classification offers the metric 'accuracy' already"),
        (["batch"], "the example uses the name 'batch' for something else"),
        (["threat"], "the example uses the name 'threat'"),
        (["tensor"], "the example uses the name 'Tensor'"),
        (["mine", "--kind", "execution"], "'execution' is not one of"),
        (["mine", "--output", "no/such/folder"], "'no/such/folder' cannot be written"),
    ],
)
def test_a_mistake_leaves_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(["new", "plugin", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("_here")
def test_a_name_that_is_fine_for_another_kind_is_taken() -> None:
    """`pgd` is an attack; a metric of that name hides nothing."""
    assert main(["new", "plugin", "pgd", "--kind", "metric"]) == 0
