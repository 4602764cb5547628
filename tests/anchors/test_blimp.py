"""BLiMP as published: all 67 paradigms are there and can be scored."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from harness.api import Context, MissingData, NotApplicable, Records
from harness_language.metrics.answers import ChoiceAccuracy
from harness_language.models.uniform import Uniform
from harness_language.questions.blimp import blimp
from harness_language.tasks.minimal_pairs import MinimalPairs


def test_all_paradigms_are_scored(data_folder: Path) -> None:
    """Under the uniform model the shorter sentence wins, and of equally long ones each has half the credit."""
    data = blimp(per_paradigm=40, folder=data_folder / "language" / "blimp", download=False)
    assert len(data.ids) == 2680
    outcome = MinimalPairs().run(Uniform(), data, Context(batch_size=512))
    assert outcome.problems == ()
    by_hand = []
    for good, bad in data.columns["choices"]:
        shorter = len(good.encode()) - len(bad.encode())
        by_hand.append(0.5 if shorter == 0 else float(shorter < 0))
    assert outcome.records["credit"] == by_hand
    paradigms = np.asarray(outcome.records["group.paradigm"])
    accuracies = [
        ChoiceAccuracy().estimate(Records.of({"credit": np.asarray(by_hand)[paradigms == name]})).value
        for name in sorted(set(paradigms))
    ]
    assert len(accuracies) == 67
    assert all(value is not None for value in accuracies)


@pytest.mark.slow
def test_the_whole_set_is_as_published(data_folder: Path) -> None:
    data = blimp(folder=data_folder / "language" / "blimp", download=False)
    assert set(Counter(data.groups["paradigm"]).values()) == {1000}
    phenomena = dict(zip(data.groups["paradigm"], data.groups["phenomenon"], strict=True))
    assert len(phenomena) == 67
    # Warstadt et al. 2020 speak of 12 phenomena; in the files one of them goes by two names.
    assert len(set(phenomena.values())) == 13
    assert set(data.groups["field"]) == {"morphology", "syntax", "semantics", "syntax_semantics"}
    same = [i for i, (good, bad) in zip(data.ids, data.columns["choices"], strict=True) if good == bad]
    assert len(same) == 7


def test_a_part_of_it_and_what_is_not_there(data_folder: Path, tmp_path: Path) -> None:
    data = blimp(["passive_1", "causative"], per_paradigm=2, folder=data_folder / "language" / "blimp")
    assert list(data.ids) == ["passive_1-000", "passive_1-001", "causative-000", "causative-001"]
    with pytest.raises(NotApplicable, match="no paradigm 'passive'; it has adjunct_island"):
        blimp(["passive"], folder=tmp_path)
    with pytest.raises(MissingData, match=r"adjunct_island\.jsonl is not there. Get it from"):
        blimp(folder=tmp_path, download=False)
