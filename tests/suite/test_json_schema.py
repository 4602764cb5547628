"""The JSON Schema that editors use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from harness.plugins import Catalog, first_party
from harness.signatures import SignatureReader
from harness.suite.json_schema import suite_schema


@pytest.fixture(scope="module")
def schema(catalog: Catalog) -> dict[str, Any]:
    return suite_schema(catalog, SignatureReader(), first_party())


def errors(schema: dict[str, Any], text: str) -> list[str]:
    found = jsonschema.Draft202012Validator(schema).iter_errors(yaml.safe_load(text))
    return [error.message for error in found]


GOOD = "suite: s\ntask: classify\ndata: digits\nmodels: [digit_mlp]\nmetrics: [accuracy]\n"


def test_the_committed_schema_is_current(root: Path, schema: dict[str, Any]) -> None:
    committed = json.loads((root / "harness" / "suite" / "suite.schema.json").read_text(encoding="utf-8"))
    assert committed == schema, "run: harness schema --first-party > harness/suite/suite.schema.json"


def test_the_schema_is_valid(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


def test_shipped_suites_fit(root: Path, schema: dict[str, Any]) -> None:
    for path in (root / "suites").glob("*.yaml"):
        assert errors(schema, path.read_text(encoding="utf-8")) == [], path


@pytest.mark.parametrize(
    "more",
    [
        "attacks: [none, {use: pgd, with: {eps: 8/255, norm: l2}}]\n",
        "attacks: [{use: torchattacks, with: {attack: Square, n_queries: 5}}]\n",
        "attacks: [{use: someone_elses, with: {anything: 1}}]\n",
        "experiments: [{name: a, seeds: [1]}]\n",
        "attacks: [{use: pgd, draws: {n: 5, from: {eps: {uniform: [0, 1]}, norm: {choice: [linf, l2]}}}}]\n",
        "expect: [{aggregate: a, metric: m, at_most: 1}]\n",
    ],
)
def test_good_suites_fit(schema: dict[str, Any], more: str) -> None:
    assert errors(schema, GOOD + more) == []


@pytest.mark.parametrize(
    "more",
    [
        "modles: []\n",
        "attacks: [{use: pgd, with: {epps: 1}}]\n",
        "attacks: [{use: pgd, with: {eps: much}}]\n",
        "attacks: [{use: pgd, with: {norm: l3}}]\n",
        "attacks: [{use: torchattacks, with: {attack: Sqare}}]\n",
        "attacks: [{use: torchattacks, with: {attack: FGSM, n_queries: 5}}]\n",
        "attacks: [{use: pgd, sweep: {epps: [1]}}]\n",
        "attacks: [{use: pgd, draws: {n: 5, from: {epps: {uniform: [0, 1]}}}}]\n",
        "attacks: [{use: pgd, draws: {n: 0, from: {eps: {uniform: [0, 1]}}}}]\n",
        "attacks: [{use: pgd, draws: {n: 5, from: {}}}]\n",
        "attacks: [{use: pgd, draws: {n: 5, from: {steps: {uniform: [0, 1], integer: [1, 2]}}}}]\n",
        "experiments: [{nme: a}]\n",
    ],
)
def test_bad_suites_do_not(schema: dict[str, Any], more: str) -> None:
    assert errors(schema, GOOD + more)
