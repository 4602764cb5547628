"""The command line as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import open_run
from harness.cli import COMMANDS, main
from harness.contract.components import KINDS

TINY = """
suite: tiny
about: Is anybody there?
task: classify
data: {use: digits, limit: 16}
models: [{use: digit_linear, as: linear, with: {epochs: 1}}]
attacks: [none, {use: fgsm, sweep: {eps: [0.1]}}]
metrics: [accuracy, robust_accuracy]
aggregates: [worst_case]
reports: [robustness_curve]
"""


@dataclass
class Said:
    code: int
    out: str
    err: str


Harness = Callable[..., Said]


@pytest.fixture
def harness(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harness:
    """Run a command in an empty working directory that holds tiny.yaml."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")

    def call(*arguments: str) -> Said:
        code = main(list(arguments))
        said = capsys.readouterr()
        return Said(int(code), said.out, said.err)

    return call


def test_run_prints_the_table_and_where_it_lies(harness: Harness, tmp_path: Path) -> None:
    said = harness("run", "tiny.yaml", "--full")
    assert said.code == 0
    assert "tiny — Is anybody there?" in said.out
    assert "fgsm eps=0.1" in said.out
    assert "worst case" in said.out
    assert "2 of 2 cells run. Results: results/tiny/" in said.out
    assert "Pictures there: curve-linf.png" in said.out
    assert "[1/2] linear / none: ok" in said.err
    (run,) = (tmp_path / "results" / "tiny").iterdir()
    assert (run / "curve-linf.png").read_bytes().startswith(b"\x89PNG")
    again = harness("run", "tiny.yaml")
    assert again.code == 0
    assert "nothing to do: all 2 cells were finished before" in again.out


def test_table_is_made_again_from_the_cells(harness: Harness, tmp_path: Path) -> None:
    harness("run", "tiny.yaml", "--isolation", "inline")
    (run,) = (tmp_path / "results" / "tiny").iterdir()
    before = {name: (run / name).read_bytes() for name in ("table.md", "table.csv", "table.json")}
    assert list(json.loads(before["table.json"]))[:2] == ["suite", "headline"]
    markdown = before["table.md"].decode()
    assert 0 < markdown.index("## Headline") < markdown.index("- linear") < markdown.index("## All rows")
    assert str(open_run("tiny").headline) in said_last(harness("table", "tiny").out)
    for name in before:
        (run / name).unlink()
    said = harness("table", "tiny")
    assert said.code == 0
    assert "worst case" in said.out
    assert {name: (run / name).read_bytes() for name in before} == before
    assert harness("table", str(run)).out == said.out


def said_last(text: str) -> str:
    """The last lines, joined where they were broken to fit."""
    return " ".join(text.split())


def test_plan_runs_nothing(harness: Harness, tmp_path: Path) -> None:
    said = harness("plan", "tiny.yaml")
    assert said.code == 0
    assert "2 cells: 2 to run, 0 skipped, 0 deselected" in said.out
    assert not (tmp_path / "results").exists()


def test_plan_says_why_a_cell_is_skipped(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "opaque.py").write_text(
        textwrap.dedent("""
            from harness.api import Component, hookimpl

            @hookimpl
            def harness_components():
                return [Component("model", "opaque", "opaque:Opaque", "No gradients.")]

            class Opaque:
                def __call__(self, inputs):
                    return inputs.flatten(1)[:, :10]
        """),
        encoding="utf-8",
    )
    (tmp_path / "s.yaml").write_text(TINY.replace("models: [", "models: [opaque, "), encoding="utf-8")
    said = harness("--plugins-dir", "plugins", "plan", "s.yaml")
    assert "skip: fgsm eps=0.1 needs model opaque to be GradientAccess; it has no named_modules, parameters" in said.out
    ran = harness("--plugins-dir", "plugins", "run", "s.yaml", "--isolation", "inline")
    assert ran.code == 0
    assert "skipped: fgsm eps=0.1 needs model opaque" in ran.out


