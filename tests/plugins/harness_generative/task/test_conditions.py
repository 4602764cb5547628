"""What samples are asked to show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.api import Context, Examples, InvalidOutput, NotApplicable, Status
from harness.testing import run_suite
from harness_generative.task.conditions import Conditions

LABELS = {"labels": torch.tensor([1, 0, 1])}
PROMPTS = {"prompts": ["a dog", "one cat", "dogs"]}
GROUPS = {"hand": ["left", "right", "left"]}
FACTS = {"classes": ["cat", "dog"]}


def data(*columns: dict[str, Any], facts: Any = FACTS) -> Examples:
    joined = {"inputs": torch.zeros(3, 2)} | {name: values for each in columns for name, values in each.items()}
    return Examples(["a", "b", "c"], joined, groups=GROUPS, facts=facts)


class Plain:
    """Cannot be asked for anything."""


class Askable:
    """Can be asked for classes and prompts."""

    def encode_conditions(self, values: Sequence[Any]) -> Tensor:
        return torch.tensor([float(len(value)) if isinstance(value, str) else float(value) for value in values])


class Counting(Askable):
    """Can be asked for classes only, and does not say so in words of its own."""

    def encode_conditions(self, values: Sequence[Any]) -> Tensor:
        return torch.tensor([int(value) for value in values])


class Given:
    def __init__(self, labels: list[int] | None) -> None:
        self.labels = labels

    def given(self, rows: Sequence[int]) -> Tensor:
        return torch.zeros(len(rows), 2)

    def given_conditions(self, rows: Sequence[int]) -> list[int] | None:
        return self.labels


def test_prompts_alone_are_asked_for() -> None:
    """A list of prompts without classes, as those of COCO or PartiPrompts."""
    found = Conditions.of(Askable(), data(PROMPTS, facts={}), 4)
    assert found.asked_for == "prompts"
    assert found.values == found.texts == ["a dog", "one cat", "dogs", "a dog"]
    assert found.classes == [None] * 4
    assert found.groups == {"group.hand": ["left", "right", "left", "left"]}
    encoded = found.encoded(Askable(), [0, 1, 2, 3], Context())
    assert encoded is not None
    assert encoded.tolist() == [5.0, 7.0, 4.0, 5.0]


def test_prompts_go_before_classes_which_stay_beside_them() -> None:
    found = Conditions.of(Askable(), data(LABELS, PROMPTS), 2)
    assert found.asked_for == "prompts"
    assert found.values == found.texts == ["a dog", "one cat"]
    assert found.classes == [1, 0]


def test_classes_are_asked_for_row_by_row_of_the_reference() -> None:
    found = Conditions.of(Askable(), data(LABELS), 5)
    assert found.asked_for == "classes"
    assert found.values == found.classes == [1, 0, 1, 1, 0]
    assert found.texts == ["dog", "cat", "dog", "dog", "cat"]


def test_data_without_either_ask_for_nothing() -> None:
    assert Conditions.of(Askable(), data(), 2) == Conditions("nothing", None, [None, None], [None, None], {})
    assert Conditions.of(Plain(), data(LABELS), 2) == Conditions.nothing(2)
    assert Conditions.nothing(2).encoded(Plain(), [0, 1], Context()) is None


@pytest.mark.parametrize("columns", [(PROMPTS,), (LABELS, PROMPTS)])
def test_a_model_without_conditions_is_no_model_for_prompts(columns: Any) -> None:
    with pytest.raises(NotApplicable, match=r"ask for prompts, and this model takes none .*`ask_for: nothing`"):
        Conditions.of(Plain(), data(*columns), 2)
    assert Conditions.of(Plain(), data(*columns), 2, "nothing") == Conditions.nothing(2)


def test_it_can_be_chosen_what_is_asked_for() -> None:
    both = data(LABELS, PROMPTS)
    assert Conditions.of(Askable(), both, 2, "classes").values == [1, 0]
    assert Conditions.of(Askable(), both, 2, "nothing") == Conditions.nothing(2)
    with pytest.raises(InvalidOutput, match="`ask_for: prompts` needs a column 'prompts'; the reference data have inp"):
        Conditions.of(Askable(), data(LABELS), 2, "prompts")
    with pytest.raises(NotApplicable, match="ask for classes, and this model takes none"):
        Conditions.of(Plain(), data(LABELS), 2, "classes")


def test_a_model_that_cannot_read_prompts_is_refused_in_words() -> None:
    asked = Conditions.of(Counting(), data(PROMPTS), 3)
    with pytest.raises(NotApplicable, match=r"cannot encode prompts such as 'a dog': invalid literal .* set `ask_for`"):
        asked.encoded(Counting(), [0, 1], Context())


def test_samples_made_elsewhere_say_what_they_were_asked_for() -> None:
    found = Conditions.of(Given([1, 1]), data(LABELS), 2)
    assert (found.asked_for, found.values, found.texts) == ("classes", None, ["dog", "dog"])
    assert found.classes == [1, 1]
    with pytest.raises(
        InvalidOutput, match="sample-00001 was made for class 2, but the reference data have 2 classes, 0 to 1"
    ):
        Conditions.of(Given([0, 2]), data(LABELS), 2)


def test_what_unlabelled_samples_were_asked_for_is_not_known_unless_nothing_could_be() -> None:
    assert Conditions.of(Given(None), data(LABELS), 2) == Conditions.nothing(2, "not known")
    assert Conditions.of(Given(None), data(PROMPTS), 2, "prompts").asked_for == "not known"
    assert Conditions.of(Given(None), data(), 2).asked_for == "nothing"


def test_classes_without_names_cannot_be_asked_for() -> None:
    with pytest.raises(InvalidOutput, match="the reference data lack the fact 'classes'"):
        Conditions.of(Askable(), data(LABELS, facts={}), 2)


PLUGIN = '''
"""Images with prompts, with and without labels, and a model that paints what it reads."""
import numpy as np
import torch
from harness.api import Component, Examples, hookimpl

def painted(labels: bool = False):
    """Grey images."""
    rng = np.random.default_rng(0)
    columns = {"inputs": rng.random((16, 1, 8, 8), dtype=np.float32), "prompts": ["dark", "bright"] * 8}
    return Examples([str(i) for i in range(16)], columns | ({"labels": np.arange(16) % 2} if labels else {}),
                    facts={"classes": ["dark", "bright"]})

class Painter:
    """Reads prompts; unasked, it paints everything dark."""
    latent_shape = (1, 8, 8)
    def encode_conditions(self, values):
        return torch.tensor([float(value == "bright") for value in values])
    def generate(self, noise, conditions):
        bright = torch.zeros(len(noise)) if conditions is None else conditions
        return 0.05 * noise.sigmoid() + 0.9 * bright[:, None, None, None]

class Blind:
    """Takes no conditions."""
    latent_shape = (1, 8, 8)
    def generate(self, noise, conditions):
        return noise.sigmoid()

@hookimpl
def harness_components():
    return [Component("dataset", "painted", "prompts_plugin:painted"),
            Component("model", "painter", "prompts_plugin:Painter"),
            Component("model", "blind", "prompts_plugin:Blind")]
'''

SUITE = """
suite: prompts
task: {use: generate, with: {n: 8, features: [random_conv]}}
data: [{use: painted, as: bare}, {use: painted, as: labelled, with: {labels: true}}]
models: [painter, blind]
samplers: [one_shot]
metrics: [fid_proxy]
"""


def test_a_run_draws_what_the_prompts_say_with_labels_or_without(tmp_path: Path) -> None:
    (tmp_path / "prompts_plugin.py").write_text(PLUGIN)
    run = run_suite(SUITE, tmp_path / "results", plugin_folders=[tmp_path])
    for row in run.rows:
        if row.labels["model"] == "blind":
            assert row.status is Status.SKIPPED
            assert "the reference data ask for prompts, and this model takes none" in row.reason
            continue
        records = run.records(row)
        brightness = records.artifact("samples").reshape(8, -1).mean(axis=1)
        assert (brightness[1::2] > 0.9).all()
        assert (brightness[::2] < 0.1).all()
        assert records["condition"].tolist() == ["dark", "bright"] * 4
        assert row.display == {"asked for": "prompts"}
        assert row.protocol["asked_for"] == "prompts"
    assert len(run.rows) == 4
