"""Checkpoints of llama2.c, written here number by number as its `export.py` does."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.api import HarnessError, Incremental, MissingData
from harness_language.models.llama2c import Llama2C, PieceTokenizer

BYTES = [f"<0x{byte:02X}>".encode() for byte in range(256)]
LEARNED = [b"ab", b" ab", b"abc", b" ", b"a", b"b", b"c", "é".encode()]
PIECES = [b"<unk>", b"\n<s>\n", b"\n</s>\n", *BYTES, *LEARNED]
SCORES = [0.0] * 259 + [-1.0, -2.0, -0.5, *[-9.0] * 5]
AB, SPACE_AB, ABC, SPACE, A, B, C, ACCENT = range(259, 267)
WIDTH, HIDDEN, LAYERS, HEADS, NARROW, WINDOW = 8, 12, 2, 4, 2, 16


def tokenizer_file(pieces: list[bytes] = PIECES, scores: list[float] = SCORES) -> bytes:
    body = [struct.pack("<fi", score, len(piece)) + piece for piece, score in zip(pieces, scores, strict=True)]
    return struct.pack("<i", max(map(len, pieces))) + b"".join(body)


def checkpoint_file(*, own_head: bool = False) -> bytes:
    vocabulary, width = len(PIECES), WIDTH // HEADS
    size = vocabulary * WIDTH * (2 if own_head else 1) + WIDTH + WINDOW * width
    size += LAYERS * (2 * WIDTH + 2 * WIDTH * WIDTH + 2 * WIDTH * NARROW * width + 3 * WIDTH * HIDDEN)
    numbers = np.random.default_rng(0).normal(size=size).astype("<f4")
    header = (WIDTH, HIDDEN, LAYERS, HEADS, NARROW, -vocabulary if own_head else vocabulary, WINDOW)
    return struct.pack("<7i", *header) + numbers.tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tokenizer.bin").write_bytes(tokenizer_file())
    (tmp_path / "model.bin").write_bytes(checkpoint_file())
    return tmp_path


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("ab", [SPACE_AB]),  # "ab" at -1 before " ab", which needs it
        ("abc", [SPACE, ABC]),  # "abc" at -0.5 wins against " ab" at -2
        ("abab", [SPACE_AB, AB]),
        ("é", [SPACE, ACCENT]),
        ("z\n", [SPACE, 3 + ord("z"), 3 + ord("\n")]),
        ("\N{GRINNING FACE}", [SPACE, 3 + 0xF0, 3 + 0x9F, 3 + 0x98, 3 + 0x80]),
    ],
)
def test_pieces_are_merged_by_score(text: str, tokens: list[int]) -> None:
    tokenizer = PieceTokenizer(tokenizer_file(), len(PIECES))
    assert tokenizer.encode(text) == tokens
    assert tokenizer.decode([1, *tokens]) == text


def by_looking_anew(tokenizer: PieceTokenizer, text: str) -> list[int]:
    """As `run.c`: after every merge look for the best pair from the left."""
    known = {piece: token for token, piece in reversed(list(enumerate(PIECES)))}
    tokens = [token for c in " " + text for token in ([known[c.encode()]] if c.encode() in known else [])]
    while True:
        best, place = -1e10, -1
        for i in range(len(tokens) - 1):
            merged = known.get(PIECES[tokens[i]] + PIECES[tokens[i + 1]])
            if merged is not None and SCORES[merged] > best:
                best, place, found = SCORES[merged], i, merged
        if place < 0:
            return tokens
        tokens[place : place + 2] = [found]


def test_merging_is_that_of_the_original() -> None:
    tokenizer = PieceTokenizer(tokenizer_file(), len(PIECES))
    draw = np.random.default_rng(1)
    for _ in range(50):
        text = "".join(draw.choice(list("abc é"), size=30))
        assert tokenizer.encode(text) == by_looking_anew(tokenizer, text)


def test_bytes_that_are_no_utf8_are_marked() -> None:
    tokenizer = PieceTokenizer(tokenizer_file(), len(PIECES))
    assert tokenizer.decode([A, 3 + 0xF0]) == "a\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("own_head", [False, True])
@torch.no_grad()
def test_reading_in_parts_and_padded_is_reading_at_once(folder: Path, own_head: bool) -> None:
    (folder / "model.bin").write_bytes(checkpoint_file(own_head=own_head))
    model = Llama2C(folder)
    assert isinstance(model, Incremental)
    assert (model.vocabulary, model.window, model.shape.own_head) == (len(PIECES), WINDOW, own_head)
    tokens = torch.randint(3, len(PIECES), (2, 12), generator=torch.Generator().manual_seed(0))
    whole = model.states(tokens)
    padded = model.states(torch.cat([tokens, torch.zeros(2, 4, dtype=torch.int64)], dim=1))
    assert torch.allclose(padded[:, :12], whole, atol=1e-5)
    first, past = model.extend(tokens[:, :5], None)
    second, past = model.extend(tokens[:, 5:11], past)
    third, _ = model.extend(tokens[:, 11:], past)
    assert torch.allclose(torch.cat([first, second, third], dim=1), whole, atol=1e-5)
    assert torch.equal(model.states_of(model.embed(tokens)), whole)
    head = model.head if own_head else model.embedding
    assert torch.allclose(model.logits(whole[0]), whole[0] @ head.T, atol=1e-5)


def test_more_than_the_window_is_refused(folder: Path) -> None:
    with pytest.raises(HarnessError, match="17 tokens are more than the window of 16"):
        Llama2C(folder).states(torch.zeros(1, 17, dtype=torch.int64))


def test_files_that_are_not_what_they_should_be(folder: Path) -> None:
    whole = checkpoint_file()
    for content, complaint in (
        (whole[:-4], "weights, its header asks for"),
        (b"ak42"[::-1] + whole, "is no checkpoint|newer version"),
        (struct.pack("<7i", 8, 12, 2, 3, 2, 267, 16) + whole[28:], "the header of .* is not that"),
        (b"short", "is no checkpoint of llama2.c"),
    ):
        (folder / "model.bin").write_bytes(content)
        with pytest.raises(HarnessError, match=complaint):
            Llama2C(folder)
    (folder / "model.bin").write_bytes(whole)
    (folder / "tokenizer.bin").write_bytes(tokenizer_file()[:-1])
    with pytest.raises(HarnessError, match="does not hold 267 pieces"):
        Llama2C(folder)


def test_files_that_are_not_there(folder: Path) -> None:
    (folder / "other.bin").write_bytes(checkpoint_file())
    with pytest.raises(HarnessError, match=r"choose with `checkpoint`: model\.bin, other\.bin"):
        Llama2C(folder)
    assert Llama2C(folder, checkpoint="other.bin").window == WINDOW
    (folder / "other.bin").unlink()
    (folder / "model.bin").unlink()
    with pytest.raises(MissingData, match=r"holds no checkpoint \*.bin of llama2.c"):
        Llama2C(folder)
    (folder / "tokenizer.bin").unlink()
    with pytest.raises(MissingData, match=r"holds no tokenizer.bin"):
        Llama2C(folder)
