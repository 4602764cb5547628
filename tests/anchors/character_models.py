"""Tiny language models over characters, whose best suffix can be found by trying all of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

CHARACTERS = " !abcdQ\nG"
GOAL = CHARACTERS.index("G")


class Characters:
    """A token is a character, or "ab" where both stand together: what is written need not be what is read."""

    vocabulary = len(CHARACTERS) + 1
    window: int | None = None
    bos: int | None = None
    eos: int | None = None
    tokenizer = "characters"
    precision = "float64"

    def encode(self, text: str) -> Sequence[int]:
        """Greedy from the left."""
        merged = text.replace("ab", "\0")
        return [len(CHARACTERS) if each == "\0" else CHARACTERS.index(each) for each in merged]

    def decode(self, tokens: Sequence[int]) -> str:
        return "".join("ab" if token == len(CHARACTERS) else CHARACTERS[token] for token in tokens)


class Additive(Characters):
    """The goal's logit is a sum over places of what each token adds; another token's is always higher.

    The gradient is then the exact order of the tokens of each place, and the best suffix has the best one everywhere.
    """

    def __init__(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.vectors = torch.randn(self.vocabulary, 5, generator=generator, dtype=torch.float64)
        self.places = torch.randn(40, 5, generator=generator, dtype=torch.float64)

    def embed(self, tokens: Tensor) -> Tensor:
        return self.vectors[tokens]

    def states_of(self, embedded: Tensor) -> Tensor:
        return (embedded * self.places[: embedded.shape[1]]).sum(dim=2, keepdim=True).cumsum(dim=1)

    def states(self, tokens: Tensor) -> Tensor:
        return self.states_of(self.embed(tokens))

    def logits(self, states: Tensor) -> Tensor:
        logits = torch.zeros(len(states), self.vocabulary, dtype=torch.float64)
        logits[:, GOAL] = states[:, 0]
        logits[:, 0] = 100.0
        return logits


class Bent(Additive):
    """The same with a bend, so that places interact."""

    def states_of(self, embedded: Tensor) -> Tensor:
        return 5 * torch.tanh(super().states_of(embedded.tanh()) / 5)
