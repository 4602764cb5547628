"""N-grams over bytes: interpolated modified Kneser-Ney, or counts with a constant added.

All n-grams are kept as sorted arrays. An n-gram is numbered by its place among those of its length, and found by the
number of its first n - 1 bytes and its last byte, so that those that go on from one context lie side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import Context, Dataset, HarnessError
from harness_language.bytes_tokenizer import BYTES, ByteTokens
from harness_language.training_texts import learnable_documents

Smoothing = Literal["kneser_ney", "additive"]
Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_SYMBOLS = BYTES + 1
_UNSEEN, _BEFORE_START = -1, -2
_USUAL_DISCOUNTS = (0.5, 1.0, 1.5)
"""For counts of which there are too few to estimate them, as KenLM does (Heafield et al. 2013)."""


@dataclass(frozen=True)
class _Level:
    """The n-grams of one length.

    Attributes:
        keys: `[grams]`, sorted: number of the context times 257, plus the last byte.
        values: `[grams]`, what each adds to the probability of its last byte.
        weights: `[contexts]`, the weight of what is known without this length.
        starts: `[contexts + 1]`, where in `keys` those of each context start.
    """

    keys: Tensor
    values: Tensor
    weights: Tensor
    starts: Tensor

    @classmethod
    def of(cls, keys: Tensor, values: Tensor, weights: Tensor) -> _Level:
        contexts = torch.arange(len(weights) + 1, device=keys.device) * _SYMBOLS
        return cls(keys, values, weights, torch.searchsorted(keys, contexts))


class NGram(ByteTokens):
    """Interpolated Kneser-Ney: predicts a byte from the `order - 1` bytes before it.

    Args:
        order: the longest n-gram; 1 counts single bytes.
        smoothing: `kneser_ney` is interpolated and has three discounts for each length, estimated from the counts of
            counts (Chen & Goodman 1999, section 3); `additive` adds a constant to the counts of n-grams of `order`.
        add: the added constant; with 0 what was never seen is impossible.
        alphabet: what has a probability at all: every byte, or those that were seen in training.
    """

    precision = "float64"
    window: int | None = None

    def __init__(
        self,
        order: Annotated[int, Ge(1)] = 6,
        smoothing: Smoothing = "kneser_ney",
        add: Annotated[float, Ge(0)] = 1.0,
        alphabet: Literal["bytes", "seen"] = "bytes",
    ) -> None:
        self._order, self._smoothing, self._add, self._alphabet_kind = order, smoothing, add, alphabet
        self._levels: tuple[_Level, ...] = ()
        self._alphabet = torch.full((BYTES,), 1 / BYTES, dtype=torch.float64)

    def states(self, tokens: Tensor) -> Tensor:
        """The numbers of the contexts of length 0 to order - 1 after each token: `[n, length, order]`, int64.

        Negative where a context was never seen or reaches back before the first token.
        """
        numbers = [torch.zeros_like(tokens)]
        for level in self._levels[:-1]:
            shorter = torch.full_like(tokens, _BEFORE_START)
            if len(numbers) == 1:
                shorter = numbers[0]
            else:
                shorter[:, 1:] = numbers[-1][:, :-1]
            numbers.append(_numbers(level.keys, shorter, tokens))
        return torch.stack(numbers, dim=-1)

    def extend(self, tokens: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """The states of further tokens, and the tokens that later states depend on."""
        whole = tokens if past is None else torch.cat([past, tokens], dim=1)
        recent = whole[:, max(0, whole.shape[1] - self._order) :]
        return self.states(whole)[:, whole.shape[1] - tokens.shape[1] :], recent

    def logits(self, states: Tensor) -> Tensor:
        """Exact log-probabilities `[m, 256]` in float64."""
        alphabet = self._alphabet.to(states.device)
        probabilities = alphabet.expand(len(states), BYTES).clone()
        for level, contexts in zip(self._levels, states.unbind(dim=1), strict=True):
            _add_level(level, contexts, probabilities, alphabet if self._smoothing == "additive" else None)
        return probabilities.log()

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Count the n-grams of the training split. Raises HarnessError if it is empty."""
        train = data("train")
        texts = learnable_documents(train.take(range(len(train.ids))))
        symbols = np.concatenate([np.frombuffer(text, np.uint8) for text in texts] or [np.empty(0, np.uint8)])
        if not len(symbols):
            raise HarnessError("the texts to learn from are empty")
        if self._alphabet_kind == "seen":
            seen = np.bincount(symbols, minlength=BYTES) > 0
            self._alphabet = torch.as_tensor(seen / seen.sum())
        tokens = np.concatenate([np.concatenate([[BYTES], np.frombuffer(text, np.uint8)]) for text in texts])
        counted = count_ngrams(tokens.astype(np.int64), self._order)
        if self._smoothing == "kneser_ney":
            smoothed = [_kneser_ney(grams) for grams in adjusted(counted)]
        else:
            smoothed = [_additive(grams, self._add * int((self._alphabet > 0).sum())) for grams in counted]
        self._levels = tuple(
            _Level.of(torch.as_tensor(grams.keys), torch.as_tensor(values), torch.as_tensor(weights))
            for grams, (values, weights) in zip(counted, smoothed, strict=True)
        )

    def state_dict(self) -> Mapping[str, Tensor]:
        """The arrays of every length."""
        state = {"alphabet": self._alphabet}
        for n, level in enumerate(self._levels, start=1):
            state |= {f"keys.{n}": level.keys, f"values.{n}": level.values, f"weights.{n}": level.weights}
        return state

    def load_state_dict(self, state_dict: Mapping[str, Tensor], /) -> None:
        """The inverse of `state_dict`."""
        self._alphabet = state_dict["alphabet"]
        names = ("keys", "values", "weights")
        self._levels = tuple(
            _Level.of(*(state_dict[f"{name}.{n}"] for name in names)) for n in range(1, self._order + 1)
        )


