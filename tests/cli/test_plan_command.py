"""`harness plan` as a user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.conftest import COINS, PLUGINS, Say


def body(text: str) -> list[list[str]]:
    """The cells of the lines of the table, below its rule."""
    table = text.partition("\n\n")[0].splitlines()
    return [line.split() for line in table[2:]]


def test_every_cell_stands_there_in_its_order_and_nothing_is_run(say: Say, tmp_path: Path) -> None:
    said = say("plan", "coins.yaml")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[0].split() == ["data", "model", "attack", "seed"]
    assert body(said.out) == [
        ["throws", "fair", "none", "0", "run"],
        ["throws", "fair", "wind", "0", "run"],
        ["throws", "bent", "none", "0", "run"],
        ["throws", "bent", "wind", "0", "run"],
    ]
    assert "\n4 cells: 4 to run, 0 skipped, 0 deselected\n" in said.out
    assert said.out.endswith("coins: metrics heads\n")
    assert not (tmp_path / "results").exists()


def test_what_is_left_out_is_counted(say: Say, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(COINS + "exclude: [{model: bent, attack: wind}]\nseeds: [0, 1]\n")
    said = say("plan", "s.yaml")
    assert "\n6 cells: 6 to run, 0 skipped, 2 deselected\n" in said.out
    assert [line[3] for line in body(said.out)].count("1") == 3


def test_experiments_are_told_apart(say: Say, tmp_path: Path) -> None:
    text = COINS + "experiments:\n  - {name: few, data: {use: throws, with: {n: 3}}}\n  - {name: many}\n"
    (tmp_path / "s.yaml").write_text(text)
    said = say("plan", "s.yaml")
    assert said.out.splitlines()[0].split()[0] == "experiment"
    assert [line[0] for line in body(said.out)] == ["few"] * 4 + ["many"] * 4
    assert said.out.endswith("few: metrics heads\nmany: metrics heads\n")


def test_a_cell_that_will_be_skipped_says_why(say: Say, tmp_path: Path) -> None:
    folder = tmp_path / "picky_plugins"
    folder.mkdir()
    (folder / "picky.py").write_text(
        "from harness.api import hookimpl\n\n\n@hookimpl\ndef harness_incompatible(cell):\n"
        "    return 'too windy' if cell.labels['attack'] == 'wind' else None\n"
    )
    said = say("--plugins-dir", str(PLUGINS), "plan", "coins.yaml", plugins=folder)
    assert said.code == 0
    assert [line[4:] for line in body(said.out)] == [["run"], ["skip:", "too", "windy"]] * 2
    assert "4 cells: 2 to run, 2 skipped, 0 deselected" in said.out


def test_a_plugin_that_did_not_load_is_a_warning(say: Say, tmp_path: Path) -> None:
    folder = tmp_path / "torn_plugins"
    folder.mkdir()
    (folder / "lost.py").write_text("1/0\n")
    said = say("--plugins-dir", str(PLUGINS), "plan", "coins.yaml", plugins=folder)
    assert said.code == 0
    assert said.err.startswith("warning: plugin 'lost'")


@pytest.mark.parametrize(
    ("suite", "told"),
    [
        ("nowhere.yaml", "nowhere.yaml: no such file"),
        ("nowhere", "there is no suite 'nowhere'"),
        (
            "bad.yaml",
            "bad.yaml:6:5: models.0: parameter 'heads' is missing\n    6 |   - {use: coin, as: fair, with: {haeds: 6}}",
        ),
    ],
)
def test_usage_errors(say: Say, tmp_path: Path, suite: str, told: str) -> None:
    (tmp_path / "bad.yaml").write_text(COINS.lstrip().replace("heads: 6", "haeds: 6"))
    said = say("plan", suite)
    assert said.code == 2
    assert told in said.err


def test_what_cells_will_take_is_told_from_what_they_took(say: Say) -> None:
    assert "forecast: unknown" in say("plan", "coins.yaml").out
    say("run", "coins.yaml", "--device", "cpu", "--isolation", "inline", "--only", "model=fair")
    said = say("plan", "coins.yaml")
    assert said.out.splitlines()[0].split() == ["data", "model", "attack", "seed", "takes"]
    assert [("unknown" in line, "passes" in line) for line in said.out.splitlines()[2:6]] == [
        (False, True),
        (False, True),
        (True, False),
        (True, False),
    ]
    assert "20 passes; 2 of 4 cells unknown" in said.out
