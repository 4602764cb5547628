"""Declaring components in a line each, and their summaries from docstrings, without importing any target."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harness.api import Component, Declarations

SHAPES = '''
"""Targets in every shape, in a module that must not be imported to be listed."""

raise RuntimeError("imported")


class Plain:
    """Is plain."""


class Long(Plain):
    """Has a first line.

    And more.
    """


def function(
    one: int = 1,
    *,
    two: str = "class Plain:",
) -> dict[str, int]:
    """Is a function \\\\ with a backslash."""


class Single:
    'Is quoted once.'


async def waits(): "Waits."


class Bare:
    def method(self):
        """Is the docstring of a method."""


class Nested:
    class Plain:
        """Is another."""
'''
DECLARING = """
from harness.api import Component, Declarations, hookimpl


@hookimpl
def harness_components():
    model = Declarations("model", f"{__name__}.inner")
    names = ["Plain", "Long", "function", "Single", "waits", "Bare", "Nested"]
    return [*(model(name.lower(), f"shapes:{name}") for name in names),
            model("given", "shapes:Plain", summary="As given."),
            model("gone", "nowhere:Gone"),
            model("absent", "shapes:Absent"),
            model("method", "shapes:method"),
            Component("model", "old", "declaring.inner.shapes:Bare", "As third parties wrote it.")]
"""


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    folder = tmp_path_factory.mktemp("plugins")
    inner = folder / "declaring" / "inner"
    inner.mkdir(parents=True)
    (folder / "declaring" / "__init__.py").write_text(DECLARING, encoding="utf-8")
    (inner / "__init__.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    (inner / "shapes.py").write_text(SHAPES, encoding="utf-8")
    command = [sys.executable, "-m", "harness", "--plugins-dir", str(folder), "list", "model"]
    return subprocess.run(command, capture_output=True, text=True, check=True)


@pytest.mark.parametrize(
    ("name", "summary"),
    [
        ("plain", "Is plain."),
        ("long", "Has a first line."),
        ("function", "Is a function \\ with a backslash."),
        ("single", "Is quoted once."),
        ("waits", "Waits."),
        ("given", "As given."),
        ("old", "As third parties wrote it."),
        ("bare", ""),
        ("nested", ""),
        ("method", ""),
    ],
)
def test_the_summary_is_the_first_line_of_the_docstring_unless_one_is_given(
    listed: subprocess.CompletedProcess[str], name: str, summary: str
) -> None:
    (line,) = [line for line in listed.stdout.splitlines() if line.split()[:1] == [name] and line.endswith("declaring")]
    assert line.removeprefix(name).removesuffix("declaring").strip() == summary


def test_what_has_no_summary_is_named_with_what_to_do(listed: subprocess.CompletedProcess[str]) -> None:
    errors = listed.stderr.splitlines()
    assert [line.split()[1] for line in errors] == [
        f"declaring/{name}" for name in ("absent", "bare", "gone", "method", "nested")
    ]
    assert errors[1].startswith("model declaring/bare (from ")
    assert errors[1].endswith("has no summary: write a docstring at declaring.inner.shapes:Bare, or declare a summary")


def test_a_declaration_is_the_component_written_out() -> None:
    attack = Declarations("attack", "mine.attacks", tasks={"classify"}, moved_from="theirs")
    declared = attack("x", "x:X", "Somebody 2020", "Else 2021", version=2, requires=("timm",), trained_on="digits")
    assert declared == Component(
        kind="attack",
        name="x",
        target="mine.attacks.x:X",
        tasks=frozenset({"classify"}),
        version=2,
        requires=("timm",),
        trained_on="digits",
        references=("Somebody 2020", "Else 2021"),
        moved_from="theirs/x",
    )


def test_a_declaration_without_more_has_the_defaults_of_a_component() -> None:
    assert Declarations("model", "mine")("m", ":M") == Component("model", "m", "mine:M")


def test_one_component_can_have_other_tasks_than_the_rest() -> None:
    metric = Declarations("metric", "mine", tasks={"classify"})
    assert metric("m", ":M", tasks={"answer"}).tasks == {"answer"}
    assert metric("m", ":M", tasks=()).tasks == frozenset()


def test_a_wrong_declaration_is_refused_as_a_wrong_component_is() -> None:
    with pytest.raises(ValueError, match="must be lower-case"):
        Declarations("model", "mine")("Bad Name", ":M")
    with pytest.raises(ValueError, match="collections of names"):
        Declarations("model", "mine", tasks="classify")("m", ":M")
