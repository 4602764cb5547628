"""Classifiers of others in whole suites: every form of output, clean and under attack."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import Run
from harness.testing import run_suite

FORMS = ("plain", "float64", "bfloat16", "tuple", "dict", "four_dims")
REFUSED = ("wide", "whole", "list")
PLUGINS = Path(__file__).parent / "plugins"
ATTACKS = """
attacks:
  - none
  - {use: noise, with: {eps: 0.1}}
  - {use: pgd, with: {eps: 0.1, steps: 3}}
  - {use: square, with: {eps: 0.1, queries: 20}}
"""


def run(forms: tuple[str, ...], folder: Path, more: str = ATTACKS, metrics: str = "accuracy, robust_accuracy") -> Run:
    models = "".join(f"  - {{use: foreign, as: {form}, with: {{form: {form}}}}}\n" for form in forms)
    text = f"suite: foreign\ntask: classify\ndata: {{use: digits, limit: 40}}\nmodels:\n{models}{more}"
    return run_suite(f"{text}metrics: [{metrics}]\n", folder, plugin_folders=[PLUGINS])


def values(done: Run, model: str) -> list[float | None]:
    rows = [row for row in done.rows if row.labels["model"] == model]
    return [estimate.value for row in rows for estimate in row.estimates.values()]


def test_every_form_gives_the_numbers_of_plain_logits(tmp_path: Path) -> None:
    done = run(FORMS, tmp_path)
    assert [(row.labels["model"], row.reason) for row in done.rows if row.reason] == []
    for form in FORMS:
        assert values(done, form) == pytest.approx(values(done, "plain"), abs=2 / 40)
    assert values(done, "tuple") == values(done, "dict") == values(done, "four_dims") == values(done, "plain")


def test_auto_attack(tmp_path: Path) -> None:
    more = "attacks: [{use: auto_attack, with: {eps: 0.1, steps: 2, targets: 2, queries: 10}}]\n"
    done = run(("plain", "float64", "tuple"), tmp_path, more)
    assert values(done, "tuple") == values(done, "plain")
    assert values(done, "float64") == pytest.approx(values(done, "plain"), abs=2 / 40)


@pytest.mark.parametrize("form", ["numpy", "no_grad"])
def test_models_without_gradient_are_told_of_black_boxes(tmp_path: Path, form: str) -> None:
    done = run((form, "plain"), tmp_path)
    for attack in ("none", "noise", "square"):
        rows = [done.row(model=model, attack=attack) for model in (form, "plain")]
        assert rows[0].reason == ""
        assert rows[0].estimates == rows[1].estimates
    told = done.row(model=form, attack="pgd")
    assert str(told.status) == "failed"
    assert "take an attack that needs none, such as square or hopskipjump" in told.reason


def test_what_cannot_be_read_is_invalid_in_words(tmp_path: Path) -> None:
    done = run(REFUSED, tmp_path, "", "accuracy")
    assert {str(row.status) for row in done.rows} == {"invalid"}
    wide, whole, listed = (done.row(model=form).reason for form in REFUSED)
    assert "returned shape [40, 20] for 40 inputs; expected logits of shape [40, 10]" in wide
    assert "numbers of type int64; expected logits, in floating point" in whole
    assert "returned a list" in listed


@pytest.mark.parametrize("form", ["softmax", "sigmoid"])
def test_probabilities_are_suspect(tmp_path: Path, form: str) -> None:
    done = run((form, "log_softmax", "plain"), tmp_path, ATTACKS, "accuracy, ece")
    for attack in ("none", "noise"):
        row = done.row(model=form, attack=attack)
        assert str(row.status) == "suspect"
        assert "look like probabilities" in row.reason
        assert "give logits, or the logarithms of the probabilities" in row.reason
        assert str(done.row(model="log_softmax", attack=attack).status) == "ok"
    honest = done.row(model="plain", attack="none").estimates["ece"].value
    assert done.row(model="log_softmax", attack="none").estimates["ece"].value == pytest.approx(honest, abs=1e-6)


def test_one_logit_of_two_classes(tmp_path: Path) -> None:
    text = f"""
suite: parity
task: classify
data: even_digits
models: [{{use: one_logit, as: one}}, {{use: one_logit, as: both, with: {{both: true}}}}]
{ATTACKS}
metrics: [accuracy, robust_accuracy]
"""
    done = run_suite(text, tmp_path, plugin_folders=[PLUGINS])
    assert [row.reason for row in done.rows if row.reason] == []
    assert values(done, "one") == values(done, "both")
    assert (values(done, "one")[0] or 0) > 0.6
