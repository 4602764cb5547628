"""Confidence and detection against published figures, scikit-learn, exact counts and measured coverage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy import special, stats
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score, roc_curve

from bin_totals import BinTotals
from harness import Run
from harness.api import Context, Examples, Metric, Records
from harness_classification.detect import Detect
from harness_uncertainty.metrics.calibration import ECE, ClasswiseECE, ECENull
from harness_uncertainty.metrics.detection import FPR95, OODAupr, OODAuroc
from harness_uncertainty.metrics.scores import BrierPart, MulticlassBrier
from harness_uncertainty.metrics.selective import AccuracyAtCoverage
from harness_vision.published import published

Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator], Records]


def scored(inside: Floats, outside: Floats) -> Records:
    source = ["in"] * len(inside) + ["out"] * len(outside)
    scores = np.concatenate([inside, outside])
    return Records.of({"id": [str(i) for i in range(len(scores))], "source": source, "score.max_softmax": scores})


def confident(confidence: Floats, correct: npt.NDArray[np.bool_]) -> Records:
    return Records.of({"id": [str(i) for i in range(len(correct))], "confidence": confidence, "correct": correct})


def labelled(probabilities: Floats, labels: npt.NDArray[np.int64]) -> Records:
    given = {"id": [str(i) for i in range(len(labels))], "label": labels, "probabilities": list(probabilities)}
    return Records.of(given)


def coverage(metric: Metric, draw: Draw, truth: float, times: int) -> float:
    rng = np.random.default_rng(0)
    found = [metric.estimate(draw(rng)) for _ in range(times)]
    return float(np.mean([e.low <= truth <= e.high for e in found]))  # type: ignore[operator]


def test_lenet_on_cifar10_from_its_published_softmax_outputs(data_folder: Path, run: Callable[..., Run]) -> None:
    """EFS-OpenSource/calibration-framework: accuracy .5308, ECE with 10 bins .1079."""
    path = data_folder / "uncertainty" / "lenet-5-cifar-10.npz"
    suite = f"""
