"""What a suite asks of its headline is checked before anything is run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.contract.errors import SuiteError
from harness.plugins import Catalog
from harness.signatures import SignatureReader
from harness.suite.load import load_suite
from harness.suite.plan import HeadlineRequest, Plan
from harness.suite.resolve import make_plan

SUITE = """suite: s
task: classify
data: digits
models: [digit_mlp, {use: digit_linear, as: linear}]
attacks: [none, {use: fgsm, sweep: {eps: [0.1]}}]
metrics: [accuracy, robust_accuracy]
"""


def plan(tmp_path: Path, catalog: Catalog, headline: str) -> Plan:
    (tmp_path / "s.yaml").write_text(SUITE + headline, encoding="utf-8")
    return make_plan(load_suite(str(tmp_path / "s.yaml")), catalog, SignatureReader())


def test_without_one_the_metrics_of_treatments_are_known(tmp_path: Path, catalog: Catalog) -> None:
    assert plan(tmp_path, catalog, "").experiments["s"].headline == HeadlineRequest(of_treatments=("robust_accuracy",))


def test_what_is_asked_for_stands_in_the_plan(tmp_path: Path, catalog: Catalog) -> None:
    text = "headline: {rows: {attack: fgsm*}, metrics: [robust_accuracy], contrast: model, against: linear}\n"
    planned = plan(tmp_path, catalog, text)
    asked = planned.experiments["s"].headline
    assert (asked.metrics, asked.contrast, asked.against) == (("robust_accuracy",), "model", "linear")
    (pattern,) = asked.rows
    assert (pattern["attack"], pattern["model"], pattern["group"], pattern["aggregate"]) == ("fgsm*", "*", "", "*")
    assert Plan.from_json(json.loads(json.dumps(planned.to_json()))) == planned


def test_plans_of_runs_before_there_were_headlines_can_be_read(tmp_path: Path, catalog: Catalog) -> None:
    raw = plan(tmp_path, catalog, "").to_json()
    for experiment in raw["experiments"]:
        del experiment["headline"]
    del raw["changes"]
    assert Plan.from_json(raw).experiments["s"].headline == HeadlineRequest()


@pytest.mark.parametrize(
    ("headline", "place", "told"),
    [
        ("{metrics: [auroc]}", "7:22: headline.metrics.0", "'auroc' is not among the metrics"),
        ("{metrics: [acuracy]}", "7:22: headline.metrics.0", "did you mean 'accuracy'?"),
        ("{rows: {attack: pgd}}", "headline.rows.0", "it selects no row"),
        ("{rows: [{model: linear}, {model: liner}]}", "7:36: headline.rows.1", "did you mean 'linear'?"),
        ("{against: liner}", "7:12: headline.against", "'liner' is no label of these rows"),
        ("{contrast: colour}", "7:12: headline.contrast", "'model', 'data', 'attack'"),
        ("{rowss: []}", "7:12: headline.rowss", "unknown key 'rowss'"),
        ("{rows: {modl: a}}", "headline.rows.0.modl", "unknown key"),
        ("false", "7:1: headline", "not False"),
    ],
)
def test_mistakes_are_located(tmp_path: Path, catalog: Catalog, headline: str, place: str, told: str) -> None:
    with pytest.raises(SuiteError) as caught:
        plan(tmp_path, catalog, f"headline: {headline}\n")
    assert place in str(caught.value)
    assert told in str(caught.value)


def test_numbers_of_aggregates_are_known_once_they_are_made(tmp_path: Path, catalog: Catalog) -> None:
    text = "aggregates: [worst_case]\nheadline: {rows: {aggregate: worst_case}, metrics: [anything]}\n"
    assert plan(tmp_path, catalog, text).experiments["s"].headline.metrics == ("anything",)


def test_every_shipped_suite_says_what_it_was_run_to_find_out(root: Path, catalog: Catalog) -> None:
    for file in sorted((root / "suites").glob("*.yaml")):
        planned = make_plan(load_suite(str(file)), catalog, SignatureReader())
        asked = [experiment.headline for experiment in planned.experiments.values()]
        assert any(each.show for each in asked), file.name
        assert all(each.metrics for each in asked if each.show), file.name
