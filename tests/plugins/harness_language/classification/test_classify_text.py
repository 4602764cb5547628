"""The task of texts with classes: clean records, records under noise, and what models and data may not do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.api import Context, Examples, InvalidOutput, Outcome, TextBatch
from harness_language.classification.classify_text import ClassifyText

TEXTS = ["aaaa", "bbbb", "abbb", "aaab"]
DATA = Examples(
    ["w", "x", "y", "z"], {"texts": TEXTS, "labels": [0, 1, 0, 0]}, {"sex": list("fmfm")}, {"classes": ["a", "b"]}
)


class CountsLetters:
    """The number of each letter as its logit."""

    def __init__(self, *names: str) -> None:
        self.class_names = list(names) or None

    def classify(self, texts: Sequence[str], batch_size: int) -> tuple[Tensor, list[bool]]:
        logits = torch.tensor([[float(text.count("a")), float(text.count("b"))] for text in texts])
        return logits.reshape(-1, 2), [len(text) > 4 for text in texts]


class Turned(CountsLetters):
    """The same with its outputs the other way round, by name."""

    def __init__(self) -> None:
        super().__init__("b", "a")

    def classify(self, texts: Sequence[str], batch_size: int) -> tuple[Tensor, list[bool]]:
        logits, cut = super().classify(texts, batch_size)
        return logits.flip(1), cut


class Replaces:
    """Candidates with one and with three letters replaced."""

    def rewrite(self, model: object, batch: TextBatch, ctx: Context) -> Sequence[Sequence[str]]:
        other = {"a": "b", "b": "a"}
        return [["".join(map(other.__getitem__, text[:k])) + text[k:] for k in (1, 3)] for text in batch.texts]


def run(tmp_path: Path, model: Any = None, data: Any = DATA, attack: Any = None) -> Outcome:
    return ClassifyText().run(model or CountsLetters(), data, attack, Context(scratch=tmp_path))


def test_clean_records(tmp_path: Path) -> None:
    outcome = run(tmp_path)
    records = outcome.records
    assert list(records["outcome"]) == ["correct", "correct", "clean_wrong", "correct"]
    assert list(records["clean_margin"]) == [4, 4, -2, 2]
    assert records["clean_confidence"][0] == pytest.approx(1 / (1 + torch.tensor(-4.0).exp().item()))
    assert records["clean_loss"][2] == pytest.approx((1 + torch.tensor(2.0).exp()).log().item())
    assert records["group.sex"] == list("fmfm")
    assert outcome.artifacts["logits"].shape == (4, 2)


def test_the_worst_candidate_counts_and_wrong_texts_are_not_attacked(tmp_path: Path) -> None:
    records = run(tmp_path, attack=Replaces()).records
    assert list(records["outcome"]) == ["fooled", "fooled", "clean_wrong", "fooled"]
    assert records["success"] == [True, True, None, True]
    assert list(records["robust"]) == [False] * 4
    assert records["edited"] == [0.75, 0.75, None, 0.75]
    assert records["candidates"] == [2, 2, None, 2]
    assert list(records["adversarial_margin"]) == [-2, -2, -2, -4]


def test_classes_are_matched_by_name(tmp_path: Path) -> None:
    assert list(run(tmp_path, Turned()).records["clean_margin"]) == [4, 4, -2, 2]
    other = Examples(DATA.ids, DATA.columns, {}, {"classes": ["good", "bad"]})
    with pytest.raises(InvalidOutput, match=r"the model has 2 classes \(b, a\), the data have 2 \(good, bad\)"):
        run(tmp_path, Turned(), other)


def test_data_and_models_that_break_rules(tmp_path: Path) -> None:
    with pytest.raises(InvalidOutput, match="lacks column 'labels' and fact 'classes', which classification of texts"):
        run(tmp_path, data=Examples(["w"], {"texts": ["a"]}))
    with pytest.raises(InvalidOutput, match="the text of example 'w' is bytes, no text"):
        run(tmp_path, data=Examples(["w"], {"texts": [b"a"], "labels": [0]}, {}, {"classes": ["a", "b"]}))
    with pytest.raises(InvalidOutput, match="labels go from 0 to 2; there are 2 classes"):
        run(tmp_path, data=Examples(["v", "w"], {"texts": ["a", "b"], "labels": [0, 2]}, {}, {"classes": ["a", "b"]}))

    class Broken(CountsLetters):
        def classify(self, texts: Sequence[str], batch_size: int) -> tuple[Tensor, list[bool]]:
            return torch.full((len(texts), 2), torch.nan), [False] * len(texts)

    with pytest.raises(InvalidOutput, match="4 of 4 outputs are not finite"):
        run(tmp_path, Broken())

    class Short(CountsLetters):
        def classify(self, texts: Sequence[str], batch_size: int) -> tuple[Tensor, list[bool]]:
            return torch.zeros(1, 2), [False]

    with pytest.raises(InvalidOutput, match=r"returned no logits \[4, classes\]"):
        run(tmp_path, Short())


def test_texts_of_the_training_file_are_shown(tmp_path: Path) -> None:
    data = Examples(DATA.ids, DATA.columns, {}, {**DATA.facts, "overlap": 3})
    for attack in (None, Replaces()):
        assert run(tmp_path, data=data, attack=attack).display == {"overlap": "3"}
        assert run(tmp_path, attack=attack).display == {}


def test_nothing_is_right(tmp_path: Path) -> None:
    wrong = Examples(["w"], {"texts": ["aaaa"], "labels": [1]}, {}, {"classes": ["a", "b"]})
    records = run(tmp_path, data=wrong, attack=Replaces()).records
    assert list(records["outcome"]) == ["clean_wrong"]
    assert records["success"] == [None]
