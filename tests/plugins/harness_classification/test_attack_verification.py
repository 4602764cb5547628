"""Does an attack keep to its threat, and does it fool the model? Offences just beyond round-off, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from harness.api import Context, InvalidOutput, LabelledInputs, Norm, Threat
from harness.api.instruments import CountedModel
from harness_classification.attack_verification import HARDEST, HardestExamples, verify_attack, views_given
from harness_classification.predictions import predict

PIXELS = 4
OFFENCE, ROUND_OFF = 1e-5, 5e-7
"""In units of the inputs: far less than any attack gains by, and the half of what is tolerated."""
EPS: dict[Norm, float] = {"linf": 0.1, "l2": 0.1, "l1": 0.1, "l0": 2.0}


def by_first_pixel(inputs: Tensor) -> Tensor:
    """Logits of two classes: class 1 where the first pixel is above one half."""
    first = inputs.flatten(1)[:, 0]
    return torch.stack([0.5 - first, first - 0.5], dim=1)


def examples(n: int = 1, value: float = 0.25, **how: Any) -> LabelledInputs:
    return LabelledInputs([f"e{i}" for i in range(n)], torch.full((n, 1, 2, 2), value), torch.zeros(n).long(), **how)


def moved(clean: LabelledInputs, norm: Norm, length: float) -> Tensor:
    """The inputs, each moved by an offset of this length in a norm, spread over the pixels that it takes."""
    offset = torch.zeros(len(clean), PIXELS, dtype=torch.float64)
    match norm:
        case "linf":
            offset[:] = length
        case "l2":
            offset[:] = length / PIXELS**0.5
        case "l1":
            offset[:] = length / PIXELS
        case "l0":
            offset[:, : round(length)] = 0.5
    return (clean.inputs.double() + offset.reshape(clean.inputs.shape)).float()


def outcome(clean: LabelledInputs, adversarial: Tensor, threat: Threat) -> tuple[dict[str, Any], tuple[str, ...]]:
    counted = CountedModel(by_first_pixel, 2, len(clean), "cpu")
    before = predict(counted, clean.inputs, clean.labels, 8)
    correct = before.prediction == clean.labels
    columns, problems, _ = verify_attack(counted, clean, clean.targets, adversarial, before, correct, threat, Context())
    return columns, problems


@pytest.mark.parametrize("norm", EPS)
def test_a_budget_left_by_a_hundred_thousandth_is_broken(norm: Norm) -> None:
    clean = examples()
    # A count has no hundred thousandth, so there it is the budget that is so much smaller.
    eps, length = (EPS[norm] - OFFENCE, EPS[norm]) if norm == "l0" else (EPS[norm], EPS[norm] + OFFENCE)
    columns, problems = outcome(clean, moved(clean, norm, length), Threat(norm, eps))
    assert columns[norm] == pytest.approx([length], abs=1e-7)
    assert columns["outcome"] == ["error"]
    assert columns["robust"] == columns["success"] == columns["adversarial_prediction"] == [None]
    assert len(problems) == 1
    assert "1 of 1 returned inputs break the rules, first 'e0'" in problems[0]
    assert f"{norm} distance up to " in problems[0]


@pytest.mark.parametrize("norm", EPS)
def test_round_off_beyond_a_budget_is_allowed(norm: Norm) -> None:
    clean = examples()
    eps, length = (EPS[norm] - ROUND_OFF, EPS[norm]) if norm == "l0" else (EPS[norm], EPS[norm] + ROUND_OFF)
    columns, problems = outcome(clean, moved(clean, norm, length), Threat(norm, eps))
    assert columns[norm][0] > eps
    assert problems == ()
    # Half a pixel more in the first of them, which the budget in l0 allows, makes it class 1.
    assert columns["outcome"] == (["fooled"] if norm == "l0" else ["robust"])


@pytest.mark.parametrize(("clean", "sign"), [(0.0, -1), (1.0, 1)], ids=["below", "above"])
def test_the_box_is_checked_to_a_hundred_thousandth(clean: float, sign: int) -> None:
    batch = examples(value=clean)
    batch.labels.fill_(int(clean))
    threat = Threat("linf", 0.1)
    columns, problems = outcome(batch, batch.inputs + sign * OFFENCE, threat)
    assert columns["outcome"] == ["error"]
    assert problems[0].endswith("outside the box [0, 1]")
    columns, problems = outcome(batch, batch.inputs + sign * ROUND_OFF, threat)
    assert (columns["outcome"], problems) == (["robust"], ())


def test_the_box_is_that_of_the_data() -> None:
    clean = examples(value=-0.9, low=-1.0, high=3.0)
    columns, problems = outcome(clean, clean.inputs + 3.85, Threat(None, None))
    assert (columns["outcome"], problems) == (["fooled"], ())
    _, problems = outcome(clean, clean.inputs - 0.2, Threat(None, None))
    assert problems[0].endswith("outside the box [-1, 3]")


def test_a_minimal_attack_beyond_its_budget_has_not_fooled_and_breaks_nothing() -> None:
    clean = examples(value=0.45)
    for beyond, fooled in ((OFFENCE, False), (ROUND_OFF, True)):
        columns, problems = outcome(clean, moved(clean, "linf", 0.1 + beyond), Threat("linf", 0.1, minimal=True))
        assert problems == ()
        assert columns["success"] == [fooled]
        assert columns["outcome"] == ["fooled" if fooled else "robust"]
        # What the model says there is kept, whatever it counts for.
        assert columns["adversarial_prediction"].tolist() == [1]


def test_only_what_the_clean_model_gets_right_is_attacked() -> None:
    clean = examples(n=3)
    clean.labels[1] = 1
    columns, _ = outcome(clean, clean.inputs + 0.5, Threat("linf", 0.5))
    assert columns["outcome"] == ["fooled", "clean_wrong", "fooled"]
    assert columns["success"] == [True, None, True]
    assert columns["robust"].tolist() == [False, False, False]


def test_a_target_must_be_reached() -> None:
    clean = LabelledInputs(["a"], torch.full((1, 1, 2, 2), 0.25), torch.tensor([0]), torch.tensor([2]))

    def three(inputs: Tensor) -> Tensor:
        first = inputs.flatten(1)[:, 0]
        return torch.stack([0.5 - first, first - 0.5, first - 0.6], dim=1)

    counted = CountedModel(three, 3, 1, "cpu")
    before = predict(counted, clean.inputs, clean.labels, 8)
    threat = Threat("linf", 0.5, targeted=True)
    columns, _, _ = verify_attack(
        counted, clean, clean.targets, clean.inputs + 0.5, before, before.valid, threat, Context()
    )
    # It is class 1 now, which is wrong but not what was asked for.
    assert columns["adversarial_prediction"].tolist() == [1]
    assert columns["target"].tolist() == [2]
    assert columns["outcome"] == ["robust"]


def test_what_is_not_finite_is_neither_fooled_nor_robust() -> None:
    clean = examples(n=2)
    adversarial = clean.inputs.clone()
    adversarial[1, 0, 1, 1] = torch.nan
    columns, problems = outcome(clean, adversarial, Threat("linf", 0.1))
    assert columns["outcome"] == ["robust", "error"]
    assert columns["linf"] == [0.0, None]
    assert problems == ("1 of 2 adversarial outputs are not finite, first for example 'e1'",)


def test_the_hardest_are_the_fooled_ones_that_the_model_is_surest_of() -> None:
    n = HARDEST + 2
    clean = examples(n=n)
    columns = {
        "success": [False, *[True] * (n - 1)],
        "adversarial_confidence": [0.99, *[0.5 + i / 100 for i in range(n - 1)]],
    }
    columns["adversarial_confidence"][1] = 0.58
    hardest = HardestExamples()
    assert hardest.arrays() == {}
    hardest.add(0, clean, clean.inputs + 1, columns)
    kept = hardest.arrays()
    # Confidences .58 .51 .52 ... .58: of equals the first by its id, the unsure second is left out.
    assert kept["hardest_rows"].tolist() == [1, 9, 8, 7, 6, 5, 4, 3]
    assert kept["hardest_clean"].shape == (HARDEST, 1, 2, 2)
    assert (kept["hardest_adversarial"] == 1.25).all()
    # More examples, of which one is surer and one as sure as the first.
    later = LabelledInputs(["f0", "e00"], torch.full((2, 1, 2, 2), 0.5), torch.zeros(2).long())
    hardest.add(n, later, later.inputs, {"success": [True] * 2, "adversarial_confidence": [0.9, 0.58]})
    assert hardest.arrays()["hardest_rows"].tolist() == [10, 11, 1, 9, 8, 7, 6, 5]
    assert (hardest.arrays()["hardest_adversarial"][:2] == 0.5).all()


class Lifted:
    """Views of an input; every other one is lifted by one half, which makes it class 1."""

    views = 4

    def view(self, inputs: Tensor, batch: LabelledInputs, draw: int, ctx: Context) -> Tensor:
        return inputs + 0.5 * (draw % 2)


def test_views_are_counted_by_what_the_model_makes_of_them() -> None:
    clean = examples(n=2)
    counted = CountedModel(by_first_pixel, 2, 2, "cpu")
    attacked = torch.tensor([True, False])
    columns = views_given(counted, Lifted(), clean, None, clean.inputs + 0.5, attacked, Context())  # type: ignore[arg-type]
    # The attacked one is class 1 in all four views, the clean one in two of four; what was not attacked is unknown.
    assert {name: column[0] for name, column in columns.items()} == {
        "views": 4,
        "views_true": 0,
        "views_target": None,
        "views_other": 4,
        "clean_views_true": 2,
    }
    assert {column[1] for column in columns.values()} == {None}


def test_views_that_are_not_finite_are_refused() -> None:
    class Broken(Lifted):
        def view(self, inputs: Tensor, batch: LabelledInputs, draw: int, ctx: Context) -> Tensor:
            return inputs * torch.nan

    counted = CountedModel(by_first_pixel, 2, 1, "cpu")
    with pytest.raises(InvalidOutput, match="views of attack Broken are not finite or of another shape"):
        views_given(counted, Broken(), examples(), None, examples().inputs, torch.tensor([True]), Context())  # type: ignore[arg-type]
