"""`harness describe` as a user meets it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.conftest import PLUGINS, Say
from harness.plugins import Catalog
from harness.signatures import SignatureReader

VARIED = '''
from typing import Annotated

from annotated_types import Ge, Le

from harness.api import Component, ComponentOf, hookimpl


@hookimpl
def harness_components():
    return [
        Component("model", "many", "varied:Many", "Much to set.", tasks=frozenset({"b", "a"}), requires=("numpy",),
                  references=("Somebody 2020",)),
        Component("dataset", "coin", "varied:Many", "No coin of the other plugin."),
    ]


class Many:
    """Much to set.

    And more to say.

    Args:
        share: a share.
        on: a switch.
        names: some names.
        tiny: a small number.
        inner: what it wraps.
        choice: one of many.
    """

    def __init__(self, share: Annotated[float, Ge(0), Le(1)], inner: Annotated[object, ComponentOf("model")],
                 on: bool = True, names: list[str] | None = None, tiny: float = 0.000001,
                 choice: Literal["a", "b", "c", "d", "e", "f", "g", "h", "i"] = "a"):
        pass
'''.replace("from typing import Annotated", "from typing import Annotated, Literal")


@pytest.fixture
def varied(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "varied_plugins"
    folder.mkdir()
    (folder / "varied.py").write_text(VARIED, encoding="utf-8")
    yield folder
    sys.modules.pop("varied", None)


def line(text: str, start: str) -> str:
    (found,) = [line for line in text.splitlines() if line.startswith(start)]
    return " ".join(found.split())


def test_a_component_with_its_parameters_and_how_to_ask_for_it(say: Say) -> None:
    said = say("describe", "coin")
    assert said.code == 0
    assert said.out.startswith("model coins/coin  version 1, from ")
    assert line(said.out, "heads ") == "heads a whole number required how many of the first throws are heads."
    assert line(said.out, "metal ") == "metal 'gold' or 'tin' tin what it is made of."
    assert said.out.endswith("in a suite:  {use: coin, with: {heads: ...}}\n")
    assert say("describe", "coins/coin").out == said.out


def test_a_task_says_what_it_needs_and_has_no_example(say: Say) -> None:
    said = say("describe", "toss")
    assert said.code == 0
    assert "needs of its data: Dataset (take)" in said.out
    assert "in a suite" not in said.out
    assert say("describe", "heads").out.endswith("in a suite:  {use: heads}\n")


def test_values_and_defaults_are_as_yaml_has_them(say: Say, varied: Path) -> None:
    said = say("describe", "many", plugins=varied)
    assert said.code == 0, said.err
    assert "\nMuch to set.\n\nAnd more to say.\n" in said.out
    assert said.out.count("Much to set.") == 1
    assert line(said.out, "share ") == "share a number ≥ 0 and ≤ 1 required a share."
    assert line(said.out, "on ").split()[-3:] == ["true", "a", "switch."]
    assert " null " in line(said.out, "names ")
    assert " 1e-06 " in line(said.out, "tiny ")
    assert line(said.out, "inner ") == "inner a model required what it wraps."
    assert line(said.out, "choice ") == "choice one of 9, below a one of many."
    assert "tasks: a; b\nrequires: numpy\nsee: Somebody 2020\n" in said.out
    assert said.out.endswith("in a suite:  {use: many, with: {share: ..., inner: ...}}\n")


def test_every_component_of_a_name_is_shown(say: Say, varied: Path) -> None:
    said = say("--plugins-dir", str(PLUGINS), "describe", "coin", plugins=varied)
    assert [text.split("  ")[0] for text in said.out.splitlines() if "  version 1" in text] == [
        "dataset varied/coin",
        "model coins/coin",
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["cion"], "there is no component named 'cion'; did you mean 'coin'?"),
        (["zzzzz"], "there is no component named 'zzzzz'; see harness list"),
        (["wind", "strong"], "wind has no variant 'strong'; known: none"),
        ([], "Missing argument 'NAME'"),
    ],
)
def test_usage_errors(say: Say, arguments: list[str], told: str) -> None:
    said = say("describe", *arguments)
    assert said.code == 2
    assert told in said.err


def test_an_unknown_name_may_be_that_of_a_plugin_that_did_not_load(say: Say, tmp_path: Path) -> None:
    folder = tmp_path / "broken_plugins"
    folder.mkdir()
    (folder / "broken.py").write_text("1/0\n", encoding="utf-8")
    said = say("describe", "anything", plugins=folder)
    assert said.code == 2
    assert "plugin 'broken'" in said.err
    assert "ZeroDivisionError" in said.err


TASKS = {
    "from_log": ["prompts", "references"],
    "classify": ["inputs", "labels", "classes", "box", "groups"],
    "detect": ["inputs"],
    "regress": ["inputs", "targets", "unit"],
    "from_scores": ["labels", "scores", "predictions"],
    "generate": ["inputs", "labels", "prompts", "levels", "classes"],
    "language": ["texts"],
    "answer": ["prompts", "answers", "choices", "goals", "answer_kind"],
    "minimal_pairs": ["choices", "labels"],
    "from_answers": ["completions", "prompts", "answers", "models"],
    "classify_text": ["texts", "labels", "classes"],
    "explain": ["inputs", "labels", "cause"],
}
"""The columns and facts of a dataset that each task reads."""


def test_what_every_task_wants_of_a_dataset_is_told(catalog: Catalog) -> None:
    reader = SignatureReader()
    of_kind = {entry.component.name: entry for entry in catalog.of_kind("task")}
    tasks = {name: entry for name, entry in of_kind.items() if "data" in reader.read(entry.component).roles}
    assert set(tasks) == set(TASKS)
    for name, wanted in TASKS.items():
        doc = reader.read(tasks[name].component).doc
        _, found, told = doc.partition("\nData:")
        assert found, name
        paragraph = told.partition("\n\n")[0]
        assert [word for word in wanted if f"`{word}`" not in paragraph] == [], name
