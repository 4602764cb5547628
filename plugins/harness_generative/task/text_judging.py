"""What judges of text and image say of samples: how well each agrees with its prompt, and which objects it shows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from torch import Tensor

from harness.api import Answerer, Context, Dataset, InvalidOutput, TextJudge
from harness_generative.judges.objects import Expected
from harness_generative.task.counted_generator import shape_of


def judged_in_words(
    text_judge: TextJudge | None,
    answerer: Answerer | None,
    samples: Tensor | None,
    data: Dataset,
    prompts: Sequence[str | None],
    ctx: Context,
) -> dict[str, Any]:
    """The columns of what judges of text and image say of each sample; none without judges.

    Raises:
        InvalidOutput: there are no images, no prompts, or no objects to ask for; or a judge says something else.
    """
    if text_judge is None and answerer is None:
        return {}
    if samples is None:
        raise InvalidOutput("a text judge and an answerer need images, and these samples are given as features")
    columns = {} if text_judge is None else agreements(text_judge, samples, prompts, ctx)
    if answerer is None:
        return columns
    expected = data.take([row % len(data.ids) for row in range(len(samples))]).get("expected")
    if expected is None:
        raise InvalidOutput(
            "the data do not say which objects samples must show; `answerer` needs `prompts` with `include`"
        )
    return columns | objects_shown(answerer, samples, expected, ctx)


def agreements(judge: TextJudge, samples: Tensor, prompts: Sequence[str | None], ctx: Context) -> dict[str, Any]:
    """The column `text_agreement`. Raises InvalidOutput where samples have no prompts, or it says no number of each."""
    if None in prompts:
        raise InvalidOutput("a text judge compares samples with their prompts, and these were not asked for any")
    scores: list[float] = []
    for start in range(0, len(samples), ctx.batch_size):
        stop = min(start + ctx.batch_size, len(samples))
        made = judge.agreement(samples[start:stop].to(ctx.device), [str(each) for each in prompts[start:stop]])
        if not isinstance(made, Tensor) or tuple(made.shape) != (stop - start,):
            raise InvalidOutput(f"the text judge returned {shape_of(made)} for {stop - start} samples; it must be [n]")
        scores += made.double().cpu().tolist()
    broken = int((~np.isfinite(scores)).sum())
    if broken:
        raise InvalidOutput(f"the text judge gave no finite number for {broken} samples")
    return {"text_agreement": scores}


def objects_shown(answerer: Answerer, samples: Tensor, expected: Sequence[str], ctx: Context) -> dict[str, Any]:
    """The columns counts_right, colours_right, positions_right, objects_right and answers, of what samples must show.

    Args:
        answerer: is asked one question after the other.
        samples: `[n, C, H, W]` in [0, 1].
        expected: the objects of each sample, as JSON.
        ctx: with the device and the batch size.

    Raises:
        InvalidOutput: it does not give one answer to each question.
    """
    wanted = [Expected.of(each) for each in expected]
    rows = [row for row, each in enumerate(wanted) for _ in each.questions]
    questions = [question for each in wanted for question in each.questions]
    answers: list[str] = []
    for start in range(0, len(rows), ctx.batch_size):
        asked = questions[start : start + ctx.batch_size]
        made = answerer.answers(samples[rows[start : start + ctx.batch_size]].to(ctx.device), asked)
        if len(made) != len(asked) or not all(isinstance(each, str) for each in made):
            raise InvalidOutput(
                f"the answerer gave {len(made)} answers to {len(asked)} questions; one text each is due"
            )
        answers += made
    stops = list(accumulate(len(each.questions) for each in wanted))
    of_sample = [answers[stop - len(each.questions) : stop] for each, stop in zip(wanted, stops, strict=True)]
    verdicts = [each.judged(own) for each, own in zip(wanted, of_sample, strict=True)]
    return {
        "counts_right": [each.counts for each in verdicts],
        "colours_right": [each.colours for each in verdicts],
        "positions_right": [each.positions for each in verdicts],
        "objects_right": [each.all for each in verdicts],
        "answers": [
            "; ".join(f"{question} {answer}" for question, answer in zip(each.questions, own, strict=True))
            for each, own in zip(wanted, of_sample, strict=True)
        ],
    }
