"""Records of answers that some other system gave: exact match and refusals without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from harness.api import ComponentOf, Context, Dataset, InvalidOutput, Later, Outcome
from harness_language.judging.llm_judge import JUDGED, Case, LLMJudge, judged
from harness_language.tasks.answer_extraction import Extraction, Rule, check_rule, extract, is_right
from harness_language.tasks.named_choices import named_choice
from harness_language.tasks.questions import Question, questions_of


class FromAnswers:
    """Score stored answers, without a model.

    Take prompts, answers and what is right from the data as they are, such as those of `stored_answers`: the column
    `completions` beside `prompts` and `answers` (what is right), maybe `choices`, `goals` and `models` (who answered).
    With choices an answer names one by its letter or by its text, whatever `extract` says.

    Data: columns `completions`, `prompts` and `answers`, maybe `choices`, `goals`, `models` and `groups`;
    maybe the fact `answer_kind`.

    Args:
        extract: how the value is found in an answer, by a rule of `answer_extraction` beside this file; "auto" goes by
            the fact `answer_kind` of the data.
        judge: who judges the answers, such as `llm_judge`.
    """

    outputs: Sequence[str] = ("completions", "models")
    columns_with: Mapping[str, tuple[str, ...]] = {"judge": JUDGED}
    columns: Sequence[str] = (
        "id",
        "prompt",
        "answer",
        "extracted",
        "span_start",
        "span_end",
        "method",
        "correct",
        "credit",
        "expected",
        "goal",
        "model",
        "group.*",
    )

    def __init__(
        self, extract: Rule = "auto", judge: Annotated[LLMJudge | None, ComponentOf("model"), Later()] = None
    ) -> None:
        check_rule(extract)
        self._extract, self._judge = extract, judge

    def run(self, data: Dataset, ctx: Context) -> Outcome:
        """One record per answer.

        Columns: id, prompt, answer, extracted (its value), span_start and span_end, method (the rule that found it, or
        failed to), correct and credit (missing where nothing is right or wrong), expected, goal, model, group.<name>;
        with a judge also judged, judge_said and judge_counts, as of the task `answer`.
        """
        questions, kind = questions_of(data), str(data.facts.get("answer_kind", "text"))
        columns = data.take(range(len(data.ids)))
        if "completions" not in columns:
            raise InvalidOutput(
                "the dataset lacks the column 'completions', the answers to be scored; see stored_answers"
            )
        answers = list(columns["completions"])
        rows = [self._record(question, answer, kind) for question, answer in zip(questions, answers, strict=True)]
        models = list(columns["models"]) if "models" in columns else [None] * len(rows)
        return Outcome(
            {
                **{name: [row[name] for row in rows] for name in rows[0]},
                "model": models,
                **judged(
                    self._judge, [Case(r["id"], r["prompt"], r["answer"], r["expected"] or "") for r in rows], ctx
                ),
                **{f"group.{name}": list(column) for name, column in data.groups.items()},
            },
            protocol={"extract": self._extract},
        )

    def _record(self, question: Question, answer: str, kind: str) -> dict[str, Any]:
        if question.choices:
            position, found = named_choice(answer, question.choices)
            correct = None if question.right is None else position == question.right
        else:
            found = extract(answer, self._extract, kind)
            correct = is_right(found, question.accepted, self._extract, kind)
        return {
            "id": question.id,
            "prompt": question.prompt,
            "answer": answer,
            **_place(found),
            "correct": correct,
            "credit": None if correct is None else float(correct),
            "expected": question.accepted[0] if question.accepted else None,
            "goal": question.goal,
        }


def _place(found: Extraction) -> dict[str, Any]:
    return {"extracted": found.value, "span_start": found.start, "span_end": found.end, "method": found.method}
