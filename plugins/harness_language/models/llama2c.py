"""Checkpoints of karpathy/llama2.c: a Llama in plain torch that reads them, with their tokenizer.

The layout of the files is that of `export.py` (version 0) and `tokenizer.py` there; the network is that of `run.c`.
"""

from __future__ import annotations

import hashlib
import heapq
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention, silu

from harness.api import HarnessError, MissingData

_TOKENIZER = "tokenizer.bin"
_START = 1
_FIRST_BYTE = 3
_EPSILON = 1e-5

Past = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Shape:
    """The header of a checkpoint: seven integers of four bytes, of which a negative vocabulary says that the head has
    weights of its own.
    """

    width: int
    hidden: int
    layers: int
    heads: int
    key_value_heads: int
    vocabulary: int
    window: int
    own_head: bool

    @property
    def head_width(self) -> int:
        """The channels of a head of attention."""
        return self.width // self.heads


class PieceTokenizer:
    """SentencePiece's byte-pair encoding as in `run.c`: pieces merged by their scores, bytes as a last resort.

    Args:
        content: of `tokenizer.bin`: the length of the longest piece, then of each piece its score and bytes.
        size: the number of pieces.

    Raises:
        HarnessError: the content ends early or goes on.
    """

    def __init__(self, content: bytes, size: int) -> None:
        self.pieces: list[bytes] = []
        self._scores: list[float] = []
        offset = 4
        try:
            for _ in range(size):
                score, length = struct.unpack_from("<fi", content, offset)
                self._scores.append(score)
                self.pieces.append(content[offset + 8 : offset + 8 + length])
                offset += 8 + length
        except struct.error:
            offset = -1
        if offset != len(content):
            raise HarnessError(f"{_TOKENIZER} does not hold {size} pieces, which the checkpoint needs")
        # Of equal pieces the first counts.
        self._known = {piece: token for token, piece in reversed(list(enumerate(self.pieces)))}
        self._bytes = [f"<0x{byte:02X}>".encode() for byte in range(256)]
        if self.pieces[_FIRST_BYTE : _FIRST_BYTE + 256] != self._bytes:
            raise HarnessError(f"pieces {_FIRST_BYTE} to {_FIRST_BYTE + 255} of {_TOKENIZER} are not the bytes")

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, which begins with a space of the tokenizer's own."""
        tokens: list[int] = []
        for character in " " + text if text else "":
            piece = character.encode()
            token = self._known.get(piece)
            tokens += [token] if token is not None else [_FIRST_BYTE + byte for byte in piece]
        return self._merged(tokens)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens without the space that began it; start and end are nothing."""
        pieces = [
            bytes([token - _FIRST_BYTE]) if _FIRST_BYTE <= token < _FIRST_BYTE + 256 else self.pieces[token]
            for token in tokens
            if token >= _FIRST_BYTE
        ]
        return b"".join(pieces).removeprefix(b" ").decode(errors="replace")

    def _merged(self, tokens: list[int]) -> list[int]:
        """Merge the pair whose piece scores best, of several the first, until no pair can be merged.

        A heap of pairs and a linked list of tokens, since looking for the best anew after every merge, as `run.c` does,
        takes the square of the length.
        """
        following = [*range(1, len(tokens)), -1]
        before = list(range(-1, len(tokens) - 1))
        heap: list[tuple[float, int, int, int, int]] = []

        def consider(left: int, right: int) -> None:
            if left < 0 or right < 0:
                return
            merged = self._known.get(self.pieces[tokens[left]] + self.pieces[tokens[right]])
            if merged is not None:
                heapq.heappush(heap, (-self._scores[merged], left, tokens[left], tokens[right], merged))

        for left in range(len(tokens) - 1):
            consider(left, left + 1)
        while heap:
            _, left, first, second, merged = heapq.heappop(heap)
            right = following[left]
            # A neighbour may have been merged with another since.
            if right < 0 or tokens[left] != first or tokens[right] != second:
                continue
            tokens[left], tokens[right] = merged, -1
            following[left] = following[right]
            if following[left] >= 0:
                before[following[left]] = left
            consider(before[left], left)
            consider(left, following[left])
        return [token for token in tokens if token >= 0]


class Llama2C(nn.Module):
    """A Llama (Touvron et al. 2023) trained with llama2.c: RMSNorm, rotary positions, grouped queries, SwiGLU.

    The start token both begins and ends a text, as in training.

    Args:
        folder: holds `tokenizer.bin` and one checkpoint of version 0, the legacy format, that also ends in `.bin`.
        checkpoint: the name of the checkpoint's file, where the folder holds several.

    Raises:
        MissingData: folder, tokenizer or checkpoint is not there.
        HarnessError: a file is not what it should be, or several could be the checkpoint.
    """

    bos: int | None = _START
    eos: int | None = _START
    precision = "float32"

    def __init__(self, folder: Path, checkpoint: str | None = None) -> None:
        super().__init__()
        file = _checkpoint(folder, checkpoint)
        content = file.read_bytes()
        self.shape = _shape(content, file)
        pieces = (folder / _TOKENIZER).read_bytes()
        self._tokens = PieceTokenizer(pieces, self.shape.vocabulary)
        self.tokenizer = hashlib.sha256(pieces).hexdigest()
        self.vocabulary = self.shape.vocabulary
        self.window: int | None = self.shape.window
        self._read(np.frombuffer(content, dtype="<f4", offset=_HEADER), file)
        self.register_buffer("angles", _angles(self.shape), persistent=False)

    angles: Tensor

    def encode(self, text: str) -> Sequence[int]:
        """The tokens of a text, without the one that starts it."""
        return self._tokens.encode(text)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens."""
        return self._tokens.decode(tokens)

    def embed(self, tokens: Tensor) -> Tensor:
        """The vectors `[n, length, width]` of tokens `[n, length]`."""
        return self.embedding[tokens]

    def states(self, tokens: Tensor) -> Tensor:
        """The last layer's outputs `[n, length, width]`, normalised."""
        return self.states_of(self.embed(tokens))

    def states_of(self, embedded: Tensor) -> Tensor:
        """The states of the vectors of tokens."""
        return self._through(embedded, None)[0]

    def extend(self, tokens: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        """The states of further tokens, and the keys and values `[n, heads, length, width]` of each layer."""
        return self._through(self.embed(tokens), past)

    def logits(self, states: Tensor) -> Tensor:
        """Logits `[m, vocabulary]` of states `[m, width]`."""
        return linear(states, self.head if self.shape.own_head else self.embedding)

    def _through(self, x: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        start = past[0][0].shape[2] if past else 0
        if start + x.shape[1] > self.shape.window:
            raise HarnessError(f"{start + x.shape[1]} tokens are more than the window of {self.shape.window}")
        angles = self.angles[start : start + x.shape[1]]
        reached: Past = []
        for layer in range(self.shape.layers):
            before = past[layer] if past else None
            attended, cache = self._attend(layer, _norm(x, self.attention_norm[layer]), angles, before)
            reached.append(cache)
            x = x + attended
            y = _norm(x, self.feed_norm[layer])
            gated = silu(linear(y, self.gate[layer])) * linear(y, self.up[layer])
            x = x + linear(gated, self.down[layer])
        return _norm(x, self.final_norm), reached

    def _attend(
        self, layer: int, x: Tensor, angles: Tensor, past: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        n, length, _ = x.shape

        def heads(weights: Tensor) -> Tensor:
            return linear(x, weights[layer]).view(n, length, -1, self.shape.head_width).transpose(1, 2)

        queries, keys = (_rotated(heads(weights), angles) for weights in (self.query, self.key))
        values = heads(self.value)
        if past is not None:
            keys, values = torch.cat([past[0], keys], dim=2), torch.cat([past[1], values], dim=2)
        shared = self.shape.heads // self.shape.key_value_heads
        # Row i of the new tokens sees all that came before, and of the new ones those up to itself.
        seen = None
        if past is not None and length > 1:
            seen = torch.ones(length, keys.shape[2], dtype=torch.bool, device=x.device).tril(keys.shape[2] - length)
        mixed = scaled_dot_product_attention(
            queries,
            keys.repeat_interleave(shared, dim=1),
            values.repeat_interleave(shared, dim=1),
            attn_mask=seen,
            is_causal=past is None,
        )
        return linear(mixed.transpose(1, 2).reshape(n, length, -1), self.output[layer]), (keys, values)

    def _read(self, numbers: np.ndarray[tuple[int], np.dtype[np.float32]], file: Path) -> None:
        """Fill the weights with numbers, which are stored in this order."""
        s, narrow = self.shape, self.shape.key_value_heads * self.shape.head_width
        sizes = {
            "embedding": (s.vocabulary, s.width),
            "attention_norm": (s.layers, s.width),
            "query": (s.layers, s.width, s.width),
            "key": (s.layers, narrow, s.width),
            "value": (s.layers, narrow, s.width),
            "output": (s.layers, s.width, s.width),
            "feed_norm": (s.layers, s.width),
            "gate": (s.layers, s.hidden, s.width),
            "down": (s.layers, s.width, s.hidden),
            "up": (s.layers, s.hidden, s.width),
            "final_norm": (s.width,),
            # Cosines and sines of the positions, which we compute ourselves.
            "": (s.window, s.head_width),
            **({"head": (s.vocabulary, s.width)} if s.own_head else {}),
        }
        wanted = sum(int(np.prod(size)) for size in sizes.values())
        if wanted != len(numbers):
            raise HarnessError(f"{file} holds {len(numbers)} weights, its header asks for {wanted}")
        start = 0
        for name, size in sizes.items():
            count = int(np.prod(size))
            if name:
                weights = torch.from_numpy(numbers[start : start + count].astype(np.float32).reshape(size))
                self.register_parameter(name, nn.Parameter(weights))
            start += count

    embedding: Tensor
    attention_norm: Tensor
    query: Tensor
    key: Tensor
    value: Tensor
    output: Tensor
    feed_norm: Tensor
    gate: Tensor
    down: Tensor
    up: Tensor
    final_norm: Tensor
    head: Tensor


_HEADER = 28


def _checkpoint(folder: Path, name: str | None) -> Path:
    if not (folder / _TOKENIZER).is_file():
        raise MissingData(f"{folder} holds no {_TOKENIZER}; put the tokenizer of the checkpoint there")
    files = sorted(file for file in folder.glob("*.bin") if file.name != _TOKENIZER)
    if name is not None:
        files = [file for file in files if file.name == name]
    if not files:
        raise MissingData(f"{folder} holds no checkpoint {name or '*.bin'} of llama2.c")
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise HarnessError(f"{folder} holds several checkpoints; choose with `checkpoint`: {names}")
    return files[0]


def _shape(content: bytes, file: Path) -> Shape:
    if content[:4] == b"24ka":
        raise HarnessError(f"{file} is of a newer version of llama2.c; export it with `--version 0`")
    if len(content) < _HEADER or len(content) % 4:
        raise HarnessError(f"{file} is no checkpoint of llama2.c")
    width, hidden, layers, heads, narrow, vocabulary, window = struct.unpack_from("<7i", content)
    sane = min(width, hidden, layers, heads, narrow, abs(vocabulary), window) > 0
    if not sane or width % heads or heads % narrow or (width // heads) % 2:
        raise HarnessError(f"the header of {file} is not that of a checkpoint of llama2.c")
    return Shape(width, hidden, layers, heads, narrow, abs(vocabulary), window, vocabulary < 0)


def _angles(shape: Shape) -> Tensor:
    """The angle of each position and pair of channels `[window, head_width / 2]` (Su et al. 2021)."""
    rates = 10000.0 ** (-torch.arange(0, shape.head_width, 2, dtype=torch.float64) / shape.head_width)
    return (torch.arange(shape.window)[:, None] * rates).float()


def _rotated(x: Tensor, angles: Tensor) -> Tensor:
    """Channels 2i and 2i + 1 of `[n, heads, length, width]` turned by the angle of their position."""
    even, odd = x[..., 0::2], x[..., 1::2]
    cosine, sine = angles.cos(), angles.sin()
    return torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), dim=-1).flatten(-2)


def _norm(x: Tensor, weight: Tensor) -> Tensor:
    """Root mean square normalisation (Zhang & Sennrich 2019)."""
    return weight * (x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + _EPSILON))
