"""The contract is not shaped by classifiers: three other tasks run through plan, store, records and table."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import sqrtm

from harness import Run
from harness.api import Status
from harness.testing import run_suite

HERE = Path(__file__).parent
PLUGIN = HERE / "three_tasks.py"

SUITE = """
suite: three-tasks
experiments:
  - name: generate
    task: toy_generate
    data: {use: cloud, with: {n: 300}}
    models:
      - {use: three_tasks/gaussian, as: right}
      - {use: three_tasks/gaussian, as: shifted, with: {mean: 1}}
      - use: mixture_of_two
        as: mixed
        with: {first: three_tasks/gaussian, second: {use: three_tasks/gaussian, with: {mean: 4}}}
    samplers: [exact]
    metrics: [frechet_distance]
  - name: language
    task: toy_language
    data: rhymes
    models: [unigram]
    attacks: [none, {use: drop_letters, sweep: {rate: [0.1, 0.5]}}]
    metrics: [{use: three_tasks/bits_per_byte, as: bits_per_byte}]
  - name: scores
    task: {use: toy_scores, with: {threshold: 0.95}}
    data: {use: score_file, with: {path: scores.csv, group: sex}}
    metrics: [{use: error_gap, with: {group: sex}}]
"""


@pytest.fixture(scope="module")
def plugin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugins")
    (folder / PLUGIN.name).write_text(PLUGIN.read_text(encoding="utf-8"), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("three")
    rows = ["id,label,score,sex"]
    rows += [f"p{i},{i % 2},{0.9 if (i % 2) ^ (i % 10 == 0) else 0.1},{'f' if i < 60 else 'm'}" for i in range(100)]
    (folder / "scores.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def done(results: Path, plugin_folder: Path) -> Run:
    return run_suite(SUITE, results, plugin_folders=[plugin_folder])


def test_the_plugin_uses_the_api_only() -> None:
    imported = [n.module for n in ast.walk(ast.parse(PLUGIN.read_text())) if isinstance(n, ast.ImportFrom)]
    assert [name for name in imported if name and name.startswith("harness")] == ["harness.api"]


def test_every_cell_is_ok(done: Run) -> None:
    assert [row.status for row in done.rows] == [Status.OK] * 7
    assert done.exit_code == 0


def test_set_level_metric(done: Run) -> None:
    """The Frechet distance of samples and reference, against scipy's matrix square root."""
    row = done.row(model="shifted")
    records = done.records(row)
    samples, reference = records["features"], records.artifact("reference")
    assert samples.shape == (300, 3)
    one, two = np.cov(samples, rowvar=False), np.cov(reference, rowvar=False)
    expected = np.sum((samples.mean(0) - reference.mean(0)) ** 2) + np.trace(one + two - 2 * np.real(sqrtm(one @ two)))
    estimate = row.estimates["frechet_distance"]
    assert estimate.value == pytest.approx(expected, rel=1e-9)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < expected < estimate.high
    near = done.row(model="right").estimates["frechet_distance"].value
    assert near is not None
    assert near < 0.1 < expected


def test_artifacts_are_kept(done: Run) -> None:
    folder = done.folder.cell(done.row(model="right").cell) / "artifacts"
    assert (folder / "note.txt").read_bytes() == b"drawn exactly"
    assert np.load(folder / "reference.npy").shape == (300, 3)


def test_nested_components(done: Run) -> None:
    """A component given as a parameter is resolved, built and passed in."""
    samples = done.records(done.row(model="mixed"))["features"]
    first = done.records(done.row(model="right"))["features"]
    assert samples == pytest.approx(np.where(first[:, :1] < 0, first, first + 4))


def test_ratio_of_sums_clustered_by_author(done: Run) -> None:
    row = done.row(model="unigram", attack="none")
    records = done.records(row)
    estimate = row.estimates["bits_per_byte"]
    assert estimate.value == pytest.approx(records["bits"].sum() / records["bytes"].sum())
    assert estimate.method == "jackknife over 3 clusters"
    assert estimate.low is not None
    assert estimate.value is not None
    assert estimate.low < estimate.value


def test_a_trained_model_need_not_be_a_torch_module(done: Run) -> None:
    """Bits of the unigram model by hand: add-one counts of the training line."""
    train = b"twinkle twinkle little star how i wonder what you are"
    expected = -sum(np.log2((train.count(byte) + 1) / (len(train) + 256)) for byte in b"i wonder how")
    records = done.records(done.row(model="unigram", attack="none"))
    assert records["bits"][records["id"].tolist().index("test-5")] == pytest.approx(expected)


def test_treatments_are_part_of_the_row(done: Run) -> None:
    light, heavy = (
        done.row(model="unigram", attack=f"drop_letters rate={rate}").estimates["bits_per_byte"].n
        for rate in (0.1, 0.5)
    )
    assert light == heavy == 6
    assert done.row(model="right").labels["sampler"] == "exact"


def test_gap_between_groups_without_a_model(done: Run) -> None:
    row = done.row(data="score_file")
    assert "model" not in row.labels
    # No score reaches the threshold, so every positive is an error: half of both groups, a gap of 0.
    assert row.estimates["error_gap"].value == pytest.approx(0.0)
    assert done.records(row)["wrong"].mean() == 0.5
    assert row.estimates["error_gap"].high is not None
    assert row.estimates["error_gap"].high > 0


def test_parameters_of_a_task_are_part_of_what_may_be_compared(results: Path, plugin_folder: Path) -> None:
    """At 0.5 one in ten scores is on the wrong side; rows with different thresholds have different keys."""
    suite = SUITE[: SUITE.index("  - name: generate")] + SUITE[SUITE.index("  - name: scores") :]
    lower = run_suite(suite.replace("0.95", "0.5"), results, plugin_folders=[plugin_folder])
    higher = run_suite(suite, results, plugin_folders=[plugin_folder])
    assert lower.records(lower.row(data="score_file"))["wrong"].mean() == pytest.approx(0.1)
    assert lower.row(data="score_file").key != higher.row(data="score_file").key


def test_comparability_keys_follow_the_protocol(done: Run) -> None:
    assert done.row(model="right").key == done.row(model="shifted").key
    assert done.row(model="right").key != done.row(data="score_file").key


def test_a_second_run_reuses_every_cell(results: Path, plugin_folder: Path, done: Run) -> None:
    again = run_suite(SUITE, results, plugin_folders=[plugin_folder])
    assert (again.n_run, again.n_reused) == (0, 7)
    assert [row.estimates for row in again.rows] == [row.estimates for row in done.rows]


def test_changed_content_of_a_file_parameter_runs_again(results: Path, plugin_folder: Path, done: Run) -> None:
    scores = results / "scores.csv"
    before = scores.read_text(encoding="utf-8")
    scores.write_text(before.replace("p0,0,0.9,f", "p0,0,0.1,f"), encoding="utf-8")
    try:
        again = run_suite(SUITE, results, plugin_folders=[plugin_folder])
    finally:
        scores.write_text(before, encoding="utf-8")
    assert (again.n_run, again.n_reused) == (1, 6)
    assert again.row(data="score_file").key != done.row(data="score_file").key


@pytest.fixture(autouse=True, scope="module")
def _forget_plugin() -> object:
    yield
    sys.modules.pop("three_tasks", None)
