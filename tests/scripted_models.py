"""Language models whose every probability is written down, so that answers and likelihoods are closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

Rule = Callable[[tuple[int, ...]], Mapping[int, float]]
"""From all tokens that the model reads to the probabilities of the next one."""
_PADDING = -1


class Scripted:
    """Tokens are the pieces of a list, encoded from the left, the longest first; a rule says what comes next.

    Args:
        pieces: the text of each token; the end token is the empty piece, if there is one.
        rule: given what was read, the probabilities of the next token; those it leaves out share what is left.
        bos: whether a start token (beyond the vocabulary) begins each text.
        window: as of every language model.
    """

    precision = "float64"
    tokenizer = "pieces"

    def __init__(self, pieces: Sequence[str], rule: Rule, *, bos: bool = True, window: int | None = None) -> None:
        self.pieces, self._rule, self.window = list(pieces), rule, window
        self.vocabulary = len(pieces)
        self.bos = self.vocabulary if bos else None
        self.eos = self.pieces.index("") if "" in self.pieces else None
        self.read: list[tuple[int, int]] = []

    def encode(self, text: str) -> Sequence[int]:
        found: list[int] = []
        while text:
            piece = max((piece for piece in self.pieces if piece and text.startswith(piece)), key=len)
            found.append(self.pieces.index(piece))
            text = text[len(piece) :]
        return found

    def decode(self, tokens: Sequence[int]) -> str:
        return "".join(self.pieces[token] for token in tokens if token < self.vocabulary)

    def states(self, tokens: Tensor) -> Tensor:
        """Everything up to each token, `[n, length, length]`, padded."""
        self.read.append((tokens.shape[0], tokens.shape[1]))
        length = tokens.shape[1]
        whole = tokens[:, None, :].expand(-1, length, -1)
        return whole.masked_fill(torch.ones(length, length).triu(1).bool(), _PADDING)

    def logits(self, states: Tensor) -> Tensor:
        return torch.tensor([self._logits(row) for row in states.tolist()], dtype=torch.float64)

    def _logits(self, state: Sequence[int]) -> list[float]:
        known = self._rule(tuple(token for token in state if token != _PADDING))
        others = self.vocabulary - len(known)
        rest = (1 - sum(known.values())) / others if others else 0.0
        return [
            math.log(known.get(token, rest)) if known.get(token, rest) > 0 else -math.inf
            for token in range(self.vocabulary)
        ]


class ScriptedIncremental(Scripted):
    """The same, that goes on from where it was."""

    def extend(self, tokens: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        whole = tokens if past is None else torch.cat([past, tokens], dim=1)
        self.extended = [*getattr(self, "extended", []), tuple(tokens.shape)]
        return super().states(whole)[:, -tokens.shape[1] :], whole


class ScriptedPadded(ScriptedIncremental):
    """The same, that also goes on from texts of different lengths."""

    def extend_padded(self, tokens: Tensor, past: Tensor | None, padding: Tensor) -> tuple[Tensor, Tensor]:
        states, whole = self.extend(tokens, past)
        padded = torch.arange(whole.shape[1])[None] < padding[:, None]
        return states.masked_fill(padded[:, None, :], _PADDING), whole


def always(pieces: Sequence[str], says: Sequence[str], probability: float = 0.9, after: int = 1) -> Rule:
    """After so many tokens (with the start token) these pieces one after the other, each with this probability."""

    def rule(read: tuple[int, ...]) -> Mapping[int, float]:
        return {pieces.index(says[(len(read) - after) % len(says)]): probability}

    return rule
