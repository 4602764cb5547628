"""A trained model tells its published story through the task `answer`, read on or read again."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from harness.api import Context, Examples
from harness_language.tasks.answer import Answer

llama2c = pytest.importorskip("harness_language.models.llama2c")


class ReadsAgain:
    """The same model without `extend`."""

    def __init__(self, model: Any) -> None:
        for name in [
            "vocabulary",
            "window",
            "bos",
            "eos",
            "tokenizer",
            "precision",
            "encode",
            "decode",
            "states",
            "logits",
        ]:
            setattr(self, name, getattr(model, name))


def test_the_greedy_text_is_the_published_one(data_folder: Path) -> None:
    folder = data_folder / "language" / "stories260K"
    model = llama2c.Llama2C(folder)
    data = Examples(["story"], {"prompts": [""], "answers": [None]})
    records = Answer(max_tokens=256, stop=[]).run(model, data, None, None, Context()).records
    told = records["answer"][0]
    assert (len(told), records["tokens"], records["stopped"]) == (565, [256], ["length"])
    assert told in (folder / "stories260K.md").read_text(encoding="utf-8")
    # The mean over the tokens of this text is .4573 nats.
    assert records["confidence"][0] == pytest.approx(math.exp(-0.4573), abs=1e-4)


def test_reading_on_and_reading_again_tell_the_same(data_folder: Path) -> None:
    model = llama2c.Llama2C(data_folder / "language" / "stories260K")
    prompts = ["Once upon a time", "One day, Tim", "Lily and Ben", "The dog"]
    data = Examples(list("abcd"), {"prompts": prompts, "answers": ["."] * 4})
    on, again = (
        Answer(max_tokens=24).run(each, data, None, None, Context()).records for each in (model, ReadsAgain(model))
    )
    assert on["answer"] == again["answer"]
    assert on["confidence"] == pytest.approx(again["confidence"], rel=1e-5)