def test_list(harness: Harness) -> None:
    said = harness("list")
    assert said.code == 0
    for name in ("digit_cnn", "digits", "pgd", "torchattacks", "robust_accuracy", "classify", "worst_case"):
        assert name in said.out
    assert "Runs cells on a Ray cluster" in harness("list", "executor").out
    only = harness("list", "dataset")
    assert "digits" in only.out
    assert "pgd" not in only.out


@pytest.mark.parametrize("kind", KINDS)
def test_list_takes_a_kind_in_the_singular_and_in_the_plural(harness: Harness, kind: str) -> None:
    one, several = harness("list", kind), harness("list", f"{kind}s")
    assert (one.code, several.code) == (0, 0)
    assert one.out == several.out
    assert one.out.startswith((f"\n{kind}s\n", f"No plugin offers a component of kind {kind}.\n"))


def test_list_shows_plugins_that_did_not_load(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "broken.py").write_text("import no_such_module\n", encoding="utf-8")
    said = harness("--plugins-dir", "plugins", "list", "attack")
    assert said.code == 0
    assert "pgd" in said.out
    assert "plugin 'broken'" in said.err
    assert "No module named 'no_such_module'" in said.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["pgd"], ["attack harness_adversarial/pgd", "a number ≥ 0", "random starts", "Madry", "GradientAccess"]),
        (["torchattacks"], ["Square", "harness describe torchattacks APGD"]),
        (["torchattacks", "Square"], ["n_queries", "5000", "{use: torchattacks, with: {attack: Square}}"]),
        (["classify"], ["task harness_classification/classify", "needs of its model: Classifier"]),
        (["harness_vision/digit_cnn"], ["'standard' or 'adversarial'", "a whole number ≥ 1"]),
    ],
)
def test_describe(harness: Harness, arguments: list[str], told: list[str]) -> None:
    said = harness("describe", *arguments)
    assert said.code == 0
    for text in told:
        assert text in said.out


def test_schema_is_json(harness: Harness) -> None:
    assert json.loads(harness("schema").out)["title"] == "harness suite"


def test_doctor(harness: Harness, tmp_path: Path) -> None:
    assert harness("doctor").code == 0
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "broken.py").write_text("1/0\n", encoding="utf-8")
    said = harness("--plugins-dir", "plugins", "doctor")
    assert said.code == 1
    assert "ZeroDivisionError" in said.out


def test_doctor_says_what_cannot_be_followed(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "by_name.py").write_text(
        "from importlib import import_module\nfrom harness.api import Component, hookimpl\n@hookimpl\n"
        "def harness_components(): return [Component('model', 'by_name', 'by_name:net', 'A model.')]\n"
        "def net(name: str = 'x'):\n    return import_module(name)\n",
        encoding="utf-8",
    )
    said = harness("--plugins-dir", "more", "doctor")
    assert (
        "ok    by_name.py:6 imports by a name made at run time: "
        "any edit of by_name makes model by_name/by_name run again" in said.out
    )


def test_help_names_every_command(harness: Harness) -> None:
    said = harness("--help")
    assert said.code == 0
    for name, about in COMMANDS.items():
        assert f"  {name}" in said.out
        assert about.split()[0] in said.out
        assert harness(name, "--help").code == 0
    assert harness("--version").out.startswith("harness, version ")


