"""Errors of automatic captions by gender (Tatman 2017): the published means, and whether speakers resolve the gap."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.api import Records
from harness_fairness.data.published_tables import captions as captions_of
from harness_fairness.metrics.transcripts import Wer, WerGap


@pytest.fixture(scope="module")
def captions(data_folder: Path) -> Records:
    data = captions_of(data_folder / "bias")
    groups = {f"group.{name}": column for name, column in data.groups.items()}
    return Records.of({"id": data.ids, **data.columns, **groups})


@pytest.mark.parametrize(("gender", "published"), [("F", 0.527), ("M", 0.392)])
def test_the_mean_error_of_a_speaker(captions: Records, gender: str, published: float) -> None:
    mine = captions.where(captions["group.Gen"] == gender)
    assert len(mine) == 40
    assert round(Wer(average="utterance").estimate(mine).value or 0, 3) == published


def test_the_gap_between_women_and_men_is_resolved_by_speaker(captions: Records) -> None:
    """Of the corpus, .524 against .394: the interval excludes 0 with each of the 80 rows one speaker."""
    gap = WerGap("Gen").estimate(captions)
    assert gap.value == pytest.approx(0.1300, abs=1e-4)
    assert gap.low == pytest.approx(0.053, abs=2e-3)
    assert gap.p is not None
    assert gap.p < 0.01


def test_dialects_differ_less_clearly(captions: Records) -> None:
    gap = WerGap("State").estimate(captions)
    assert gap.null == pytest.approx(0.107, abs=5e-3)
    assert gap.value == pytest.approx(0.2085, abs=1e-4)
