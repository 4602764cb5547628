"""The log-likelihoods of texts under a language model, token by token.

Windows are sorted by length and read in batches under a budget of tokens, padded on the right, so that little is spent
on padding. The vocabulary head is applied only to tokens that are scored, and in chunks, since the logits of a whole
batch would be many times as large as all else. Log-likelihoods are taken in float32 or better and summed in float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.api import Context, InvalidOutput, LanguageModel

TOKENS_PER_EXAMPLE = 128
"""The budget of a batch is this times `ctx.batch_size`, in tokens with padding."""
_LOGITS_AT_ONCE = 2**22
"""How many logits are held at once: 16 MiB in float32."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Window:
    """The tokens that the model reads at once, and which of them are scored.

    Attributes:
        tokens: what is read, and last what is predicted from all before.
        first: the position of the first token that is scored; at least 1.
        also: further tokens to score, each with the position in which it stands instead.
    """

    tokens: Sequence[int]
    first: int
    also: tuple[tuple[int, int], ...] = ()

    @property
    def length(self) -> int:
        """How many tokens the model reads."""
        return len(self.tokens) - 1

    def pairs(self) -> list[tuple[int, int]]:
        """The position and the token of all that is scored, in this order."""
        return [*enumerate(self.tokens[self.first :], start=self.first), *self.also]


@torch.inference_mode()
def log_likelihoods(model: LanguageModel, windows: Sequence[Window], ctx: Context) -> list[Array]:
    """For each window the log-likelihood in nats of each scored token, `[len(tokens) - first + len(also)]`.

    Args:
        model: the model.
        windows: in any order.
        ctx: says how large a batch may be.

    Raises:
        InvalidOutput: states or logits of the wrong shape.
    """
    values_by_row: list[Array] = [np.empty(len(w.tokens) - w.first + len(w.also)) for w in windows]
    total, done = sum(window.length for window in windows), 0
    for rows in _batches([window.length for window in windows], ctx.batch_size * TOKENS_PER_EXAMPLE):
        batch = [windows[i] for i in rows]
        longest = max(window.length for window in batch)
        tokens = torch.zeros((len(batch), longest), dtype=torch.int64)
        whole = [torch.as_tensor(window.tokens, dtype=torch.int64) for window in batch]
        for row, window in enumerate(batch):
            tokens[row, : window.length] = whole[row][:-1]
        states = model.states(tokens.to(ctx.device))
        if not isinstance(states, Tensor) or states.shape[:2] != tokens.shape:
            raise InvalidOutput(f"the model's states are {shape_of(states)}, expected [{len(batch)}, {longest}, ...]")
        at = torch.cat([part for i, w in enumerate(batch) for part in _positions(w, i * longest - 1)])
        targets = torch.cat([part for own, w in zip(whole, batch, strict=True) for part in _targets(w, own)])
        flat = states.flatten(0, 1)
        scored = _scored(model, flat, at.to(ctx.device), targets.to(ctx.device))
        start = 0
        values = scored.cpu().numpy()
        for row in rows:
            values_by_row[row][:] = values[start : start + len(values_by_row[row])]
            start += len(values_by_row[row])
        # Not beside the states of the next batch.
        del states, flat, scored, values
        done += sum(window.length for window in batch)
        ctx.progress(done, total)
    return values_by_row


def _positions(window: Window, offset: int) -> tuple[Tensor, ...]:
    """Where the states stand from which the tokens of a window are scored."""
    own = torch.arange(offset + window.first, offset + len(window.tokens))
    return (own, torch.tensor([offset + at for at, _ in window.also])) if window.also else (own,)


def _targets(window: Window, tokens: Tensor) -> tuple[Tensor, ...]:
    """The tokens of a window that are scored."""
    own = tokens[window.first :]
    return (own, torch.tensor([token for _, token in window.also])) if window.also else (own,)


def unknown_token(model: LanguageModel, tokens: Sequence[int]) -> str:
    """The reason why a model cannot read tokens: its tokenizer has more of them than it has; empty if it can.

    The start token may lie beyond the vocabulary, since it is never predicted.
    """
    beyond = next((token for token in tokens if token != model.bos and not 0 <= token < model.vocabulary), None)
    return "" if beyond is None else f"the text holds token {beyond}, which the model does not have"


def precision_of(model: LanguageModel) -> str:
    """The precision of a model's numbers: "full" for float32 and float64, else its dtype."""
    return "full" if model.precision in ("float32", "float64") else model.precision


def problems_of(broken: Sequence[str], n: int, what: str = "likelihoods are", first: str = "") -> tuple[str, ...]:
    """The rule that likelihoods are finite, if some of n break it."""
    return (f"{len(broken)} of {n} {what} not finite, first for {first}{broken[0]!r}",) if broken else ()


def _batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Rows in batches, the longest first, so that what does not fit in memory fails at once."""
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size


def _scored(model: LanguageModel, states: Tensor, at: Tensor, targets: Tensor) -> Tensor:
    """The log-likelihood of each target `[m]` from its state.

    The states `[n, ...]` that count, at the positions `[m]`, are copied chunk by chunk.
    """
    size = max(1, _LOGITS_AT_ONCE // model.vocabulary)
    # Before any logits: what is kept between large blocks that come and go leaves holes, and memory grows.
    scores = torch.empty(len(targets), dtype=torch.float32 if targets.is_mps else torch.float64, device=targets.device)
    room: Tensor | None = None
    for start in range(0, len(targets), size):
        part = targets[start : start + size]
        logits = model.logits(states[at[start : start + size]])
        if not isinstance(logits, Tensor) or logits.shape != (len(part), model.vocabulary):
            raise InvalidOutput(
                f"the model's logits are {shape_of(logits)}, expected [{len(part)}, {model.vocabulary}]"
            )
        # A softmax in half precision ties what is not equal.
        logits = logits if logits.dtype == torch.float64 else logits.float()
        # The first chunk is the largest. With a new room for each, the system would hand out its pages anew every time.
        room = torch.empty_like(logits) if room is None else room[: len(part)]
        scores[start : start + size] = torch.log_softmax(logits, dim=1, out=room).gather(1, part[:, None]).squeeze(1)
        del logits
    return scores


def shape_of(value: object) -> str:
    """The shape of a tensor, or the type of what is none, as errors show it."""
    return str(list(value.shape)) if isinstance(value, Tensor) else f"a {type(value).__name__}"
