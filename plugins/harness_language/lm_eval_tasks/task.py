"""The task `lm_eval`: any task of lm-evaluation-harness, with a record for every document."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from harness.api import (
    AnsweringModel,
    Context,
    InvalidOutput,
    LanguageModel,
    Outcome,
    TextAttack,
    TextBatch,
    UsageError,
)
from harness.api.instruments import left_unchanged, seeded
from harness_language.lm_eval_tasks.code_in_tasks import wants_code
from harness_language.tasks.likelihood import precision_of
from harness_language.tasks.replies import only_answers
from harness_language.tasks.score_text import rewritten

_RIGHT = ("acc", "exact_match")
_GREEDY = "loglikelihood"


class LMEval:
    """Run a task of lm-evaluation-harness on any language model here (Gao et al., EleutherAI).

    Its scores are the library's own; the records give them intervals. Models are read without a start token and without
    a chat format, as by the library's `hf` model; a model that only answers is given each prompt as one turn.

    Args:
        name: of the task or group.
        folder: a folder with files of tasks, in place of those that the library brings.
        shots: how many examples stand before each document; by default as the task says.
        limit: how many documents of each task are asked at most.
        allow_code: let the files of the folder run code of their own, and a task run what the model writes.
    """

    records_of = "documents"
    columns: Sequence[str] = (
        *("id", "prompt", "answer", "expected", "correct", "confidence", "tokenizer"),
        *("score.*", "group.task"),
    )

    def __init__(
        self,
        name: str,
        folder: Path | None = None,
        shots: Annotated[int | None, Ge(0)] = None,
        limit: Annotated[int | None, Ge(1)] = None,
        allow_code: bool = False,
    ) -> None:
        self._name, self._folder, self._shots, self._limit, self._allow_code = name, folder, shots, limit, allow_code

    def run(self, model: LanguageModel | AnsweringModel, attack: TextAttack | None, ctx: Context) -> Outcome:
        """One record per document.

        Columns: id (task/number), prompt, answer (the likeliest choice, or what was generated, after the task's first
        filter), expected, correct (its `acc` or `exact_match`), confidence (the softmax over the choices'
        log-likelihoods), score.<metric> (of the first filter, or score.<metric>,<filter>), group.task. Under attack the
        first candidate replaces all that is read for a document, its examples included. The numbers of the library are
        kept in `lm_eval.json`.
        """
        from harness_language.lm_eval_tasks import adapter

        self._check_code(adapter.known_metrics())

        def rewrite(pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
            texts = [text for _, text in pairs]
            ids = [f"{name}#{number}" for number, (name, _) in enumerate(pairs)]
            batch = TextBatch(ids, texts, [None] * len(texts))
            candidates = rewritten(model, attack, batch, ctx)  # type: ignore[arg-type]
            return dict(zip(pairs, (each[0] for each in candidates), strict=True))

        with adapter.sandboxed(), seeded(ctx.derive_seed("lm_eval"), ctx.device), left_unchanged(model):
            tasks = adapter.tasks_of(self._name, self._folder, self._shots, allow_code=self._allow_code)
            if only_answers(model):
                asked: Any = adapter.AnsweredModel(model, ctx, rewrite)
            else:
                asked = adapter.ScoredModel(model, ctx, rewrite, needs_greedy=_needs_greedy(tasks["tasks"]))
            found = adapter.evaluated(asked, tasks, self._limit, allow_code=self._allow_code)
        records = [record for name, samples in found["samples"].items() for record in _records(name, samples)]
        if not records:
            raise InvalidOutput(f"the task {self._name!r} has no documents")
        names = dict.fromkeys(name for record in records for name in record)
        return Outcome(
            {name: [record.get(name) for record in records] for name in names},
            protocol={"precision": "unstated" if only_answers(model) else precision_of(model)},
            artifacts={"lm_eval.json": json.dumps(_plain(found["results"]), indent=1).encode()},
        )

    def _check_code(self, metrics: frozenset[str]) -> None:
        if self._folder is None or self._allow_code:
            return
        if reason := wants_code(self._folder, metrics):
            raise UsageError(f"{reason}: that is code, which runs with `allow_code: true` only; read it first")


def _needs_greedy(tasks: Mapping[str, Any]) -> bool:
    """Whether a task scores what the model would have said."""
    return any(
        task.OUTPUT_TYPE == _GREEDY or (task.OUTPUT_TYPE == "multiple_choice" and "exact_match" in task.aggregation())
        for task in tasks.values()
    )


def _records(task: str, samples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One record for each document; what further filters gave adds scores to it."""
    records: dict[str, dict[str, Any]] = {}
    first = samples[0]["filter"] if samples else ""
    for sample in samples:
        name = f"{task}/{sample['doc_id']}"
        own = sample["filter"] == first
        if own:
            records[name] = {"id": name, **_about(sample), "group.task": task}
        scores = {metric: score for metric in sample["metrics"] if (score := _number(sample.get(metric))) is not None}
        for metric, score in scores.items():
            records[name][f"score.{metric}" if own else f"score.{metric},{sample['filter']}"] = score
        if own:
            right = next((scores[metric] for metric in _RIGHT if metric in scores), None)
            records[name]["correct"] = bool(right) if right in (0, 1) else None
    return list(records.values())


def _about(sample: Mapping[str, Any]) -> dict[str, Any]:
    arguments, answers = sample["arguments"], sample["filtered_resps"]
    prompt = str(arguments[0][0])
    chosen = [pair[0] for pair in answers if isinstance(pair, tuple | list) and len(pair) == 2]
    if len(chosen) == len(arguments) > 1:
        texts = [str(argument[1]).strip() for argument in arguments]
        weights = np.exp(np.asarray(chosen, dtype=np.float64) - max(chosen))
        target = sample["target"]
        known = isinstance(target, int) and 0 <= target < len(texts)
        return {
            "prompt": prompt,
            "answer": texts[int(np.argmax(chosen))],
            "expected": texts[target] if known else str(target),
            "confidence": float(weights.max() / weights.sum()),
        }
    answer = answers[0] if answers and isinstance(answers[0], str) else None
    return {"prompt": prompt, "answer": answer, "expected": str(sample["target"]), "confidence": None}


def _number(value: Any) -> float | None:
    """A score that is a number; others, such as a likelihood with its words, are of whole sets."""
    if isinstance(value, bool | int | float | np.number) and math.isfinite(float(value)):
        return float(value)
    return None


def _plain(results: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The numbers of the library by task and name."""
    return {
        task: {name: float(value) for name, value in scores.items() if _number(value) is not None}
        for task, scores in results.items()
    }
