"""Metrics that no row can have: what tasks declare of their records is what the records hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.contract.errors import SuiteError
from harness.plugins import Catalog
from harness.signatures import SignatureReader
from harness.suite.load import load_suite
from harness.suite.resolve import make_plan
from harness.testing import run_suite, signature_of

LINEAR = "{use: digit_linear, with: {epochs: 1}}"
FEW = "{use: digits, limit: 12}"
PGD = "{use: pgd, with: {eps: 0.1, steps: 2}}"
TRAIN = ", train: {use: digits, with: {split: train}}"
SUITES = {
    "classify": f"task: classify\ndata: {FEW}\nmodels: [{LINEAR}]\nattacks: [none, {PGD}]",
    "detect": "task: {use: detect, with: {out: {use: noise_images, with: {like: digits}}}}\n"
    f"data: {FEW}\nmodels: [{LINEAR}]",
    "regress": "task: regress\ndata: {use: function, with: {name: sine}}\nmodels: [least_squares]",
    "language": "task: language\ndata: {use: topics, limit: 3}\nmodels: [uniform]\nattacks: [none, typos]",
    "answer": "task: answer\ndata: {use: arithmetic, limit: 3}\nmodels: [uniform]\nattacks: [none, typos]",
    "generate": "task: {use: generate, with: {features: [pixel_pca], judge: "
    + LINEAR
    + ", train: {use: digits, with: {split: train}}}}\n"
    "data: {use: digits, with: {split: held_out}}\n"
    "models: [{use: gaussian, trained_on: {use: digits, with: {split: train}}}]\n"
    "samplers: [one_shot]",
}


METRICS = {
    "classify": "accuracy",
    "detect": "ood_auroc",
    "regress": "rmse",
    "language": "bits_per_byte",
    "answer": "exact_match",
    "generate": "fid_proxy",
}


@pytest.mark.parametrize("task", SUITES)
def test_a_task_declares_the_columns_that_it_records(tmp_path: Path, task: str) -> None:
    signature = signature_of("task", task)
    declared = [*signature.columns, *(name for names in signature.columns_with.values() for name in names)]
    declared += [name for names in signature.columns_without.values() for name in names]
    run = run_suite(f"suite: s\n{SUITES[task]}\nmetrics: [{METRICS[task]}]\n", tmp_path)
    cells = [set(run.records(cell.id).table.column_names) for cell in run.plan.cells]
    recorded = set.union(*cells)
    exact = {name for name in declared if not name.endswith("*")}
    beginnings = tuple(name[:-1] for name in declared if name.endswith("*"))
    assert [name for name in recorded - exact if not name.startswith(beginnings)] == []
    assert set(signature.columns) & exact <= set.intersection(*cells), "what has no condition is always there"


@pytest.mark.parametrize(
    ("task", "metric", "told"),
    [
        ("regress", "accuracy", "'accuracy' needs the column 'correct', which regress never records"),
        ("detect", "accuracy", "needs the column 'correct', which detect never records"),
        ("language", "accuracy", "needs the column 'correct', which language never records"),
        ("generate", "accuracy", "needs the column 'correct', which generate never records"),
    ],
)
def test_a_metric_of_a_column_that_a_task_never_records(
    tmp_path: Path, catalog: Catalog, task: str, metric: str, told: str
) -> None:
    assert told in message(tmp_path, f"suite: s\n{SUITES[task]}\nmetrics: [{metric}]\n", catalog)


@pytest.mark.parametrize(
    ("parameter", "metric", "column"),
    [("judge", "inception_score", "judged"), ("train", "authenticity", "train_distance")],
)
def test_a_metric_of_a_parameter_that_is_not_given(
    tmp_path: Path, catalog: Catalog, parameter: str, metric: str, column: str
) -> None:
    text = f"suite: s\n{SUITES['generate']}\nmetrics: [{metric}]\n"
    plan(tmp_path, text, catalog)
    without = text.replace(f", judge: {LINEAR}", "") if parameter == "judge" else text.replace(TRAIN, "")
    told = f"needs the column {column!r}, which generate records with its parameter `{parameter}` only"
    assert told in message(tmp_path, without, catalog)


def test_a_table_may_hold_any_column(tmp_path: Path, catalog: Catalog) -> None:
    text = "suite: s\ntask: from_scores\ndata: {use: csv_table, with: {path: t.csv}}\nmetrics: [accuracy, fmr]\n"
    (tmp_path / "t.csv").write_text("a\n1\n", encoding="utf-8")
    assert plan(tmp_path, text, catalog) == 1


def plan(tmp_path: Path, text: str, catalog: Catalog) -> int:
    """The number of cells."""
    file = tmp_path / "s.yaml"
    file.write_text(text, encoding="utf-8")
    return len(make_plan(load_suite(str(file)), catalog, SignatureReader()).cells)


def message(tmp_path: Path, text: str, catalog: Catalog) -> str:
    with pytest.raises(SuiteError) as caught:
        plan(tmp_path, text, catalog)
    return str(caught.value)