@dataclass(frozen=True)
class Counts:
    """How often n-grams of one length occur.

    Attributes:
        keys: `[grams]`, sorted, see `_Level`.
        counts: `[grams]`.
        contexts: how many n-grams there are of one byte less.
        suffixes: `[grams]`, the number of each n-gram without its first byte, among those of one byte less.
        starts_text: `[grams]`, whether the n-gram begins with the start token.
    """

    keys: Ids
    counts: Ids
    contexts: int
    suffixes: Ids
    starts_text: npt.NDArray[np.bool_]

    @property
    def of_context(self) -> Ids:
        """`[grams]`, the number of the context of each."""
        return self.keys // _SYMBOLS


def count_ngrams(tokens: Ids, order: int) -> list[Counts]:
    """The n-grams of length 1 to `order` in texts that each begin with the start token 256; none spans two texts."""
    starts = tokens == BYTES
    position = np.arange(len(tokens))
    position -= np.maximum.accumulate(np.where(starts, position, 0))
    numbers = np.zeros(len(tokens), np.int64)
    grams, contexts = [], 1
    for n in range(1, order + 1):
        at = np.flatnonzero(position >= n - 1)
        shorter = numbers[at - 1] if n > 1 else np.zeros(len(at), np.int64)
        keys, first, inverse, counts = np.unique(
            shorter * _SYMBOLS + tokens[at], return_index=True, return_inverse=True, return_counts=True
        )
        ends = at[first]
        grams.append(Counts(keys, counts, contexts, numbers[ends] if n > 1 else 0 * ends, starts[ends - n + 1]))
        numbers = np.full(len(tokens), _UNSEEN, np.int64)
        numbers[at], contexts = inverse, len(keys)
    # The start token is read and never predicted.
    grams[0].counts[grams[0].keys == BYTES] = 0
    return grams


def adjusted(counted: Sequence[Counts]) -> list[Counts]:
    """The counts of Kneser-Ney: below the longest n-grams, how many different bytes precede each.

    What begins with the start token has nothing before it and keeps its count; Heafield et al. 2013, section 3.
    """
    result = []
    for grams, longer in zip(counted, [*counted[1:], None], strict=True):
        if longer is not None:
            before = np.bincount(longer.suffixes, minlength=len(grams.keys)).astype(np.int64)
            grams = replace(grams, counts=np.where(grams.starts_text, grams.counts, before))
        result.append(grams)
    return result


def discounts(counts: Ids) -> tuple[float, float, float]:
    """The discounts of counts of 1, 2 and more; Chen & Goodman 1999, equation 26."""
    n1, n2, n3, n4 = (int((counts == k).sum()) for k in (1, 2, 3, 4))
    if min(n1, n2, n3, n4) == 0:
        return _USUAL_DISCOUNTS
    y = n1 / (n1 + 2 * n2)
    estimates = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return estimates if all(0 < discount <= k for k, discount in enumerate(estimates, start=1)) else _USUAL_DISCOUNTS


def _kneser_ney(grams: Counts) -> tuple[Floats, Floats]:
    """Values and weights; Chen & Goodman 1999, equation 25."""
    taken = np.array([0.0, *discounts(grams.counts)])[np.minimum(grams.counts, 3)]
    totals = np.bincount(grams.of_context, grams.counts, minlength=grams.contexts)
    lost = np.bincount(grams.of_context, taken, minlength=grams.contexts)
    divisors = np.maximum(totals, 1)
    return (grams.counts - taken) / divisors[grams.of_context], np.where(totals > 0, lost / divisors, 1.0)


def _additive(grams: Counts, added: float) -> tuple[Floats, Floats]:
    """Values and weights, where `added` is added to all counts of a context together."""
    totals = np.bincount(grams.of_context, grams.counts, minlength=grams.contexts) + added
    divisors = np.where(totals > 0, totals, 1.0)
    return grams.counts / divisors[grams.of_context], np.where(totals > 0, added / divisors, 1.0)


def _numbers(keys: Tensor, contexts: Tensor, tokens: Tensor) -> Tensor:
    """The number of each n-gram of a context and a token; negative where there is none."""
    wanted = contexts * _SYMBOLS + tokens
    at = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    numbers = torch.where(keys[at] == wanted, at, _UNSEEN)
    return torch.where(contexts < 0, contexts, numbers)


def _add_level(level: _Level, contexts: Tensor, probabilities: Tensor, fresh: Tensor | None) -> None:
    """Interpolate `probabilities` `[m, 256]` of shorter n-grams with those of this length, in place.

    Args:
        level: the n-grams.
        contexts: `[m]`, the context of each row.
        probabilities: changed in place.
        fresh: what this length is mixed with instead of `probabilities`.
    """
    if fresh is not None:
        probabilities[contexts != _BEFORE_START] = fresh
    rows = (contexts >= 0).nonzero().squeeze(1)
    contexts = contexts[rows]
    factors = torch.ones(len(probabilities), 1, dtype=probabilities.dtype, device=probabilities.device)
    factors[rows, 0] = level.weights[contexts]
    probabilities *= factors
    first = level.starts[contexts]
    many = level.starts[contexts + 1] - first
    gone = many.cumsum(0) - many
    grams = torch.arange(int(many.sum()), device=probabilities.device) + (first - gone).repeat_interleave(many)
    symbols = level.keys[grams] % _SYMBOLS
    at = rows.repeat_interleave(many) * BYTES + symbols
    probabilities.view(-1)[at[symbols < BYTES]] += level.values[grams][symbols < BYTES]