# --- bad input: a clear message, nothing lost, the right exit code --------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run"], "Missing argument 'SUITE'"),
        (["run", "nowhere"], "there is no suite 'nowhere'"),
        (["run", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["run", "../tiny"], "there is no suite '../tiny'"),
        (["run", "tiny.yaml", "--device", "gpu"], "unknown device 'gpu'"),
        (["run", "tiny.yaml", "--device", "cuda:99"], "device cuda:99 was asked for"),
        (["run", "tiny.yaml", "--batch-size", "0"], "0 is not in the range"),
        (["run", "tiny.yaml", "--results", "tiny.yaml"], "the results folder 'tiny.yaml' cannot be written"),
        (["--plugins-dir", "gone", "list"], "plugins folder 'gone' does not exist"),
        (["describe", "pdg"], "there is no component named 'pdg'; did you mean 'pgd'?"),
        (["describe", "torchattacks", "Sqare"], "has no variant 'Sqare'"),
        (["list", "atack"], "'atack' is not one of model, dataset, attack,"),
        (["list", "datsets"], "did you mean 'dataset'?"),
        (["table", "nothing"], "there is no run 'nothing'"),
        (["rum"], "No such command 'rum'"),
    ],
)
def test_usage_errors(harness: Harness, tmp_path: Path, arguments: list[str], told: str) -> None:
    said = harness(*arguments)
    assert said.code == 2
    assert told in said.err
    assert "Traceback" not in said.err
    assert (tmp_path / "tiny.yaml").read_text(encoding="utf-8") == TINY


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty"),
        (TINY + "modles: []\n", "unknown key 'modles'"),
        (TINY.replace("fgsm", "fgms"), "did you mean 'fgsm'?"),
        (TINY.replace("epochs: 1", "epocs: 1"), "did you mean 'epochs'?"),
        (TINY.replace("epochs: 1", "epochs: many"), "'epochs' must be a whole number ≥ 1, not 'many'"),
        (TINY + "task: classify\n", "key 'task' is given twice"),
        (TINY.replace("suite: tiny", "suite: !!python/object/apply:os.system ['touch pwned']"), "is not allowed"),
        (TINY.replace("suite: tiny", "suite: ../../tiny"), "must be lower-case letters"),
        (TINY + "exclude: [{model: '*'}]\n", "plans no cells"),
        ("suite: tiny\n", "is missing"),
    ],
)
def test_suite_errors(harness: Harness, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "bad.yaml").write_text(text, encoding="utf-8")
    said = harness("run", "bad.yaml")
    assert said.code == 2
    assert "bad.yaml" in said.err
    assert told in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "pwned").exists()
    assert not list((tmp_path / "results").glob("tiny/*"))


def test_debug_shows_the_traceback(harness: Harness) -> None:
    assert "Traceback" in harness("--debug", "run", "nowhere").err


def test_an_internal_error_says_so(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise RuntimeError("oh no")

    monkeypatch.setattr("harness.suite.load.find_suite", broken)
    said = harness("run", "tiny.yaml")
    assert said.code == 4
    assert "internal error: RuntimeError: oh no" in said.err


# --- what must be quick imports nothing heavy -----------------------------------------------------------------


def imported(code: str, cwd: Path) -> set[str]:
    """Top-level modules in a fresh interpreter after running some code."""
    script = f"{code}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}}, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=cwd)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["run", "--help"]])
def test_help_and_list_import_no_torch(arguments: list[str], tmp_path: Path) -> None:
    found = imported(f"from harness.cli import main; main({arguments})", tmp_path)
    assert found.isdisjoint(
        {"torch", "pandas", "pyarrow", "sklearn", "scipy", "matplotlib", "torchattacks", "torchvision"}
    )
    if arguments != ["list"]:
        assert "numpy" not in found


def test_a_run_with_nothing_to_do_imports_no_torch(harness: Harness, tmp_path: Path) -> None:
    harness("run", "tiny.yaml", "--device", "cpu", "--isolation", "inline")
    found = imported("from harness.cli import main; main(['run', 'tiny.yaml', '--device', 'cpu'])", tmp_path)
    assert found.isdisjoint({"torch", "pandas", "pyarrow", "sklearn", "scipy", "matplotlib"})


def test_nothing_on_the_default_path_imports_torchvision(harness: Harness, tmp_path: Path) -> None:
    """Its wheel cannot be imported beside a CPU build of torch."""
    (tmp_path / "s.yaml").write_text(TINY.replace("fgsm, sweep: {eps: [0.1]}", "torchattacks, with: {attack: FGSM}"))
    run = ["run", "s.yaml", "--device", "cpu", "--isolation", "inline"]
    found = imported(f"from harness.cli import main; main({run})", tmp_path)
    assert {"torch", "torchattacks"} <= found
    assert found.isdisjoint({"torchvision", "torchmetrics"})
