"""Suites to start from: each runs as it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.new_command import FAMILIES
from harness.contract.rows import Status
from harness.library import run
from harness.suite.load import template_folder

SMALL = {
    "robustness": ["digit_mlp.with.epochs=1", "digit_linear.with.epochs=1"],
    "uncertainty": ["digit_mlp.with.epochs=1", "temperature.with.model={use: digit_mlp, with: {epochs: 1}}"],
    "fairness": ["colored_digit_cnn.with.epochs=1"],
    "generation": [],
    "language": [],
    "capacity": ["model.with.epochs=1"],
}
LIMITS = {"generation": 80, "fairness": 200, "language": 2}
"""So few that each takes seconds, and so many that metrics are defined."""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_family_has_a_template_and_the_other_way_round() -> None:
    assert {path.stem for path in template_folder().glob("*.yaml")} == set(FAMILIES) == set(SMALL)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_written_runs(family: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "suite", family]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"wrote my-{family}.yaml: ")
    assert f"harness run my-{family}.yaml --limit 20" in said
    text = (tmp_path / f"my-{family}.yaml").read_text(encoding="utf-8")
    assert "@" not in text
    assert text.count("\n# ") + text.count("\n  # ") >= 3
    done = run(f"my-{family}.yaml", sets=SMALL[family], limit=LIMITS.get(family, 20), isolation="inline", device="cpu")
    assert {row.status for row in done.rows} <= {Status.OK, Status.SUSPECT}
    assert done.headline.rows
    assert done.headline.sentences


def test_model_and_data_may_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", "digit_cnn", "--model", "{use: digit_mlp, as: mine}", "--data", "{use: digits, limit: 7}"]
    assert main(["new", "suite", "robustness", *arguments, "--output", "r.yaml"]) == 0
    text = (tmp_path / "r.yaml").read_text(encoding="utf-8")
    assert "models:\n  - digit_cnn\n  - {use: digit_mlp, as: mine}\n" in text
    assert "data: {use: digits, limit: 7}\n" in text
    assert "suite: r\n" in text


def test_what_is_there_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "my-language.yaml").write_text("mine", encoding="utf-8")
    assert main(["new", "suite", "language"]) == 2
    assert "my-language.yaml is there already; --output FILE writes another one" in capsys.readouterr().err
    assert (tmp_path / "my-language.yaml").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model", "digit_clm"], "did you mean 'digit_"),
        (["--data", "{use: ["], "not YAML"),
        (["--output", "My Suite.yaml"], "lower-case letters, digits"),
        (["--output", "no/such/r.yaml"], "cannot be written"),
    ],
)
def test_a_mistake_leaves_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(["new", "suite", "robustness", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
