"""A small GPT over bytes, trained on first use: Radford et al. 2019, made for a minute on a CPU."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from harness.api import Context, Dataset, HarnessError
from harness_language.bytes_tokenizer import BYTES, ByteTokens
from harness_language.training_texts import training_texts

_INITIAL_DEVIATION = 0.02
_WARM_UP = 0.1
_LAST_RATE = 0.05
_WEIGHT_DECAY = 0.1
_BETAS = (0.9, 0.95)
_CLIP = 1.0
_LONGEST_WAVE = 1000.0

_NEAR = 4


@dataclass(frozen=True, slots=True)
class Past:
    """The state of earlier positions that `extend` needs.

    Attributes:
        vectors: the last input vectors `[n, 3, width]`, zeros before the start.
        blocks: keys and values `[n, heads, length, width / heads]` of each block.
    """

    vectors: Tensor
    blocks: Sequence[tuple[Tensor, Tensor]]


class _Attention(nn.Module):
    """Causal self-attention with several heads; Vaswani et al. 2017, section 3.2."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self, x: Tensor, angles: tuple[Tensor, Tensor], past: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The output of attention `[n, length, width]`, and the keys and values of all positions so far."""
        n, length, width = x.shape
        parts = self.queries_keys_values(x).view(n, length, 3, self._heads, width // self._heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)
        queries, keys = _turned(queries, angles), _turned(keys, angles)
        if past is not None:
            keys, values = torch.cat([past[0], keys], dim=2), torch.cat([past[1], values], dim=2)
        total = keys.shape[2]
        if total == length:
            mixed = scaled_dot_product_attention(queries, keys, values, is_causal=True)
        else:
            seen = torch.ones(length, total, dtype=torch.bool, device=x.device).tril(total - length)
            mixed = scaled_dot_product_attention(queries, keys, values, attn_mask=seen)
        return self.out(mixed.transpose(1, 2).reshape(n, length, width)), (keys, values)


class _Block(nn.Module):
    """Attention and a perceptron, each on the normalised sum of all earlier outputs."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.attention = _Attention(width, heads)
        self.before_perceptron = nn.LayerNorm(width)
        self.perceptron = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width)
        )

    def forward(
        self, x: Tensor, angles: tuple[Tensor, Tensor], past: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        attended, past_of_layer = self.attention(self.before_attention(x), angles, past)
        x = x + attended
        return x + self.perceptron(self.before_perceptron(x)), past_of_layer


def _turned(x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Vectors with each pair of entries rotated by an angle that grows with the position; Su et al. 2021, 3.4."""
    (cos, sin), (first, second) = turns, x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


class ByteGPT(ByteTokens, nn.Module):
    """A small GPT over bytes that learns the texts of its data, or the answers to its prompts.

    Two things are not as in GPT-2, since a byte says less than a token and there is a minute to learn in: places turn
    queries and keys (Su et al. 2021) instead of having vectors, and each place starts from the last four bytes instead
    of one, by a convolution. With the default settings, on the held-out help topics, it comes to 2.07 bits per byte,
    without the convolution to 2.37, and with vectors of places as well to 3.62.

    Data with a column `prompts` is learned as prompt, answer and a line's end, one example at a time; other data as one
    long text, of which each step reads random pieces of `context` bytes.

    Args:
        depth: number of blocks.
        width: size of the vector of each place; the perceptrons are four times as wide.
        heads: number of attention heads; they share the width.
        context: how many bytes it reads at most.
        steps: how many gradient steps it learns for; 0 leaves it untrained, as a control.
        batch: bytes in each step.
        learning_rate: the highest, reached after a tenth of the steps; it then falls along a cosine.
        loss_on: which part of prompts and answers it learns to write: the answers or all of it.
    """

    precision = "float32"
    window: int | None

    def __init__(
        self,
        depth: Annotated[int, Ge(1)] = 2,
        width: Annotated[int, Ge(1)] = 64,
        heads: Annotated[int, Ge(1)] = 4,
        context: Annotated[int, Ge(2)] = 256,
        steps: Annotated[int, Ge(0)] = 2000,
        batch: Annotated[int, Ge(1)] = 512,
        learning_rate: Annotated[float, Gt(0)] = 8e-3,
        loss_on: Literal["answer", "all"] = "answer",
    ) -> None:
        if width % (2 * heads):
            raise HarnessError(f"width {width} of byte_gpt must be a multiple of twice its {heads} heads")
        super().__init__()
        self.window = context
        self._steps, self._batch, self._learning_rate, self._loss_on = steps, batch, learning_rate, loss_on
        self.bytes = nn.Embedding(BYTES + 1, width)
        self._context = context
        self._frequencies = _LONGEST_WAVE ** -torch.linspace(0, 1, width // heads // 2)
        self.nearby = nn.Conv1d(width, width, _NEAR)
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(depth))
        self.last_norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, BYTES, bias=False)
        self._initialise(depth)

    def embed(self, tokens: Tensor) -> Tensor:
        """The vectors `[n, length, width]` of tokens, without position embeddings."""
        vectors: Tensor = self.bytes(tokens)
        return vectors

    def states_of(self, embedded: Tensor) -> Tensor:
        """The states `[n, length, width]` of vectors `[n, length, width]`. Raises HarnessError if they are too many."""
        return self._read(embedded, None)[0]

    def states(self, tokens: Tensor) -> Tensor:
        """The states `[n, length, width]` of tokens `[n, length]`. Raises HarnessError if they are too many."""
        return self.states_of(self.embed(tokens))

    def extend(self, tokens: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        """The states `[n, m, width]` of further tokens `[n, m]`, with the keys and values of all so far.

        Raises:
            HarnessError: the whole is longer than the context.
        """
        return self._read(self.embed(tokens), past)

    def logits(self, states: Tensor) -> Tensor:
        """Logits `[m, 256]` of the next byte."""
        logits: Tensor = self.head(states)
        return logits

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Train on the training split with AdamW. Raises HarnessError if there is nothing to learn from."""
        device = ctx.device
        source = training_texts(data("train"), self.bos or 0, self._context, self._batch, self._loss_on)
        generator = ctx.generator("training")
        optimizer = torch.optim.AdamW(self._weight_groups(), lr=self._learning_rate, betas=_BETAS, fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate)
        self.train()
        for step in range(1, self._steps + 1):
            tokens, targets = source.batch(generator)
            logits = self.logits(self.states(tokens.to(device)))
            loss = cross_entropy(logits.flatten(0, 1), targets.to(device).flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), _CLIP)
            optimizer.step()
            schedule.step()
            ctx.progress(step, self._steps)
        self.eval()

    def _read(self, embedded: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        before = 0 if past is None else past.blocks[0][0].shape[2]
        end = before + embedded.shape[1]
        if end > self._context:
            raise HarnessError(f"byte_gpt reads at most {self._context} tokens (its `context`), not {end}")
        angles = torch.arange(before, end)[:, None] * self._frequencies
        turns = (angles.cos().to(embedded.device), angles.sin().to(embedded.device))
        start = embedded.new_zeros(len(embedded), _NEAR - 1, embedded.shape[2]) if past is None else past.vectors
        vectors = torch.cat([start, embedded], dim=1)
        x = embedded + self.nearby(vectors.transpose(1, 2)).transpose(1, 2)
        pasts = []
        for number, block in enumerate(self.blocks):
            x, own = block(x, turns, None if past is None else past.blocks[number])
            pasts.append(own)
        return self.last_norm(x), Past(vectors[:, 1 - _NEAR :], pasts)

    def _initialise(self, depth: int) -> None:
        """Normal weights of deviation 0.02, less where a layer adds to the sum of all; Radford et al. 2019, 2.3."""
        for name, weight in self.named_parameters():
            adds = name.endswith(("attention.out.weight", "perceptron.2.weight"))
            if weight.dim() >= 2:
                nn.init.normal_(weight, std=_INITIAL_DEVIATION / (math.sqrt(2 * depth) if adds else 1))
            elif name.endswith("bias"):
                nn.init.zeros_(weight)

    def _weight_groups(self) -> list[dict[str, Any]]:
        """Parameter groups: matrices decay, biases and norms do not."""
        weights = list(self.parameters())
        return [
            {"params": [weight for weight in weights if weight.dim() >= 2], "weight_decay": _WEIGHT_DECAY},
            {"params": [weight for weight in weights if weight.dim() < 2], "weight_decay": 0.0},
        ]

    def _rate(self, step: int) -> float:
        """The learning rate of a step, as a share of the highest."""
        warm_up = max(1, round(_WARM_UP * self._steps))
        if step < warm_up:
            return (step + 1) / warm_up
        along = min(1.0, (step - warm_up) / max(1, self._steps - warm_up))
        return _LAST_RATE + (1 - _LAST_RATE) * (1 + math.cos(math.pi * along)) / 2
