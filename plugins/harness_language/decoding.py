"""Rules that choose the next token. Each inverts the cumulative distribution at a uniform draw."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor


class Greedy:
    """The most likely token; of several the first."""

    def choose(self, logits: Tensor, uniform: Tensor) -> Tensor:
        """Choose one token per row, without using the draw."""
        return logits.argmax(dim=1)


class Temperature:
    """Draw from the softmax of logits / temperature.

    Args:
        temperature: 1 is the model itself; less makes likely tokens likelier.
    """

    def __init__(self, temperature: Annotated[float, Gt(0)] = 1.0) -> None:
        self._temperature = temperature

    def choose(self, logits: Tensor, uniform: Tensor) -> Tensor:
        """One token per row."""
        return _drawn(_probabilities(logits, self._temperature), uniform)


class TopK:
    """Draw from the k most likely tokens.

    Args:
        k: the number of tokens; of tokens that tie at the end the first ones.
        temperature: divides the logits before.
    """

    def __init__(self, k: Annotated[int, Ge(1)] = 40, temperature: Annotated[float, Gt(0)] = 1.0) -> None:
        self._k, self._temperature = k, temperature

    def choose(self, logits: Tensor, uniform: Tensor) -> Tensor:
        """One token per row."""
        probabilities, tokens = _sorted(logits, self._temperature)
        return _picked(tokens, _drawn(probabilities[:, : self._k], uniform))


class TopP:
    """Draw from the nucleus: the fewest most likely tokens that together have at least probability p.

    Args:
        p: the smallest probability of the nucleus.
        temperature: divides the logits before.
    """

    def __init__(self, p: Annotated[float, Gt(0), Le(1)] = 0.9, temperature: Annotated[float, Gt(0)] = 1.0) -> None:
        self._p, self._temperature = p, temperature

    def choose(self, logits: Tensor, uniform: Tensor) -> Tensor:
        """One token per row."""
        probabilities, tokens = _sorted(logits, self._temperature)
        before = probabilities.cumsum(dim=1) - probabilities
        return _picked(tokens, _drawn(probabilities.where(before < self._p, 0.0), uniform))


def _probabilities(logits: Tensor, temperature: float) -> Tensor:
    # In float32 the cumulative sum of many small probabilities stands still.
    return torch.softmax(logits.double() / temperature, dim=1)


def _sorted(logits: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Probabilities from the largest down, and the tokens they belong to."""
    return _probabilities(logits, temperature).sort(dim=1, descending=True, stable=True)


def _drawn(weights: Tensor, uniform: Tensor) -> Tensor:
    """The first position whose cumulative weight is beyond the draw's share of the whole."""
    cumulative = weights.cumsum(dim=1)
    # A draw is at most 1 - 2^-53, so that in float64 this is always less than the whole.
    reached = uniform.to(cumulative) * cumulative[:, -1]
    return torch.searchsorted(cumulative, reached[:, None], right=True).squeeze(1)


def _picked(tokens: Tensor, at: Tensor) -> Tensor:
    return tokens.gather(1, at[:, None]).squeeze(1)
