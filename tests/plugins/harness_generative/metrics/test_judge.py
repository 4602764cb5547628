"""What the judge sees: values by hand, intervals at the boundaries, and coverage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import scipy.stats

from harness.api import InvalidOutput, Records
from harness_generative.metrics.class_entropy import entropy_by_coverage, jackknifed
from harness_generative.metrics.judge import ConditionAccuracy, InceptionScore, ModeCoverage, ModeEntropy


def judged(values: list[int | None] | npt.NDArray[Any], classes: int = 10) -> Records:
    return Records.of({"judged": values}, classes=[str(i) for i in range(classes)])


def with_shares(folder: Path, shares: npt.NDArray[np.floating[Any]]) -> Records:
    (folder / "artifacts").mkdir(exist_ok=True)
    np.save(folder / "artifacts" / "judge_probabilities.npy", shares.astype(np.float32))
    return Records(pa.table({"judged": shares.argmax(axis=1)}), {}, folder)


def test_the_inception_score_by_hand(tmp_path: Path) -> None:
    """Sure and even: the number of classes. Unsure: 1. Half sure of one of two: exp(log 2 - H(3/4))."""
    assert InceptionScore().estimate(with_shares(tmp_path, np.eye(4)[[0, 1, 2, 3] * 5])).value == pytest.approx(4)
    unsure = InceptionScore().estimate(with_shares(tmp_path, np.full((9, 4), 0.25)))
    assert unsure.value == pytest.approx(1)
    assert unsure.low == pytest.approx(1)
    some = InceptionScore(debiased=False).estimate(with_shares(tmp_path, np.array([[0.75, 0.25], [0.25, 0.75]] * 10)))
    assert some.value == pytest.approx(2 * np.exp(0.75 * np.log(0.75) + 0.25 * np.log(0.25)), rel=1e-6)


def test_the_inception_score_against_its_definition(tmp_path: Path) -> None:
    shares = np.random.default_rng(0).dirichlet(np.full(6, 0.3), size=70)
    published = InceptionScore(debiased=False)
    found = published.estimate(with_shares(tmp_path, shares))
    divergences = scipy.stats.entropy(shares, np.broadcast_to(shares.mean(axis=0), shares.shape), axis=1)
    assert found.value == pytest.approx(np.exp(divergences.mean()), rel=1e-5)
    left = [published.estimate(with_shares(tmp_path, np.delete(shares, i, axis=0))).value for i in range(70)]
    logs = np.log(np.array(left, dtype=float))
    reach = 1.959964 * np.sqrt(69 * logs.var())
    assert np.log([found.low, found.high]) == pytest.approx(np.log(found.value) + np.array([-reach, reach]), rel=1e-3)
    # The value that is printed is the one in the middle of its interval, unless classes may have been missed.
    centre = 70 * np.log(found.value) - 69 * logs.mean()
    free = InceptionScore().estimate(with_shares(tmp_path, shares))
    assert np.log(free.value) == pytest.approx(centre, rel=1e-4)
    assert free.low is not None
    assert free.high is not None
    assert np.log(free.low) <= centre - reach + 1e-5
    assert np.log(free.high) >= centre + reach - 1e-5
    assert 1 <= free.low < free.value < free.high <= 6


def test_the_inception_score_of_many_classes_is_freed_of_its_bias(tmp_path: Path) -> None:
    """Sure predictions of 100 equal classes are worth 100; 400 samples show about 88 of it as it is published."""
    drawn = np.random.default_rng(1).integers(0, 100, 400)
    records = with_shares(tmp_path, np.eye(100)[drawn])
    published, found = InceptionScore(debiased=False).estimate(records), InceptionScore().estimate(records)
    assert published.value is not None
    assert found.value is not None
    assert published.value < 91
    assert 97 < found.value <= 100
    assert found.high == pytest.approx(100)


def test_the_inception_score_refuses_what_are_no_probabilities(tmp_path: Path) -> None:
    for shares in (np.full((3, 2), 0.4), np.full((3, 2), np.nan), np.array([[1.5, -0.5]] * 3)):
        with pytest.raises(InvalidOutput, match="shares that add up to 1"):
            InceptionScore().estimate(with_shares(tmp_path, shares))
    assert "at least 2" in InceptionScore().estimate(with_shares(tmp_path, np.eye(2)[:1])).reason


def test_mode_coverage_counts_classes() -> None:
    records = judged([0, 0, 0, 1, None, 3], classes=4)
    found = ModeCoverage().estimate(records)
    assert (found.value, found.n, found.n_missing) == (0.75, 5, 1)
    assert ModeCoverage(least=2).estimate(records).value == 0.25
    with pytest.raises(ValueError, match="least is 0"):
        ModeCoverage(least=0)
    with pytest.raises(InvalidOutput, match="named class 4; there are 4"):
        ModeCoverage().estimate(judged([4], classes=4))


def test_mode_coverage_is_never_sure_that_a_class_is_not_made() -> None:
    """None of 200 samples: a class of 1.9 % may look so, and another 200 would hit it with .97."""
    found = ModeCoverage().estimate(judged([0] * 200, classes=2))
    high = 1 - (1 - 3.8415 / 203.8415) ** 200
    assert found.value == found.low == 0.5
    assert found.high == pytest.approx((1 + high) / 2, abs=1e-4)


def test_mode_coverage_of_many_classes_says_something() -> None:
    """The bound by classes hit once: f1 of them, so no farther than 1.96 sqrt(f1 + 1) of 1,000."""
    drawn = np.random.default_rng(0).integers(0, 1000, 1000)
    once = int((np.bincount(drawn, minlength=1000) == 1).sum())
    found = ModeCoverage().estimate(judged(drawn, classes=1000))
    hit = len(set(drawn.tolist())) / 1000
    reach = 1.959964 * (once + 1) ** 0.5 / 1000
    assert (found.value, found.low, found.high) == pytest.approx((hit, hit - reach, hit + reach))
    assert found.low is not None
    assert found.high is not None
    assert found.low < 1 - (1 - 1 / 1000) ** 1000 < found.high


def test_mode_entropy_minds_classes_that_were_missed() -> None:
    """1,000 equal classes and as many samples: the truth is 1, the jackknife alone ends at .98."""
    for seed in range(3):
        found = ModeEntropy().estimate(judged(np.random.default_rng(seed).integers(0, 1000, 1000), classes=1000))
        assert found.high == pytest.approx(1)


def test_the_entropy_by_coverage_by_hand() -> None:
    """Chao & Shen 2003, equation 8, written out for counts 3, 1, 1, 0: the share of classes seen is 1 - 2/5."""
    by_hand = 0.0
    for count in (3, 1, 1):
        p = 0.6 * count / 5
        by_hand -= p * np.log(p) / (1 - (1 - p) ** 5)
    assert entropy_by_coverage(np.array([3, 1, 1, 0])) == pytest.approx((by_hand, 2**0.5 / 5))


def test_the_jackknife_of_counts_leaves_out_one_draw_at_a_time() -> None:
    counts = np.array([3, 1, 2, 0])
    draws = np.repeat(np.arange(4), counts)
    left = [scipy.stats.entropy(np.bincount(np.delete(draws, i), minlength=4)) for i in range(6)]
    centre = 6 * scipy.stats.entropy(counts) - 5 * np.mean(left)
    reach = 1.959964 * (5 / 6 * np.square(left - np.mean(left)).sum()) ** 0.5
    assert jackknifed(counts) == pytest.approx((centre - reach, centre + reach), rel=1e-5)


def test_mode_entropy_by_hand() -> None:
    even = ModeEntropy().estimate(judged([0, 1, 2, 3] * 25, classes=4))
    assert even.value == pytest.approx(1)
    assert even.high == pytest.approx(1)
    half = ModeEntropy().estimate(judged([0, 1] * 50, classes=4))
    assert half.value == pytest.approx(0.5)
    one = ModeEntropy().estimate(judged([2] * 100, classes=4))
    share = 3.8415 / 103.8415
    widest = (scipy.stats.entropy([share, 1 - share]) + share * np.log(3)) / np.log(4)
    assert (one.value, one.low) == (0, 0)
    assert one.high == pytest.approx(widest, abs=1e-4)
    assert "only one class" in ModeEntropy().estimate(judged([0, 0], classes=1)).reason
    assert "at least 2" in ModeEntropy().estimate(judged([0])).reason


def test_condition_accuracy_of_the_class_and_of_an_attribute() -> None:
    columns = {
        "correct_condition": [True, False, True, None],
        "asked.count": [1, 2, 2, 1],
        "judged.count": [1, 2, 1, None],
    }
    records = Records.of(columns)
    for metric, expected in ((ConditionAccuracy(), [1, 0, 1]), (ConditionAccuracy("count"), [1, 1, 0])):
        found, each = metric.estimate(records), metric.per_example(records)
        assert found.value == pytest.approx(2 / 3)
        assert (found.n, found.n_missing, found.method) == (3, 1, "wilson")
        assert each[:3].tolist() == expected
        assert np.isnan(each[3])
    assert ConditionAccuracy.columns == ("correct_condition",)
    assert ConditionAccuracy("count").columns == ("asked.count", "judged.count")


def test_condition_accuracy_of_one_group() -> None:
    """Of five rows, the group that was seen holds three: right, wrong and one without a verdict."""
    columns = {
        "correct_condition": [True, False, True, None, True],
        "group.seen": [True, True, False, True, False],
        "group.kind": ["one", "alike", "one", "one", "alike"],
    }
    records = Records.of(columns)
    for group, member, value, n, n_missing in (
        ("seen", True, 1 / 2, 2, 1),
        ("seen", False, 1, 2, 0),
        ("kind", "one", 1, 2, 1),
        ("kind", "alike", 1 / 2, 2, 0),
    ):
        metric = ConditionAccuracy(group=group, member=member)
        assert metric.columns == ("correct_condition", f"group.{group}")
        found = metric.estimate(records)
        assert (found.value, found.n, found.n_missing) == (pytest.approx(value), n, n_missing)
    each = ConditionAccuracy(group="seen", member=False).per_example(records)
    assert np.isnan(each).tolist() == [True, True, False, True, False]
    assert each[[2, 4]].tolist() == [1, 1]
    assert ConditionAccuracy(group="kind", member="none of them").estimate(records).value is None


SHARES = {
    "even": np.full(10, 0.1),
    "uneven": np.arange(1, 11) / 55,
    "three lost": np.r_[np.full(7, 1 / 7), 0, 0, 0],
    "nearly one": np.r_[0.99, np.full(9, 0.01 / 9)],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SHARES)
def test_coverage(name: str, tmp_path: Path) -> None:
    """Nominal 95 %, 150 repeats of 100 samples: an honest interval covers at least .91 in 99 of 100 runs."""
    shares, n = SHARES[name], 100
    entropy = scipy.stats.entropy(shares) / np.log(10)
    hit = float(scipy.stats.binom.sf(0, n, shares).mean())
    sure = np.full((10, 10), 0.02) + 0.8 * np.eye(10)
    score = np.exp(scipy.stats.entropy(shares @ sure) - scipy.stats.entropy(sure[0]))
    covered = np.zeros(3)
    for repeat in range(150):
        drawn = np.random.default_rng([repeat, n]).choice(10, n, p=shares)
        estimates = [
            ModeEntropy().estimate(judged(drawn)),
            ModeCoverage().estimate(judged(drawn)),
            InceptionScore().estimate(with_shares(tmp_path, sure[drawn])),
        ]
        for which, (found, truth) in enumerate(zip(estimates, (entropy, hit, score), strict=True)):
            assert found.low is not None
            assert found.high is not None
            covered[which] += found.low - 1e-6 <= truth <= found.high + 1e-6
    assert (covered / 150 >= 0.91).all(), covered / 150
