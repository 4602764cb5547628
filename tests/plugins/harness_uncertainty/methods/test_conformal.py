"""Split conformal prediction."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from anchors.small_networks import Network, points, splits, trained
from harness.api import Context, HarnessError, InvalidOutput, SetPredictor
from harness_uncertainty.methods.conformal import SplitConformal, class_scores, conformal_quantile, content_hashes
from harness_uncertainty.methods.temperature import TemperatureScaled


@pytest.mark.parametrize(
    ("n", "coverage", "k"), [(20, 0.9, 19), (9, 0.9, 9), (19, 0.95, 19), (180, 0.9, 163), (99, 0.5, 50)]
)
def test_coverage_is_exactly_k_of_n_plus_one(n: int, coverage: float, k: int) -> None:
    """Of n + 1 exchangeable scores each is equally likely to be the new one: count by leaving each out."""
    scores = torch.arange(n + 1, dtype=torch.float64)
    covered = 0
    for new in range(n + 1):
        others = torch.cat([scores[:new], scores[new + 1 :]])
        covered += float(scores[new]) <= conformal_quantile(others, coverage)
    assert Fraction(covered, n + 1) == Fraction(k, n + 1)
    assert k / (n + 1) >= coverage - 1e-12


def test_too_few_examples_cannot_promise_so_much() -> None:
    with pytest.raises(HarnessError, match=r"a coverage of 0.95 takes 19 examples for calibration; there are 18"):
        conformal_quantile(torch.zeros(18), 0.95)
    assert conformal_quantile(torch.arange(19.0), 0.95) == 18.0


def test_scores_by_hand() -> None:
    logits = torch.log(torch.tensor([[0.2, 0.7, 0.1]]))
    assert class_scores(logits, torch.tensor([0]), "lac")[0].tolist() == pytest.approx([0.8, 0.3, 0.9])
    # A hash of 0 is a share of one half.
    assert class_scores(logits, torch.tensor([0]), "aps")[0].tolist() == pytest.approx([0.7 + 0.1, 0.35, 0.9 + 0.05])
    lowest = class_scores(logits, torch.tensor([-(2**63)]), "aps")[0]
    assert lowest.tolist() == pytest.approx([0.7, 0.0, 0.9])


@pytest.mark.parametrize("score", ["lac", "aps"])
def test_sets_hold_the_truth_as_often_as_promised(score: str) -> None:
    """The interval of 4 standard errors takes in what the calibration set varies by."""
    data = splits(train=60, calibration=400, test=2000)
    model = SplitConformal(trained(steps=60), coverage=0.8, score=score)  # type: ignore[arg-type]
    model.fit(data, Context())
    test = data("test")
    sets = model.contains(points(test))
    labels = torch.as_tensor(test.take(range(2000))["labels"])
    covered = float(sets.gather(1, labels[:, None]).float().mean())
    assert covered == pytest.approx(0.8, abs=4 * (0.16 / 400 + 0.16 / 2000) ** 0.5)
    assert isinstance(model, SetPredictor)
    assert model.calibration_size == 400
    assert torch.equal(model(points(test)), model.model(points(test)))


def test_examples_for_calibration_may_not_be_measured() -> None:
    data = splits(train=60, calibration=30, test=30)
    model = SplitConformal(Network(), coverage=0.5)
    model.fit(data, Context())
    assert model.contains(points(data("test"))).shape == (30, 3)
    mixed = torch.cat([points(data("test"))[:5], points(data("calibration"))[:2]])
    with pytest.raises(InvalidOutput, match="2 of 7 examples are among those for calibration, the split 'calibration'"):
        model.contains(mixed)


def test_splits_may_not_overlap() -> None:
    data = splits(train=60, validation=30)
    with pytest.raises(HarnessError, match="60 examples of the calibration split 'train' are in 'train'"):
        SplitConformal(Network(), split="train").fit(data, Context())
    inner = TemperatureScaled(Network())
    with pytest.raises(HarnessError, match="are in 'validation', which the model was fitted on"):
        SplitConformal(inner, split="validation").fit(data, Context())


def test_state_goes_into_the_store_and_back_with_any_number_of_examples() -> None:
    data = splits(train=60, calibration=25)
    first, second = SplitConformal(Network(), coverage=0.5), SplitConformal(Network(seed=3), coverage=0.5)
    first.fit(data, Context())
    second.load_state_dict(first.state_dict())
    assert torch.equal(second.threshold, first.threshold)
    assert len(second.calibrated_on) == 25


def test_hashes_are_of_the_content() -> None:
    inputs = torch.randn(50, 1, 3, 3)
    found = content_hashes(inputs)
    assert torch.equal(content_hashes(inputs.clone()), found)
    assert len(found.unique()) == 50
