"""A plugin with a language model that needs no training and a corpus of which not all can be scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from harness.api import Component, Examples, hookimpl


def corpus() -> Examples:
    """Five documents: one is empty, one is no UTF-8."""
    texts = ["one two three four five", "", b"\xffno", "six seven", "eight nine ten " * 5]
    return Examples([f"d{i}" for i in range(5)], {"texts": texts})


class Reader:
    """Its prediction depends on every token that it reads and on the place of each, so none may be lost or added.

    Args:
        broken: a number that the first logit is, such as "nan".
    """

    vocabulary = 256
    window: int | None
    bos: int | None = 256
    eos: int | None = None
    tokenizer = "bytes"
    precision = "float64"

    def __init__(self, broken: str = "", window: int | None = None, bos: int | None = 256) -> None:
        self.window, self.bos, self.broken = window, bos, broken
        self.seen: list[Tensor] = []

    def encode(self, text: str) -> Sequence[int]:
        return list(text.encode())

    def decode(self, tokens: Sequence[int]) -> str:
        return bytes(token for token in tokens if token < 256).decode(errors="replace")

    def states(self, tokens: Tensor) -> Tensor:
        self.seen.append(tokens.clone())
        places = torch.arange(1, tokens.shape[1] + 1, dtype=torch.float64)
        return (tokens.double().add(1).sqrt() * places).cumsum(dim=1)[..., None]

    def logits(self, states: Tensor) -> Tensor:
        logits = torch.cos(states * torch.arange(1, 257, dtype=torch.float64))
        if self.broken:
            logits[:, 0] = float(self.broken)
        return logits


@hookimpl
def harness_components() -> Any:
    """Declare them."""
    tasks = frozenset({"language"})
    return [
        Component("model", "reader", f"{__name__}:Reader", "Reads.", tasks=tasks),
        Component("dataset", "corpus", f"{__name__}:corpus", "Texts."),
    ]
