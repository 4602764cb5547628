"""The conformance kit: what it lets pass as round-off and what it does not."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness import Run
from harness.api import Component, Estimate, Examples, Outcome, Records, hookimpl
from harness.testing import assert_same_records, run_suite, signature_of

SUITE = """
suite: kit
task: {use: %s/score}
data: %s/three
metrics: [%s/count]
"""


def ids() -> Examples:
    """Three examples."""
    return Examples(["a", "b", "c"], {})


class Count:
    """How many examples there are."""

    columns = ("id",)
    direction = "none"
    unit = ""

    def estimate(self, records: Records) -> Estimate:
        return Estimate(float(len(records)), None, None, 0.95, "none", len(records))


def run_with(folder: Path, **columns: list[Any]) -> Run:
    """A run whose records have these columns."""

    class Score:
        """Says what it was told to."""

        def run(self, data: Any, ctx: Any) -> Outcome:
            return Outcome({"id": list(data.ids), **columns})

    module = ModuleType("kit_plugin")
    made = {"task": ("score", Score), "dataset": ("three", ids), "metric": ("count", Count)}
    components = [Component(kind, name, f"kit_plugin:{name}", "") for kind, (name, _) in made.items()]  # type: ignore[arg-type]
    module.__dict__.update(dict(made.values()), harness_components=hookimpl(lambda: components))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "kit_plugin", module)
        return run_suite(SUITE.replace("%s", "kit_plugin"), folder, plugins={"kit_plugin": module})


def test_an_example_may_differ_only_near_another_outcome(tmp_path: Path) -> None:
    one = run_with(tmp_path / "1", answer=[1, 2, 3], room=[0.5, 1e-5, 0.5], spare=[0.5, 0.5, 0.5])
    two = run_with(tmp_path / "2", answer=[1, 7, 3], room=[0.5, 1e-5, 0.5], spare=[0.5, 0.5, 0.5])
    assert_same_records(one, one)
    assert_same_records(one, two, margins=("absent", "room", "spare"))
    for margins, at_most in (((), 2), (("spare", "room"), 2), (("room",), 0)):
        with pytest.raises(AssertionError, match="'b'"):
            assert_same_records(one, two, margins=margins, at_most=at_most)


def test_what_the_plan_reads_of_a_component() -> None:
    signature = signature_of("sampler", "one_shot")
    assert signature.needs["model"].members == ("generate",)