suite: lenet
task: from_scores
data: {{use: saved_probabilities, with: {{path: {path}, holds: probabilities, labels: ground_truth}}}}
metrics: [accuracy, {{use: ece, with: {{bins: 10}}}}, multiclass_brier, nll]
"""
    (row,) = run(suite).rows
    assert row.reason == ""
    assert row.estimates["accuracy"].value == 0.5308
    assert row.estimates["ece"].value == pytest.approx(0.1079, abs=5e-5)
    raw = np.load(path)
    distances = (raw["predictions"] - np.eye(10)[raw["ground_truth"]]) ** 2
    assert row.estimates["multiclass_brier"].value == pytest.approx(distances.sum(1).mean(), rel=1e-5)


@pytest.mark.parametrize("positive", ["out", "in"])
def test_detection_against_scikit_learn(positive: str) -> None:
    rng = np.random.default_rng(0)
    inside, outside = rng.normal(0, 1, 300).round(1), rng.normal(1.2, 1.5, 200).round(1)
    given = scored(inside, outside)
    truth = np.concatenate([np.zeros(300), np.ones(200)]) == (positive == "out")
    score = np.concatenate([inside, outside]) * (1 if positive == "out" else -1)
    alarms, found, _ = roc_curve(truth, score, drop_intermediate=False)
    assert OODAuroc(positive=positive).estimate(given).value == pytest.approx(roc_auc_score(truth, score))  # type: ignore[arg-type]
    expected = average_precision_score(truth, score)
    assert OODAupr(positive=positive).estimate(given).value == pytest.approx(expected)  # type: ignore[arg-type]
    first = alarms[np.argmax(found >= 0.95)]
    assert FPR95(positive=positive).estimate(given).value == pytest.approx(first)  # type: ignore[arg-type]


def test_the_area_of_two_gaussians_is_a_closed_form() -> None:
    rng = np.random.default_rng(1)
    found = OODAuroc().estimate(scored(rng.normal(0, 1, 40_000), rng.normal(1, 1, 40_000)))
    assert found.value == pytest.approx(stats.norm.cdf(1 / np.sqrt(2)), abs=0.005)


def test_brier_against_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    probabilities, labels = rng.dirichlet([1, 2, 3], 500), rng.integers(3, size=500)
    expected = sum(brier_score_loss(labels == k, probabilities[:, k]) for k in range(3))
    assert MulticlassBrier().estimate(labelled(probabilities, labels)).value == pytest.approx(expected)


def test_parts_of_the_brier_score_of_a_known_world() -> None:
    """Forecasts .2 and .7 of events that happen at .3 and .6: reliability .01 for each class, resolution .0225."""
    rng = np.random.default_rng(3)
    low = rng.random(200_000) < 0.5
    happens = rng.random(200_000) < np.where(low, 0.3, 0.6)
    forecast = np.where(low, 0.2, 0.7)
    given = labelled(np.stack([1 - forecast, forecast], axis=1), happens.astype(np.int64))
    for part, expected in (("reliability", 0.02), ("resolution", 0.045), ("uncertainty", 2 * 0.45 * 0.55)):
        found = BrierPart(part).estimate(given)  # type: ignore[arg-type]
        assert found.low <= expected <= found.high  # type: ignore[operator]
        assert found.value == pytest.approx(expected, abs=0.002)


@pytest.mark.extended
def test_calibration_error_of_a_hundred_million_rows_is_exact() -> None:
    """Float32 is 21 % off here. Confidences are multiples of 1 / 1024, so that float64 sums have no rounding at all."""
    block = 10_000_000
    step = np.arange(block) % 1024
    confidence, correct = step / 1024, (np.arange(block) // 1024) % 4 == 0
    totals = BinTotals(bins=16)
    for _ in range(10):
        totals.add(confidence, correct)
    expected = 0
    for b in range(16):
        own = step // 64 == b
        expected += abs(int(correct[own].sum()) * 1024 - int(step[own].sum()))
    assert totals.counts.sum() == 100_000_000
    assert totals.error == expected / 1024 / block


@pytest.mark.extended
def test_perfect_calibration_lies_within_its_null() -> None:
    """400 draws of 300 answers: the error lies in the interval of the null in 93 to 97 %; that of the error holds 0."""
    rng = np.random.default_rng(4)
    inside, holds_none = 0, 0
    for _ in range(400):
        confidence = rng.beta(5, 2, 300)
        given = confident(confidence, rng.random(300) < confidence)
        value, null = ECE().estimate(given), ECENull().estimate(given)
        inside += null.low <= value.value <= null.high  # type: ignore[operator]
        holds_none += value.low == 0.0
    assert 0.93 <= inside / 400 <= 0.97
    assert holds_none / 400 >= 0.95


@pytest.mark.parametrize(("n", "b"), [(50, 2), (300, 1)])
def test_coverage_of_the_accuracy_at_a_coverage(n: int, b: int) -> None:
    def draw(rng: np.random.Generator) -> Records:
        confidence = rng.beta(6, b, n)
        return confident(confidence, rng.random(n) < confidence)

    grid = np.linspace(stats.beta.ppf(0.2, 6, b), 1, 10_001)
    truth = float(np.trapezoid(grid * stats.beta.pdf(grid, 6, b), grid) / 0.8)
    assert 0.92 <= coverage(AccuracyAtCoverage(0.8), draw, truth, 400) <= 0.99


@pytest.mark.extended
@pytest.mark.parametrize("sharper", [1.3, 2.0])
def test_coverage_of_classwise_errors_and_reliability(sharper: float) -> None:
    """A model whose logits are too large by this factor."""

    def world(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
        logits = 2 * rng.standard_normal((n, 4))
        return special.softmax(logits, axis=1), special.softmax(sharper * logits, axis=1)

    def draw(rng: np.random.Generator) -> Records:
        true, said = world(rng, 500)
        return labelled(said, (rng.random((500, 1)) > np.cumsum(true, 1)[:, :-1]).sum(1))

    true, said = world(np.random.default_rng(6), 400_000)
    error, reliability = 0.0, 0.0
    for k in range(4):
        for bins, part in ((15, "error"), (10, "reliability")):
            of_row = np.minimum((said[:, k] * bins).astype(int), bins - 1)
            count = np.maximum(np.bincount(of_row, minlength=bins), 1)
            gap = np.bincount(of_row, said[:, k] - true[:, k], bins)
            if part == "error":
                error += float(np.abs(gap).sum()) / 400_000 / 4
            else:
                reliability += float((gap**2 / count).sum()) / 400_000
    assert coverage(ClasswiseECE(), draw, error, 120) >= 0.86
    assert coverage(BrierPart("reliability"), draw, reliability, 120) >= 0.90


METHODS = """
suite: shifted
task: classify
data:
  - {use: digits, with: {split: held_out}}
  - use: corrupted
    with: {dataset: {use: digits, with: {split: held_out}}, severity: 4}
    sweep: {kind: [noise, blur, rotation]}
