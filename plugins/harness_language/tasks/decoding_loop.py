"""Continuing prompts token by token, so that no answer depends on the other prompts of a batch.

Prompts of one length in tokens go together, and of about one length where the model can leave padding out. A model
that can go on from where it was is asked to; any other reads the whole text again. A prompt loses its beginning where
the model's window would not hold prompt and answer, as in lm-evaluation-harness. An answer as long as the window leaves
half of it to the prompt; once the window is full, the model reads on from the last half of what was said, so that a
long answer costs no reading of the window for every token.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.api import Context, Decoding, EndsOfTurn, Incremental, InvalidOutput, LanguageModel, PaddedIncremental
from harness_language.tasks.likelihood import shape_of

Stopped = Literal["stop", "eos", "length", "error"]
_LEAST_SHARE = 0.5
"""A batch that goes on from a past is read anew without finished rows once no more than this share is left."""
_LEAST_LENGTH = 0.5
"""No prompt of a batch is shorter than this share of the longest, so that less than half of what is read is padding."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt to be continued.

    Attributes:
        id: of the example; its draws depend on this and on the position only.
        tokens: with the start token, if there is one.
    """

    id: str
    tokens: Sequence[int]


@dataclass(slots=True)
class Generated:
    """An answer.

    Attributes:
        text: without the stop string, and without what came after it in the same token.
        tokens: the generated tokens, with the tokens that ended it.
        log_likelihoods: of each token, in nats, by the model itself, whatever the decoding rule made of it.
        stopped: why it ended: a stop string, the end token, the limit, or logits that are no numbers.
        seconds: its share of the time of its batch.
        batch: the number of its batch.
        cut: how many tokens at the beginning of the prompt were not read.
        forgotten: how many tokens of prompt and answer were read, and forgotten before the answer ended.
    """

    text: str = ""
    tokens: list[int] = field(default_factory=list)
    log_likelihoods: list[float] = field(default_factory=list)
    stopped: Stopped = "length"
    seconds: float = 0.0
    batch: int = 0
    cut: int = 0
    forgotten: int = 0


@dataclass(frozen=True, slots=True)
class Generation:
    """The settings of generation.

    Attributes:
        max_tokens: an answer has at most that many.
        stop: strings that end an answer and are no part of it.
        decoding: chooses tokens; None for the likeliest.
    """

    max_tokens: int
    stop: Sequence[str]
    decoding: Decoding | None = None


@torch.inference_mode()
def generate(model: LanguageModel, prompts: Sequence[Prompt], how: Generation, ctx: Context) -> list[Generated]:
    """An answer for each prompt.

    Raises:
        InvalidOutput: the model or the decoding rule returned what their contract forbids.
    """
    asked = [_fitting(prompt, how.max_tokens, model.window) for prompt in prompts]
    cut = [len(whole.tokens) - len(part.tokens) for whole, part in zip(prompts, asked, strict=True)]
    answers = [Generated(cut=n) for n in cut]
    done = 0
    for number, rows in enumerate(_batches(asked, ctx.batch_size, isinstance(model, PaddedIncremental))):
        began = _clock(ctx.device)
        batch = _Batch(model, [asked[i] for i in rows], [answers[i] for i in rows], how, ctx)
        batch.run()
        took = _clock(ctx.device) - began
        for i in rows:
            answers[i].seconds, answers[i].batch = took / len(rows), number
        done += len(rows)
        ctx.progress(done, len(prompts))
    return answers


def _fitting(prompt: Prompt, max_tokens: int, window: int | None) -> Prompt:
    """The end of a prompt that leaves the window enough room for its answer."""
    if window is None:
        return prompt
    room = window - max_tokens if max_tokens < window else max(1, window // 2)
    return prompt if len(prompt.tokens) <= room else Prompt(prompt.id, prompt.tokens[-room:])


def ends_of(model: LanguageModel) -> frozenset[int]:
    """The tokens that end an answer."""
    ends = model.ends if isinstance(model, EndsOfTurn) else [] if model.eos is None else [model.eos]
    return frozenset(ends)


def _batches(prompts: Sequence[Prompt], size: int, padded: bool) -> Iterator[list[int]]:
    """Rows of one length together, the longest first, so that what does not fit in memory fails at once.

    With padding they may be up to as much shorter as `_LEAST_LENGTH` says.
    """
    lengths = [len(prompt.tokens) for prompt in prompts]
    rows: list[int] = []
    for row in sorted(range(len(prompts)), key=lambda row: -lengths[row]):
        least = lengths[rows[0]] * (_LEAST_LENGTH if padded else 1) if rows else 0
        if rows and (len(rows) == size or lengths[row] < least):
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


class _Batch:
    """Prompts that are continued together, padded on the left to one length."""

    def __init__(
        self,
        model: LanguageModel,
        prompts: Sequence[Prompt],
        answers: Sequence[Generated],
        how: Generation,
        ctx: Context,
    ) -> None:
        self._model, self._answers, self._how, self._ctx = model, answers, how, ctx
        longest = max(len(prompt.tokens) for prompt in prompts)
        padding = [longest - len(prompt.tokens) for prompt in prompts]
        rows = [[*[0] * n, *prompt.tokens] for n, prompt in zip(padding, prompts, strict=True)]
        self._tokens = torch.tensor(rows, dtype=torch.int64, device=ctx.device)
        self._padding = torch.tensor(padding, dtype=torch.int64)
        # Row k of `_tokens` belongs to answer `_rows[k]`; finished rows may stay while a past holds them.
        self._rows = list(range(len(prompts)))
        self._going_on = [True] * len(prompts)
        self._past: Any | None = None
        self._read = 0
        self._ends = ends_of(model)
        self._draws = _draws([prompt.id for prompt in prompts], how, ctx)

    def run(self) -> None:
        for position in range(self._how.max_tokens):
            logits = self._next_logits()
            total = logits.logsumexp(dim=1)
            chosen = self._choose(logits, total.isfinite(), position)
            scores = (logits.gather(1, chosen[:, None]).squeeze(1) - total).double().tolist()
            self._tokens = torch.cat([self._tokens, chosen[:, None]], dim=1)
            for row, token, score in zip(self._rows, chosen.tolist(), scores, strict=True):
                if self._going_on[row]:
                    self._add(row, token, score)
            self._drop_finished()
            if not self._rows:
                break
        for row, going_on in enumerate(self._going_on):
            if going_on:
                self._answers[row].text = self._model.decode(self._answers[row].tokens)

    def _next_logits(self) -> Tensor:
        """Logits `[rows, vocabulary]` of the next token."""
        model = self._model
        self._forget()
        if isinstance(model, Incremental):
            states, self._past = self._extended(model, self._tokens[:, self._read :])
            self._read = self._tokens.shape[1]
        else:
            states = model.states(self._tokens)
        if not isinstance(states, Tensor) or states.dim() < 2 or len(states) != len(self._rows):
            raise InvalidOutput(f"the model's states are {shape_of(states)}, expected [{len(self._rows)}, length, ...]")
        logits = model.logits(states[:, -1])
        if not isinstance(logits, Tensor) or logits.shape != (len(self._rows), model.vocabulary):
            expected = f"[{len(self._rows)}, {model.vocabulary}]"
            raise InvalidOutput(f"the model's logits are {shape_of(logits)}, expected {expected}")
        # Likelihoods in half precision would tie what is not equal.
        return logits if logits.dtype == torch.float64 else logits.float()

    def _extended(self, model: Incremental, tokens: Tensor) -> tuple[Tensor, Any]:
        if isinstance(model, PaddedIncremental) and self._padding.any():
            return model.extend_padded(tokens, self._past, self._padding.to(tokens.device))
        return model.extend(tokens, self._past)

    def _forget(self) -> None:
        """Keep the last half of the window of texts that do not fit it any more."""
        window, length = self._model.window, self._tokens.shape[1]
        if window is None or length <= window:
            return
        kept = max(1, window // 2)
        for k, row in enumerate(self._rows):
            own = length - int(self._padding[k])
            if own > window:
                self._padding[k] = length - kept
                self._answers[row].forgotten += (own - kept) * self._going_on[row]
        self._read_anew()

    def _read_anew(self) -> None:
        """Read again from the start, without the padding that all rows have in common."""
        common = int(self._padding.min())
        self._tokens, self._padding = self._tokens[:, common:], self._padding - common
        self._past, self._read = None, 0

    def _choose(self, logits: Tensor, usable: Tensor, position: int) -> Tensor:
        if self._draws is None or self._how.decoding is None:
            return logits.argmax(dim=1)
        uniform = torch.from_numpy(self._draws[self._rows, position]).to(logits.device)
        # Rows without a distribution end here, by their score, and must not trouble the others.
        chosen = self._how.decoding.choose(logits.float().where(usable[:, None], 0.0), uniform)
        name = type(self._how.decoding).__name__
        if not isinstance(chosen, Tensor) or chosen.shape != (len(logits),) or chosen.dtype != torch.int64:
            raise InvalidOutput(f"sampler {name} returned {shape_of(chosen)}, expected int64 tokens [{len(logits)}]")
        if int(chosen.min()) < 0 or int(chosen.max()) >= logits.shape[1]:
            raise InvalidOutput(f"sampler {name} chose a token outside the vocabulary of {logits.shape[1]}")
        return chosen

    def _add(self, row: int, token: int, score: float) -> None:
        """Append the next token to an answer, and end the answer if it is complete."""
        answer = self._answers[row]
        answer.tokens.append(token)
        answer.log_likelihoods.append(score)
        if not np.isfinite(score):
            self._end(row, "error", self._model.decode(answer.tokens[:-1]))
        elif token in self._ends:
            self._end(row, "eos", self._model.decode(answer.tokens[:-1]))
        elif self._how.stop:
            # The whole answer, since a stop string may be spread over tokens, or lie in the middle of one.
            text = self._model.decode(answer.tokens)
            positions = [at for at in (text.find(stop) for stop in self._how.stop) if at >= 0]
            if positions:
                self._end(row, "stop", text[: min(positions)])

    def _end(self, row: int, stopped: Stopped, text: str) -> None:
        self._answers[row].stopped, self._answers[row].text = stopped, text
        self._going_on[row] = False

    def _drop_finished(self) -> None:
        going_on = [k for k, row in enumerate(self._rows) if self._going_on[row]]
        # A past cannot be cut down to some of its rows, so dropping them costs reading everything again.
        if self._past is not None and len(going_on) > _LEAST_SHARE * len(self._rows):
            return
        if len(going_on) < len(self._rows):
            self._tokens, self._padding = self._tokens[going_on], self._padding[going_on]
            self._rows = [self._rows[k] for k in going_on]
            if self._rows:
                self._read_anew()


def _draws(ids: Sequence[str], how: Generation, ctx: Context) -> npt.NDArray[np.float64] | None:
    """Uniform draws `[prompts, max_tokens]`; each depends on the seed, the id and the position only."""
    if how.decoding is None:
        return None
    return np.stack([ctx.rng("draw", name).random(how.max_tokens) for name in ids])


def _clock(device: str) -> float:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return time.perf_counter()
