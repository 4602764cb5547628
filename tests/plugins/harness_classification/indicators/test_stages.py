"""A stage without gradients that fools more than is noise raises a doubt, as AutoAttack's reference code warns."""

from __future__ import annotations

import pytest

from harness.api import Threat
from harness_classification.indicators.stages import late_finds, stage_of_each


class Stages:
    """An attack in which `first` follows gradients and `last` does not."""

    threat = Threat("linf", 0.1)
    without_gradients = ("last",)

    def __init__(self, **fooled_by: str) -> None:
        self.fooled_by = fooled_by

    def perturb(self, model: object, batch: object, ctx: object) -> None:
        return None


class Plain:
    threat = Threat("linf", 0.1)


def test_only_successes_that_the_task_confirmed_are_booked_to_a_stage() -> None:
    attack = Stages(a="first", b="last", c="first")
    found = stage_of_each(attack, list("abcde"), [True, True, False, False, None])  # type: ignore[arg-type]
    assert found == ["first", "last", "none", "none", None]
    assert stage_of_each(Plain(), ["a"], [True]) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(("attacked", "noise"), [(60, 2), (360, 4), (10000, 34)])
def test_two_in_a_thousand_are_usual_and_three_deviations_more_are_noise(attacked: int, noise: int) -> None:
    def doubt(late: int) -> str:
        stages = ["last"] * late + ["first"] * 10 + ["none"] * (attacked - late - 10)
        return late_finds(Stages(), stages, attacked)  # type: ignore[arg-type]

    assert doubt(noise) == ""
    assert doubt(noise + 1) == f"last fooled {noise + 1} of {attacked - 10} survivors of the other stages (first 10)"