models:
  - {use: digit_mlp, as: single, with: {epochs: 15}}
  - {use: deep_ensemble, as: ensemble, with: {members: 5, model: {use: digit_mlp, with: {epochs: 15}}}}
metrics: [accuracy, nll]
"""


@pytest.mark.extended
def test_an_ensemble_is_likelier_under_shift_than_a_single_network(run: Callable[..., Run]) -> None:
    """Ovadia et al. 2019. The difference of losses example by example, three corruptions at severity 4."""
    done = run(METHODS)
    for row in done.rows:
        assert row.reason == ""
    for kind in ("noise", "blur", "rotation"):
        data = f"corrupted kind={kind}"
        losses = [
            done.records(done.row(model=model, data=data)).floats("clean_loss") for model in ("single", "ensemble")
        ]
        saved = losses[0] - losses[1]
        assert saved.mean() > 3 * saved.std() / np.sqrt(len(saved)), kind


SCALED = """
suite: scaled
task: classify
data: {use: digits, with: {split: test}}
models:
  - {use: digit_mlp, as: plain, with: {epochs: 150}, trained_on: {use: digits, limit: 150}}
  - use: temperature_scaled
    as: scaled
    with: {model: {use: digit_mlp, with: {epochs: 150}, trained_on: {use: digits, limit: 150}}}
metrics: [accuracy, ece, nll]
"""


def test_temperature_scaling_mends_a_sure_network_and_changes_no_prediction(run: Callable[..., Run]) -> None:
    """Trained on 150 images until it is right about each of them."""
    done = run(SCALED)
    plain, scaled = (done.row(model=name) for name in ("plain", "scaled"))
    assert [row.reason for row in done.rows] == [""] * 2
    verdicts = [done.records(row) for row in (plain, scaled)]
    assert np.array_equal(verdicts[0]["clean_prediction"], verdicts[1]["clean_prediction"])
    assert plain.estimates["accuracy"] == scaled.estimates["accuracy"]
    assert scaled.estimates["ece"].value < plain.estimates["ece"].value - 0.01  # type: ignore[operator]
    assert scaled.estimates["nll"].value < plain.estimates["nll"].value  # type: ignore[operator]


@pytest.mark.extended
def test_cifar100_before_a_network_for_cifar10(data_folder: Path) -> None:
    """Maximum softmax AUROC about .86 on the full sets; here 2,000 and 1,000 images."""
    own = np.load(data_folder / "robustness" / "cifar10" / "cifar10_test_official_order.npz")["x"][:2000]
    other = np.load(data_folder / "uncertainty" / "cifar100_test_sub1000.npz")["x"]
    model = published("resnet20", download=False)
    sets = []
    for name, images in (("own", own), ("other", other)):
        inputs = images.transpose(0, 3, 1, 2).astype(np.float32) / 255
        sets.append(Examples([f"{name}{i}" for i in range(len(inputs))], {"inputs": inputs}))
    outcome = Detect(sets[1]).run(model.eval(), sets[0], Context(batch_size=250))
    found = OODAuroc().estimate(Records.of(outcome.records))
    assert found.value == pytest.approx(0.86, abs=0.015)
    assert found.low <= 0.86 <= found.high  # type: ignore[operator]
