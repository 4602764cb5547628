"""A language model that judges answers by a rubric, and how often it is wrong on answers that people judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge

from harness.api import (
    AnsweringModel,
    AnswerLimits,
    ComponentOf,
    Context,
    HarnessError,
    LanguageModel,
    Prompted,
    Table,
    Turn,
    UsageError,
    read_table,
)
from harness_language.guardrails.correction import Quality
from harness_language.tasks.answer_extraction import extract
from harness_language.tasks.decoding_loop import Generation, Prompt, generate
from harness_language.tasks.prompting import Prompting
from harness_language.tasks.replies import only_answers, replies_to
from harness_language.tasks.truth_values import truth_of_word

ANSWER, PROMPT, EXPECTED = "{answer}", "{prompt}", "{expected}"
JUDGED = ("judged", "judge_said", "judge_counts")
"""The columns that a judge adds to records."""


@dataclass(frozen=True, slots=True)
class Case:
    """An answer to be judged.

    Attributes:
        id: of the example.
        prompt: what was asked.
        answer: what was answered.
        expected: what is right; empty if that is not known.
    """

    id: str
    prompt: str
    answer: str
    expected: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge said of answers.

    Attributes:
        picked: whether it said yes to each; None where it said neither yes nor no.
        said: its words.
        quality: how often it is right on labelled answers; None if that is not measured.
    """

    picked: Sequence[bool | None]
    said: Sequence[str]
    quality: Quality | None

    def columns(self) -> dict[str, list[Any]]:
        """As columns of records; the counts of its quality stand in every row."""
        counts = None if self.quality is None else list(self.quality.counts)
        return dict(zip(JUDGED, (list(self.picked), list(self.said), [counts] * len(self.said)), strict=True))


class LLMJudge:
    """A language model that is asked about every answer, by a rubric that ends in yes or no.

    Its errors are measured on labelled answers, by the same model with the same rubric, and correct the rates that
    metrics tell. Label answers of the model at hand: a judge errs differently on those of another.

    Args:
        model: the model that judges. A served one needs a `version`, since its verdicts are only as lasting as it is.
        rubric: what it is asked, with {answer} and maybe {prompt} and {expected} in their places; yes is good.
        labelled: a table of answers that people judged; without it rates are uncorrected.
        answer_column: of the labelled table.
        label_column: of the labelled table: yes, true or 1; or no, false or 0.
        prompt_column: of the labelled table, where the rubric holds {prompt}.
        expected_column: of the labelled table, where the rubric holds {expected}.
        max_tokens: the verdict has at most that many; its last yes or no counts.
    """

    def __init__(
        self,
        model: Annotated[LanguageModel | AnsweringModel, ComponentOf("model")],
        rubric: str,
        labelled: Path | None = None,
        answer_column: str = "completion",
        label_column: str = "label",
        prompt_column: str = "prompt",
        expected_column: str = "expected",
        max_tokens: Annotated[int, Ge(1)] = 256,
    ) -> None:
        if ANSWER not in rubric:
            raise UsageError(f"the rubric {rubric!r:.80} lacks {ANSWER}, the place of the answer")
        if getattr(model, "version", None) == "":
            raise UsageError("the model of a judge needs a `version`, which its verdicts are kept and compared by")
        self.model, self._rubric, self._max_tokens = model, rubric, max_tokens
        names = {PROMPT: prompt_column, EXPECTED: expected_column}
        used = {slot: name for slot, name in names.items() if slot in rubric}
        self._labelled = [] if labelled is None else _labelled_cases(labelled, answer_column, label_column, used)

    def judge(self, cases: Sequence[Case], ctx: Context) -> Judgement:
        """Judge answers, and the labelled ones beside them."""
        labelled = [case for case, _ in self._labelled]
        said = self._said([*labelled, *cases], ctx.scoped("judge"))
        picked = [verdict(text) for text in said]
        known = [(pick, true) for pick, (_, true) in zip(picked, self._labelled, strict=False) if pick is not None]
        quality = Quality.of([pick for pick, _ in known], [true for _, true in known]) if labelled else None
        return Judgement(picked[len(labelled) :], said[len(labelled) :], quality)

    def _said(self, cases: Sequence[Case], ctx: Context) -> list[str]:
        texts = [self._asked(case) for case in cases]
        if only_answers(self.model):
            asked = [Prompted(case.id, (Turn("user", text),)) for case, text in zip(cases, texts, strict=True)]
            replies = replies_to(self.model, asked, AnswerLimits(self._max_tokens), ctx)
            return [reply.text for reply in replies]
        prompting, model = Prompting(), self.model
        tokens = [
            prompting.tokens(model, prompting.text(model, text), case.id)
            for case, text in zip(cases, texts, strict=True)
        ]
        prompts = [Prompt(case.id, each) for case, each in zip(cases, tokens, strict=True)]
        return [answer.text for answer in generate(model, prompts, Generation(self._max_tokens, ()), ctx)]

    def _asked(self, case: Case) -> str:
        # Split rather than replaced in turn, since an answer may hold the name of a slot.
        before, *rest = self._rubric.split(ANSWER)
        parts = [part.replace(PROMPT, case.prompt).replace(EXPECTED, case.expected) for part in (before, *rest)]
        return case.answer.join(parts)


def judged(judge: LLMJudge | None, cases: Sequence[Case], ctx: Context) -> dict[str, list[Any]]:
    """The columns of a judge, if there is one."""
    return {} if judge is None else judge.judge(cases, ctx).columns()


def verdict(said: str) -> bool | None:
    """Whether the words of a judge say yes; None if they say neither yes nor no."""
    value = extract(said, "boolean").value
    return None if value is None else value == "true"


def _labelled_cases(path: Path, answers: str, labels: str, used: dict[str, str]) -> list[tuple[Case, bool]]:
    """The labelled answers with their labels. Raises InvalidOutput, with the line, and HarnessError."""
    table = read_table(path, columns=[answers, labels, *used.values()])
    columns = {slot: [text or "" for text in table.texts(name, name)] for slot, name in used.items()}
    empty = [""] * table.n
    rows = zip(table.texts(answers, "answers"), columns.get(PROMPT, empty), columns.get(EXPECTED, empty), strict=True)
    cases = [
        Case(f"labelled {row}", prompt, answer or "", expected) for row, (answer, prompt, expected) in enumerate(rows)
    ]
    said = [_label(text, labels, table, row) for row, text in enumerate(table.texts(labels, "labels"))]
    if len(set(said)) < 2:
        raise HarnessError(f"{path.name} needs answers with both labels, yes and no, to measure a judge on")
    return list(zip(cases, said, strict=True))


def _label(text: str | None, name: str, table: Table, row: int) -> bool:
    value = {"1": "true", "0": "false"}.get((text or "").strip(), truth_of_word((text or "").strip().lower()))
    if value is None:
        table.refuse(row, f"{name!r} must say yes or no, not {text!r:.80}")
    return value == "true"
