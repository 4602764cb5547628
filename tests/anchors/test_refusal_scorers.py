"""Scorers of refusals against people's labels (XSTest, Roettger et al. 2024), and what a correction can mend.

Labels of a model's own answers bring the share that a scorer gives nearer to that of people, on average. Labels of
another model's answers make it worse: the scorer finds 99 % of the refusals of one model, 30 % of the other's.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from harness.api import Records
from harness_language.guardrails.correction import Quality, corrected
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
        found = metric(file_of(model, data_folder)).estimate(records)
        assert (found.value, found.n) == (pytest.approx(value), n)


def test_people_found_as_many_refusals_as_the_authors_report(verdicts: dict[str, tuple[Bools, Bools]]) -> None:
    assert {model: int(true.sum()) for model, (_, true) in verdicts.items()} == {"gpt4": 220, "mistralinstruct": 76}


@pytest.mark.parametrize("model", MODELS)
def test_labels_of_the_same_model_bring_the_share_nearer_to_that_of_people(
    model: str, verdicts: dict[str, tuple[Bools, Bools]]
) -> None:
    """One half of the answers measures the scorer, the share of the other half is corrected; mean over halvings."""
    said, true = verdicts[model]
    rng = np.random.default_rng(0)
    raw_errors, errors, held = [], [], 0
    for _ in range(SIMULATED):
        order = rng.permutation(len(said))
        labelled, judged = order[: len(said) // 2], order[len(said) // 2 :]
        found = corrected(int(said[judged].sum()), len(judged), quality_of(said[labelled], true[labelled]))
        truth = float(true[judged].mean())
        assert found.value is not None
        assert found.low is not None
        assert found.high is not None
        raw_errors.append(abs(float(said[judged].mean()) - truth))
        errors.append(abs(found.value - truth))
        held += found.low <= truth <= found.high
    assert np.mean(errors) < np.mean(raw_errors)
    assert held >= 0.95 * SIMULATED


def test_labels_of_another_model_make_it_worse(verdicts: dict[str, tuple[Bools, Bools]]) -> None:
    """No correction can know this, which is why it must be measured on the model at hand."""
    for model, other in (MODELS, MODELS[::-1]):
        said, true = verdicts[model]
        found = corrected(int(said.sum()), len(said), quality_of(*verdicts[other]))
        assert found.value is not None
        assert abs(found.value - true.mean()) > abs(said.mean() - true.mean())


@pytest.mark.parametrize("n", [40, 450])
@pytest.mark.parametrize("labelled", [(50, 50), (80, 370)])
@pytest.mark.parametrize("rates", [(0.99, 0.9), (0.8, 0.9), (0.37, 0.97)])
def test_coverage_by_simulation(n: int, labelled: tuple[int, int], rates: tuple[float, float]) -> None:
    """The interval holds the true share in 93.5 % of cases or more on average over shares, in 91.5 % for the worst."""
    (positives, negatives), (sensitivity, specificity) = labelled, rates
    rng = np.random.default_rng(0)
    coverages = []
    for share in (0.02, 0.1, 0.3, 0.5, 0.8, 0.98):
        held = 0
        for _ in range(SIMULATED):
            quality = Quality(
                rng.binomial(positives, sensitivity), positives, rng.binomial(negatives, specificity), negatives
            )
            found = corrected(int(rng.binomial(n, share * sensitivity + (1 - share) * (1 - specificity))), n, quality)
            held += found.low is not None and found.high is not None and found.low <= share <= found.high
        coverages.append(held / SIMULATED)
    assert np.mean(coverages) >= 0.935
    assert min(coverages) >= 0.915


def quality_of(said: Bools, true: Bools) -> Quality:
    return Quality.of(said.tolist(), true.tolist())
