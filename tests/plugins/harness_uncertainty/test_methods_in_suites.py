"""The methods in a run: fitted once on splits of what their network was trained on, whatever the batch size."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import Run
from harness.testing import assert_same_records, run_suite

MARGINS = ("adversarial_margin", "clean_margin")
NETWORK = "{use: digit_mlp, with: {epochs: 4, width: 24, dropout: 0.3}}"
SUITE = f"""
suite: methods
task: classify
models:
  - {{use: digit_mlp, as: softmax, with: {{epochs: 4, width: 24, dropout: 0.3}}}}
  - {{use: temperature_scaled, as: temperature, with: {{model: {NETWORK}}}}}
  - {{use: deep_ensemble, as: ensemble, with: {{members: 2, model: {NETWORK}}}}}
  - {{use: mc_dropout, as: dropout, with: {{passes: 3, model: {NETWORK}}}}}
  - {{use: laplace_last_layer, as: laplace, with: {{draws: 5, model: {NETWORK}}}}}
  - {{use: mahalanobis, as: mahalanobis, with: {{model: {NETWORK}}}}}
metrics: [accuracy]
experiments:
  - name: clean
    data: {{use: digits, limit: 90}}
    models:
      - {{use: digit_mlp, as: softmax, with: {{epochs: 4, width: 24, dropout: 0.3}}}}
      - {{use: temperature_scaled, as: temperature, with: {{model: {NETWORK}}}}}
      - {{use: deep_ensemble, as: ensemble, with: {{members: 2, model: {NETWORK}}}}}
      - {{use: mc_dropout, as: dropout, with: {{passes: 3, model: {NETWORK}}}}}
      - {{use: laplace_last_layer, as: laplace, with: {{draws: 5, model: {NETWORK}}}}}
      - use: split_conformal
        as: sets
        with: {{model: {{use: temperature_scaled, with: {{split: tuning, model: {NETWORK}}}}}, score: aps}}
    metrics: [accuracy, nll, ece, multiclass_brier, conformal_coverage, set_size]
    reports: [reliability_diagram]
  - name: other
    task: {{use: detect, with: {{out: {{use: noise_images, with: {{like: digits, n: 50}}}}}}}}
    data: {{use: digits, limit: 90}}
    metrics:
      - ood_auroc
      - {{use: ood_auroc, as: by_information, with: {{score: mutual_information}}}}
      - {{use: ood_auroc, as: by_distance, with: {{score: mahalanobis}}}}
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_suite(SUITE, tmp_path_factory.mktemp("methods"), batch_size=90)


def test_every_method_gives_its_numbers(done: Run) -> None:
    assert [row.reason for row in done.rows] == [""] * 12
    soft, scaled = done.row(model="softmax", attack="none"), done.row(model="temperature", attack="none")
    assert soft.estimates["accuracy"] == scaled.estimates["accuracy"]
    assert soft.estimates["nll"].value != scaled.estimates["nll"].value
    sets = done.row(model="sets")
    assert sets.estimates["conformal_coverage"].null == 0.9
    assert sets.estimates["set_size"].value is not None
    assert not soft.estimates["set_size"].applies


def test_scores_stand_where_a_method_has_them(done: Run) -> None:
    found = {row.labels["model"]: row.estimates for row in done.rows if row.experiment == "other"}
    assert {name for name, e in found.items() if e["by_information"].applies} == {"ensemble", "dropout", "laplace"}
    assert {name for name, e in found.items() if e["by_distance"].applies} == {"mahalanobis"}
    assert all(estimates["ood_auroc"].value is not None for estimates in found.values())


def test_a_reporter_of_records_draws_its_picture(done: Run) -> None:
    assert "reliability-clean.png" in {path.name for path in done.folder.path.iterdir()}


def test_a_wrapper_is_fitted_on_the_data_of_its_network(done: Run) -> None:
    data = done.row(model="temperature", attack="none").components["model"]["trained_on"]
    assert data["name"].endswith("digits")
    assert data["limit"] is None


def test_records_do_not_depend_on_the_batch_size(done: Run, tmp_path: Path) -> None:
    again = run_suite(SUITE, tmp_path, batch_size=7)
    assert_same_records(done, again, margins=MARGINS)


def test_a_network_without_dropout_is_skipped_with_a_reason(tmp_path: Path) -> None:
    suite = """
suite: misfits
task: classify
data: {use: digits, limit: 20}
models:
  - {use: mc_dropout, with: {model: {use: digit_linear, with: {epochs: 1}}}}
  - {use: split_conformal, with: {split: train, model: {use: digit_linear, with: {epochs: 1}}}}
metrics: [accuracy]
"""
    first, second = run_suite(suite, tmp_path).rows
    assert (str(first.status), str(second.status)) == ("skipped", "failed")
    assert "needs a network with dropout layers" in first.reason
    assert "are in 'train'" in second.reason
