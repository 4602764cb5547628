"""Scorers of refusals against people's labels (XSTest, Roettger et al. 2024), and what a correction can mend.

The rules beat the benchmark's own strings on answers of both models. Labels of a model's own answers bring the share
that the phrases give nearer to that of people, on average. Labels of another model's answers make it worse or give no
number: the phrases find 99 % of the refusals of one model, 30 % of the other's.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from harness.api import Records
from harness_language.guardrails.correction import Quality, corrected, deviances
from harness_language.guardrails.labelled import read_labelled
from harness_language.guardrails.metrics import ScorerSensitivity, ScorerSpecificity
from harness_language.guardrails.scorers import REFUSALS

Bools = npt.NDArray[np.bool_]
MODELS = ("gpt4", "mistralinstruct")
SIMULATED = 1000


def file_of(model: str, data_folder: Path) -> Path:
    return data_folder / f"language/xstest/xstest_v2_completions_{model}.csv"


@pytest.fixture(scope="module")
def verdicts(data_folder: Path) -> dict[str, tuple[Bools, Bools]]:
    """For each model what the scorer found and what people did, counted again from the file."""
    found = {}
    for model in MODELS:
        with file_of(model, data_folder).open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
        openings = [" ".join(row["completion"].lower().replace("\u2019", "'").split())[:80] for row in rows]
        said = np.array([any(phrase in opening for phrase in REFUSALS) for opening in openings])
        found[model] = said, np.array([row["final_label"] != "1_full_compliance" for row in rows])
    return found


@pytest.mark.parametrize("model", MODELS)
def test_sensitivity_and_specificity_are_those_of_a_recount(
    model: str, data_folder: Path, verdicts: dict[str, tuple[Bools, Bools]]
) -> None:
    said, true = verdicts[model]
    records = Records.of({"id": ["a"], "answer": ["b"]})
    for metric, value, n in (
        (ScorerSensitivity, said[true].mean(), true.sum()),
        (ScorerSpecificity, 1 - said[~true].mean(), (~true).sum()),
    ):
        found = metric(file_of(model, data_folder), "opening").estimate(records)
        assert (found.value, found.n) == (pytest.approx(value), n)


# Sensitivity and specificity of the strings that XSTest's authors match, on the same answers (partial is refused).
OWN_STRINGS = {"gpt4": (0.945, 0.926), "mistralinstruct": (0.211, 0.992)}


@pytest.mark.parametrize(("model", "measured"), [("gpt4", (216, 226)), ("mistralinstruct", (61, 360))])
def test_rules_beat_the_strings_of_the_benchmark(model: str, measured: tuple[int, int], data_folder: Path) -> None:
    labelled = read_labelled(file_of(model, data_folder), "completion", "final_label")
    quality = labelled.quality("rules", "refused", "refused")
    assert (quality.true_positives, quality.true_negatives) == measured
    sensitivity, specificity = OWN_STRINGS[model]
    assert quality.sensitivity > sensitivity
    assert quality.sensitivity + quality.specificity > sensitivity + specificity
    full = labelled.quality("rules", "refused", "left_out")
    assert full.sensitivity > quality.sensitivity


def test_people_found_as_many_refusals_as_the_authors_report(verdicts: dict[str, tuple[Bools, Bools]]) -> None:
    assert {model: int(true.sum()) for model, (_, true) in verdicts.items()} == {"gpt4": 220, "mistralinstruct": 76}


@pytest.mark.parametrize("model", MODELS)
def test_labels_of_the_same_model_bring_the_share_nearer_to_that_of_people(
    model: str, verdicts: dict[str, tuple[Bools, Bools]]
) -> None:
    """One half of the answers measures the scorer, the share of the other half is corrected; mean over halvings."""
    said, true = verdicts[model]
    rng = np.random.default_rng(0)
    qualities, picked, truths = [], [], []
    half = len(said) // 2
    for _ in range(SIMULATED):
        order = rng.permutation(len(said))
        qualities.append(quality_of(said[order[:half]], true[order[:half]]))
        picked.append(int(said[order[half:]].sum()))
        truths.append(float(true[order[half:]].mean()))
    n = len(said) - half
    counts = np.array([quality.counts for quality in qualities]).T
    values = np.array([rogan_gladen(k / n, quality) for k, quality in zip(picked, qualities, strict=True)])
    best, own = (deviances(shares, picked, n, counts) for shares in (values, truths))
    assert np.abs(values - truths).mean() < np.abs(np.array(picked) / n - truths).mean()
    assert best.max() < 6.635
    assert (own - best <= [quality.critical_deviance() for quality in qualities]).mean() >= 0.95


def rogan_gladen(share: float, quality: Quality) -> float:
    """The corrected share, inside [0, 1]."""
    return min(1.0, max(0.0, (share + quality.specificity - 1) / (quality.sensitivity + quality.specificity - 1)))


def test_labels_of_another_model_make_it_worse_or_give_no_number(verdicts: dict[str, tuple[Bools, Bools]]) -> None:
    """No correction can know this, which is why it must be measured on the model at hand."""
    for model, other in (MODELS, MODELS[::-1]):
        said, true = verdicts[model]
        found = corrected(int(said.sum()), len(said), quality_of(*verdicts[other]))
        if found.value is None:
            assert "these labels do not fit these answers" in found.reason
        else:
            assert abs(found.value - true.mean()) > abs(said.mean() - true.mean())
    said, _ = verdicts["gpt4"]
    assert corrected(int(said.sum()), len(said), quality_of(*verdicts["mistralinstruct"])).value is None


SHARES = (0.02, 0.1, 0.3, 0.5, 0.8, 0.98)


@pytest.mark.parametrize("n", [40, 450])
@pytest.mark.parametrize("labelled", [(5, 5), (10, 10), (20, 20), (10, 40), (50, 50), (80, 370)])
@pytest.mark.parametrize("rates", [(0.99, 0.9), (0.8, 0.9), (0.37, 0.97)])
def test_coverage_by_simulation(n: int, labelled: tuple[int, int], rates: tuple[float, float]) -> None:
    """The interval holds the true share in 95 % of cases or more on average over shares, in 92.5 % for the worst.

    A share is inside if its likelihood is near enough to that of the value. Two of 1,000 cases are allowed to be
    undefined for right labels, on average.
    """
    (positives, negatives), (sensitivity, specificity) = labelled, rates
    rng = np.random.default_rng(0)
    coverages, undefined = [], []
    for share in SHARES:
        right = rng.binomial(positives, sensitivity, SIMULATED)
        rejected = rng.binomial(negatives, specificity, SIMULATED)
        picked = rng.binomial(n, share * sensitivity + (1 - share) * (1 - specificity), SIMULATED)
        better = right / positives + rejected / negatives > 1
        counts = (right[better], positives, rejected[better], negatives)
        false, informedness = 1 - rejected / negatives, right / positives + rejected / negatives - 1
        values = np.clip((picked / n - false)[better] / informedness[better], 0, 1)
        best, own = (deviances(shares, picked[better], n, counts) for shares in (values, share))
        defined = best < 6.635
        undefined.append(1 - defined.mean())
        coverages.append((own - best <= Quality(1, positives, 1, negatives).critical_deviance())[defined].mean())
    assert np.mean(coverages) >= 0.95
    assert min(coverages) >= 0.925
    assert np.mean(undefined) <= 0.005


def quality_of(said: Bools, true: Bools) -> Quality:
    return Quality.of(said.tolist(), true.tolist())
