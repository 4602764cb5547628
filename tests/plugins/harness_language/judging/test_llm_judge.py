"""Judges: what they are asked, what counts as their verdict, and that their errors correct the rate."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.api import AnswerLimits, Context, HarnessError, InvalidOutput, Prompted, Records, Reply, UsageError
from harness.testing import run_suite
from harness_language.guardrails.correction import Quality, corrected
from harness_language.judging.llm_judge import Case, LLMJudge, verdict
from harness_language.judging.metrics import JudgedRate, JudgeSensitivity, JudgeSpecificity
from scripted_models import Scripted, always

RUBRIC = "Q: {prompt} A: {answer} Right: {expected}. Is it polite?"


class Polite:
    """Says yes to answers with a "please" in them, and to a "rude" one by mistake."""

    converses = True
    version = "2024-08"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def answers(self, prompts: Sequence[Prompted], limits: AnswerLimits, ctx: Context) -> Sequence[Reply]:
        texts = [prompt.turns[-1].text for prompt in prompts]
        self.asked += texts
        return [Reply(self._say(text)) for text in texts]

    def _say(self, text: str) -> str:
        if "mumble" in text:
            return "Hard to say."
        return "The tone is fine. Yes." if "please" in text or "rude" in text else "No, it is not."


def write(folder: Path, rows: Sequence[tuple[str, Any]]) -> Path:
    lines = [{"completion": text, "label": label, "prompt": "?", "expected": ""} for text, label in rows]
    (folder / "labelled.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder / "labelled.jsonl"


LABELLED = [
    ("please a", "yes"),
    ("please b", "yes"),
    ("yo", "yes"),
    ("rude", "no"),
    *[(f"hey {i}", "no") for i in "abc"],
]


def test_it_is_asked_by_the_rubric_and_says_yes_or_no() -> None:
    model = Polite()
    answers = ["please {prompt}", "go away", "mumble"]
    judgement = LLMJudge(model, RUBRIC).judge(
        [Case(str(i), "Hi?", text, "Hi") for i, text in enumerate(answers)], Context()
    )
    assert model.asked[0] == "Q: Hi? A: please {prompt} Right: Hi. Is it polite?"
    assert judgement.picked == [True, False, None]
    assert judgement.quality is None


@pytest.mark.parametrize(
    ("said", "expected"), [("Yes", True), ("no.", False), ("I doubt it. Verdict: no", False), ("perhaps", None)]
)
def test_the_verdict_is_the_last_yes_or_no(said: str, expected: bool | None) -> None:
    assert verdict(said) is expected


def test_its_errors_are_measured_and_correct_the_rate(tmp_path: Path) -> None:
    judge = LLMJudge(Polite(), RUBRIC, write(tmp_path, LABELLED))
    answers = ["please"] * 6 + ["go"] * 3 + ["mumble"]
    judgement = judge.judge([Case(str(i), "?", text) for i, text in enumerate(answers)], Context())
    assert judgement.quality == Quality(2, 3, 3, 4)
    records = Records.of({"id": [str(i) for i in range(10)], **judgement.columns()})
    estimate = JudgedRate().estimate(records)
    assert estimate.value == corrected(6, 9, Quality(2, 3, 3, 4)).value
    assert estimate.value == pytest.approx((6 / 9 + 3 / 4 - 1) / (2 / 3 + 3 / 4 - 1))
    assert (estimate.n, estimate.n_missing) == (9, 1)
    assert estimate.reason == "corrected by the judge's errors on 7 labelled answers"
    assert JudgeSensitivity().estimate(records).value == pytest.approx(2 / 3)
    assert JudgeSpecificity().estimate(records).value == pytest.approx(3 / 4)


def test_without_labels_the_rate_is_uncorrected() -> None:
    columns = LLMJudge(Polite(), RUBRIC).judge([Case("a", "?", "please"), Case("b", "?", "go")], Context()).columns()
    records = Records.of({"id": ["a", "b"], **columns})
    estimate = JudgedRate().estimate(records)
    assert estimate.value == 0.5
    assert estimate.reason.startswith("uncorrected: ")
    assert JudgeSensitivity().estimate(records).value is None


def test_a_local_model_can_judge() -> None:
    pieces = ["?", "yes", "no", "\n", " ", ""]
    model = Scripted(pieces, always(pieces, ["yes", ""], 0.9, after=2))
    judgement = LLMJudge(model, "{answer}", max_tokens=4).judge([Case("a", "", "?")], Context())
    assert judgement.picked == [True]


@pytest.mark.parametrize(
    ("make", "error", "told"),
    [
        (lambda folder: LLMJudge(Polite(), "Is it polite?"), UsageError, "lacks {answer}"),
        (lambda folder: LLMJudge(Polite(), RUBRIC, write(folder, [("a", "perhaps")])), InvalidOutput, "yes or no"),
        (lambda folder: LLMJudge(Polite(), RUBRIC, write(folder, [("a", "yes")])), HarnessError, "both labels"),
    ],
)
def test_what_a_judge_cannot_be_made_of(
    tmp_path: Path, make: Callable[[Path], LLMJudge], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        make(tmp_path)


def test_a_judge_behind_a_server_has_a_version() -> None:
    model = Polite()
    model.version = ""
    with pytest.raises(UsageError, match="needs a `version`"):
        LLMJudge(model, RUBRIC)


PLUGIN = '''
from harness.api import Component, Reply, hookimpl


@hookimpl
def harness_components():
    """A model that judges and one that is judged."""
    return [Component("model", name, f"{__name__}:{name.title()}") for name in ("says", "judges")]


class Says:
    """Is polite when it is asked politely."""

    converses = True

    def answers(self, prompts, limits, ctx):
        return [Reply("please" if "polite" in prompt.turns[-1].text else "go") for prompt in prompts]


class Judges:
    """Says yes to a please."""

    converses = True

    def answers(self, prompts, limits, ctx):
        return [Reply("Yes" if "please" in prompt.turns[-1].text else "No") for prompt in prompts]
'''
SUITE = """
suite: judged
metrics: [judged_rate, judge_sensitivity]
experiments:
  - name: asked
    task:
      use: answer
      with: &judge
        judge: {use: llm_judge, with: {model: {use: judges}, rubric: "Polite? {answer}", labelled: labelled.jsonl}}
    data: {use: questions, with: {path: questions.jsonl}}
    models: [says]
  - name: stored
    task: {use: from_answers, with: *judge}
    data: {use: stored_answers, with: {path: questions.jsonl, completions: answer}}
"""


def test_answers_of_a_model_and_stored_ones_are_judged_in_suites(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "judges_plugin.py").write_text(PLUGIN)
    write(tmp_path, [("please", "yes"), ("go", "no")] * 20)
    rows = [{"prompt": word, "answer": answer} for word, answer in (("polite", "please"), ("rude", "go"))]
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "judged.yaml").write_text(SUITE)
    run = run_suite(tmp_path / "judged.yaml", tmp_path / "results", plugin_folders=[tmp_path / "plugins"])
    assert [row.status for row in run.rows] == ["ok", "ok"], [row.reason for row in run.rows]
    for row in run.rows:
        assert row.estimates["judged_rate"].value == 0.5
        assert row.estimates["judge_sensitivity"].value == 1.0
        assert run.records(row)["judge_said"].tolist() == ["Yes", "No"]
