"""Training texts of a language model over bytes: one long text, or prompts with their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from harness.api import Dataset, HarnessError

UNSCORED = -100
"""The target that cross entropy leaves out."""


@dataclass(frozen=True)
class Stream:
    """Documents one after the other, each begun by a start token.

    Attributes:
        tokens: all of them `[total]`, longer than `length`.
        rows, length: the size of a batch.
    """

    tokens: Tensor
    rows: int
    length: int

    def batch(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Pieces `[n, length]` that start anywhere, and what follows each token; a start token is never learned."""
        starts = torch.randint(len(self.tokens) - self.length, (self.rows, 1), generator=generator)
        pieces = self.tokens[starts + torch.arange(self.length + 1)]
        targets = pieces[:, 1:]
        return pieces[:, :-1], targets.masked_fill(targets == self.tokens[0], UNSCORED)


@dataclass(frozen=True)
class Exchanges:
    """Prompts with their answers, each begun by a start token.

    Attributes:
        tokens: the tokens of each exchange.
        learned: for each the first token that is learned.
        rows: how many are in a batch.
    """

    tokens: Sequence[Tensor]
    learned: Sequence[int]
    rows: int

    def batch(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Exchanges `[n, length]` drawn with replacement, padded on the right, and what follows each token."""
        drawn = torch.randint(len(self.tokens), (self.rows,), generator=generator).tolist()
        longest = max(len(self.tokens[row]) for row in drawn) - 1
        tokens = torch.zeros(len(drawn), longest, dtype=torch.int64)
        targets = torch.full_like(tokens, UNSCORED)
        for position, row in enumerate(drawn):
            own, first = self.tokens[row], self.learned[row]
            tokens[position, : len(own) - 1] = own[:-1]
            targets[position, first - 1 : len(own) - 1] = own[first:]
        return tokens, targets


def training_texts(
    data: Dataset, start: int, length: int, budget: int, loss_on: Literal["answer", "all"]
) -> Stream | Exchanges:
    """The training texts of a dataset.

    Args:
        data: columns `prompts` and `answers` (and perhaps `choices`), or `texts`.
        start: the start token.
        length: the longest input.
        budget: how many tokens a batch should have.
        loss_on: which part of prompts and answers is learned.

    Raises:
        HarnessError: there is nothing to learn from.
    """
    columns = data.take(range(len(data.ids)))
    if "prompts" in columns and "answers" in columns:
        return _exchanges(columns, start, length, budget, loss_on)
    return _stream(documents(columns), start, length, budget)


def documents(columns: Mapping[str, Any]) -> list[bytes]:
    """The bytes of each text. Raises HarnessError if there are none."""
    if "texts" not in columns:
        raise HarnessError(f"a language model learns from `texts` or `prompts` and `answers`, not {', '.join(columns)}")
    return [text if isinstance(text, bytes) else str(text).encode() for text in columns["texts"]]


def exchanges(columns: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """The bytes of each prompt and of its answer with the line's end, where there is an answer.

    Of several accepted answers the first is taken; where `choices` are given an answer is the number of one.
    """
    options = columns.get("choices") or [None] * len(columns["prompts"])
    pairs = []
    for prompt, answer, choices in zip(columns["prompts"], columns["answers"], options, strict=True):
        expected = answer if isinstance(answer, str) or answer is None else _first(answer, choices)
        if expected is not None:
            pairs.append((prompt.encode(), f"{expected}\n".encode()))
    return pairs


def learnable_documents(columns: Mapping[str, Any]) -> list[bytes]:
    """Whole documents: the texts, or prompts with their answers. Raises HarnessError if there are neither."""
    if "prompts" in columns and "answers" in columns:
        return [prompt + answer for prompt, answer in exchanges(columns)]
    return documents(columns)


def _first(answer: Any, choices: Sequence[str] | None) -> str | None:
    if choices is not None:
        return choices[int(answer)]
    return next(iter(answer), None)


def _stream(texts: Sequence[bytes], start: int, length: int, budget: int) -> Stream:
    tokens = torch.tensor([token for text in texts for token in (start, *text)], dtype=torch.int64)
    if len(tokens) < 2 or not any(texts):
        raise HarnessError("the texts to learn from are empty")
    length = min(length, len(tokens) - 1)
    return Stream(tokens, max(1, budget // length), length)


def _exchanges(
    columns: Mapping[str, Any], start: int, length: int, budget: int, loss_on: Literal["answer", "all"]
) -> Exchanges:
    tokens, learned = [], []
    for prompt, answer in exchanges(columns):
        # What is too long loses its beginning, since the answer is at the end.
        whole = [start, *prompt, *answer][-length - 1 :]
        tokens.append(torch.tensor(whole, dtype=torch.int64))
        learned.append(max(1, len(whole) - len(answer)) if loss_on == "answer" else 1)
    if not tokens:
        raise HarnessError("no prompt to learn from has an answer")
    average = sum(len(own) - 1 for own in tokens) / len(tokens)
    return Exchanges(tokens, learned, max(1, round(budget / average)))
