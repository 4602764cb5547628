"""Shares of the stages of an attack, on records written out by hand."""

from __future__ import annotations

from harness.api import Records, proportion
from harness_adversarial.metrics.stage_shares import StageShare


def test_a_stage_has_the_share_of_the_attacked_examples_that_it_fooled() -> None:
    records = Records.of(
        {
            "id": list("abcdef"),
            "success": [None, True, True, True, False, False],
            "fooled_by": [None, "apgd-ce", "apgd-ce", "square", "none", "none"],
        }
    )
    assert StageShare("apgd-ce").estimate(records) == proportion(2, 5)
    assert StageShare("square").estimate(records) == proportion(1, 5)
    assert StageShare("fab-t").estimate(records) == proportion(0, 5)


def test_other_attacks_have_no_stages() -> None:
    estimate = StageShare().estimate(Records.of({"id": ["a"], "success": [True]}))
    assert estimate.value is None
    assert "no stages" in estimate.reason
