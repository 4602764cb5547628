"""Components that break a promise are found, each by the check that is for it; those that keep all are not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.contract.errors import UsageError
from harness.testing import Finding, check

PLUGIN = '''
"""Components that each break one promise."""

import os

import numpy as np
import torch

from harness.api import Context, Declarations, Estimate, LabelledInputs, Records, ScoreAccess, Threat
from harness.api import hookimpl, proportion

@hookimpl
def harness_components():
    attack = Declarations("attack", __name__, tasks={"classify"})
    metric = Declarations("metric", __name__, tasks={"classify"})
    return [
        attack("good", ":Good"), attack("restless", ":Restless"), attack("far", ":Far"),
        attack("silent", ":Silent"), attack("needy", ":Needy"),
        metric("good_share", ":GoodShare"), metric("greedy", ":Greedy"), metric("ordered", ":Ordered"),
        metric("brittle", ":Brittle"), metric("no_direction", ":NoDirection"), metric("other_mean", ":OtherMean"),
        Declarations("model", __name__, tasks={"classify"})("batched", ":Batched"),
        metric("number", ":Number"), metric("absent_column", ":AbsentColumn"),
        Declarations("metric", __name__, tasks={"no_such_task"})("lonely", ":GoodShare"),
    ]


class Good:
    """Moves every pixel by a fixed step, up for odd labels."""

    threat = Threat("linf", 0.1)

    def shift(self, batch):
        return 0.1 * (batch.labels % 2 * 2 - 1)

    def perturb(self, model: ScoreAccess, batch: LabelledInputs, ctx: Context) -> torch.Tensor:
        shift = self.shift(batch).reshape(-1, *[1] * (batch.inputs.dim() - 1))
        return (batch.inputs + shift).clamp(batch.low, batch.high)


class Restless(Good):
    """Goes another way whenever it is asked."""

    def shift(self, batch):
        return torch.full((len(batch),), 0.1 * os.urandom(1)[0] / 255)


class Batched(torch.nn.Module):
    """What it says depends on how many examples come together."""

    def forward(self, inputs):
        return (inputs - inputs.mean(0)).flatten(1)[:, :10]


class Far(Good):
    """Leaves its budget."""

    def shift(self, batch):
        return torch.full((len(batch),), 0.4)


class Silent(Good):
    """Does not say what its parameter means."""

    def __init__(self, strength: float = 1.0) -> None:
        self.strength = strength


class Needy(Good):
    """Must be told how far.

    Args:
        how_far: a number.
    """

    def __init__(self, how_far: float) -> None:
        self.how_far = how_far


class GoodShare:
    """Share of right answers."""

    columns = ("correct",)
    direction = "max"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        right = records["correct"]
        return proportion(int(right.sum()), len(right))

    def per_example(self, records: Records):
        return records["correct"].astype(float)


class Greedy(GoodShare):
    """Reads a column that it does not declare."""

    def estimate(self, records: Records) -> Estimate:
        return proportion(int((records["label"] == records["clean_prediction"]).sum()), len(records))


class Ordered(GoodShare):
    """Reads the first half alone."""

    def estimate(self, records: Records) -> Estimate:
        first = records["id"][: len(records) // 2]
        if not len(first):
            return Estimate.undefined("none")
        return proportion(sum(name < sorted(records["id"])[9] for name in first), len(first))


class Brittle(GoodShare):
    """Divides by the number of records."""

    def estimate(self, records: Records) -> Estimate:
        return Estimate(1 / len(records), None, None, 0.95, "none", len(records), 0, "no interval")


class NoDirection:
    """Does not say whether more is better."""

    columns = ("correct",)

    def estimate(self, records: Records) -> Estimate:
        right = records["correct"]
        return proportion(int(right.sum()), len(right))


class OtherMean(GoodShare):
    """Its values per example are others than those of its estimate."""

    def per_example(self, records: Records):
        return 1.0 - records["correct"]


class Number(GoodShare):
    """Returns a number."""

    def estimate(self, records: Records):
        return 0.5


class AbsentColumn(GoodShare):
    """Wants what no task has."""

    columns = ("weather",)
'''


# Each runs its component three times, in ten seconds or so.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("promises")
    (folder / "promises.py").write_text(PLUGIN, encoding="utf-8")
    return folder


def findings(folder: Path, kind: Any, name: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Finding]:
    return {finding.check: finding for finding in check(kind, name, parameters, plugin_folders=[folder])}


def wrong(found: Mapping[str, Finding]) -> dict[str, str]:
    """What was found against a component."""
    return {name: each.reason for name, each in found.items() if not each.is_fine}


@pytest.mark.parametrize(("kind", "name"), [("attack", "good"), ("metric", "good_share")])
def test_components_that_keep_their_promises_pass(folder: Path, kind: Any, name: str) -> None:
    found = findings(folder, kind, name)
    assert wrong(found) == {}
    assert {"runs in classify", "repeated", "batch size means nothing"} <= set(found)


@pytest.mark.parametrize(
    ("kind", "name", "check_", "told"),
    [
        ("attack", "restless", "repeated", "examples differ"),
        ("model", "batched", "batch size means nothing", "examples differ"),
        ("attack", "far", "runs in classify", "invalid: .*break the rules"),
        ("attack", "silent", "documentation", "describe strength under `Args:` of promises:Silent"),
        ("metric", "greedy", "declared columns", "alone it raises KeyError: .*label"),
        ("metric", "ordered", "order means nothing", "of the same records turned"),
        ("metric", "brittle", "no records", "raises ZeroDivisionError: .*return Estimate.undefined"),
        ("metric", "no_direction", "direction and unit", "it declares no direction"),
        ("metric", "other_mean", "mean of per_example", "its mean is .*, the estimate"),
        ("metric", "number", "runs in classify", "returned a float, not an Estimate"),
    ],
)
def test_a_broken_promise_is_found(folder: Path, kind: Any, name: str, check_: str, told: str) -> None:
    found = wrong(findings(folder, kind, name))
    assert check_ in found, found
    assert re.search(told, found[check_]), found


def test_what_was_not_tried_says_why(folder: Path) -> None:
    needy = findings(folder, "attack", "needy")["runs"]
    assert (needy.state, needy.reason) == ("not checked", "give a value to how_far")
    assert wrong(findings(folder, "attack", "needy", {"how_far": 1.0})) == {}
    assert "no task among no_such_task" in findings(folder, "metric", "lonely")["runs"].reason
    assert findings(folder, "metric", "absent_column")["runs"].state == "not checked"


def test_a_heavy_import_is_found(folder: Path, tmp_path: Path) -> None:
    assert "imports torch" in findings(folder, "attack", "good")["light import"].reason
    (tmp_path / "light.py").write_text(
        "from harness.api import Declarations, hookimpl\n"
        "@hookimpl\ndef harness_components():\n    return [Declarations('metric', __name__)('light', ':Light')]\n"
        "class Light:\n    '''Is light.'''\n"
    )
    assert findings(tmp_path, "metric", "light")["light import"].state == "ok"


def test_the_command_says_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--plugins-dir", str(folder), "doctor", "far"]) == 1
    assert "wrong       runs in classify: invalid:" in capsys.readouterr().out
    assert main(["doctor", "noise", "--with", "eps=0.1"]) == 0
    assert "no problem found" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no_such_component"], "there is no component or plugin named 'no_such_component'"),
        (["noise", "--with", "eps"], "--with eps: write KEY=VALUE"),
        (["noise", "--with", "eps=[1"], "--with: a value is no YAML"),
        (["--with", "eps=1"], "--with gives parameters to a component; name it"),
    ],
)
def test_bad_input_is_told(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_an_unknown_component_is_an_error() -> None:
    with pytest.raises(UsageError):
        check("attack", "no_such_attack")
