"""Texts in one block of memory are a sequence of texts, and are hashed as the list of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from harness.api import Examples, Records, Texts, digest

WORDS = ["a", "é", 'b"c', "", "d\ne", "7"]
KINDS: list[Callable[[], Texts]] = [
    lambda: Texts(pa.chunked_array([WORDS[:2], WORDS[2:]])),
    lambda: Texts.coded(np.arange(6, dtype=np.int32), WORDS),
]


@pytest.mark.parametrize("make", KINDS, ids=["plain", "coded"])
def test_a_sequence_of_texts(make: Callable[[], Texts]) -> None:
    texts = make()
    assert texts == WORDS
    assert texts != WORDS[1:]
    assert list(texts) == WORDS
    assert (texts[1], texts[-1], len(texts)) == ("é", "7", 6)
    assert texts[1:3] == WORDS[1:3]
    assert texts[::-2] == WORDS[::-2]
    assert texts[5:2] == []
    assert texts.take([4, 0]) == ["d\ne", "a"]
    assert pa.array(texts).to_pylist() == WORDS
    assert "é" in texts
    assert repr(texts) == "Texts(['a', 'é', 'b\"c'], ...)"


@pytest.mark.parametrize("make", KINDS, ids=["plain", "coded"])
def test_json_is_that_of_a_list(make: Callable[[], Texts]) -> None:
    assert "".join(make().json(", ", ascii_only=True)) == json.dumps(WORDS)
    joined = "".join(make().json(",", ascii_only=False))
    assert hashlib.sha256(joined.encode()).hexdigest() == digest(WORDS)


def test_json_of_several_blocks() -> None:
    names = [f"row-{i:07d}" for i in range(70_000)]
    texts = Texts.numbered("row-", 70_000, 7)
    assert texts == names
    assert "".join(texts.json(", ", ascii_only=True)) == json.dumps(names)


def test_what_stands_twice() -> None:
    assert Texts(pa.chunked_array([["a", "b"]])).are_unique
    assert not Texts(pa.chunked_array([["a"], ["b", "a"]])).are_unique
    with pytest.raises(ValueError, match="example ids are not unique"):
        Examples(Texts(pa.chunked_array([["a", "a"]])), {})


def test_a_dataset_of_texts_is_that_of_lists() -> None:
    lists = Examples(WORDS, {"x": np.arange(6), "said": WORDS}, {"g": ["m", "f"] * 3})
    groups = Texts.coded(np.array([0, 1] * 3, dtype=np.int32), ["m", "f"])
    blocks = Examples(KINDS[0](), {"x": np.arange(6), "said": KINDS[0]()}, {"g": groups})
    for positions in (range(1, 4), [3, 1]):
        mine, theirs = blocks.take(positions), lists.take(positions)
        assert mine["said"] == theirs["said"]
        assert mine["x"].tolist() == theirs["x"].tolist()
    assert Records.of({"id": blocks.ids, "g": groups})["g"].tolist() == ["m", "f"] * 3


@pytest.mark.parametrize("text", ['"', "\\", "\n", "\x00", "\x1f", "\x7f", "ä", "\u2028", "😀", "", "plain"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_of_every_kind_of_text(text: str, ascii_only: bool) -> None:
    """Also in a part of an array, whose memory holds other texts before and after."""
    texts = Texts(pa.chunked_array([["other\n", "a", text, "b", "ö"]]))[1:4]
    written = "".join(texts.json(",", ascii_only=ascii_only))
    assert written == json.dumps(["a", text, "b"], separators=(",", ":"), ensure_ascii=ascii_only)


def as_texts(texts: list[str]) -> Texts:
    return Texts(pa.chunked_array([pa.array(texts, pa.string())]))


def test_texts_that_differ_in_one_place_only_are_unique() -> None:
    base = "abcdefghijklmnopqrstuvwx"
    texts = [base[:i] + "é" + base[i + 1 :] for i in range(len(base))] + [base[:i] for i in range(len(base) + 1)]
    assert as_texts([*texts, "\0", "\0\0", "a\0", "x" * 300, "x" * 301]).are_unique


@pytest.mark.parametrize("text", ["", "a", "12345678", "123456789", "x" * 300])
def test_a_text_that_stands_twice_is_found_wherever_it_stands(text: str) -> None:
    others = ["y" * 1000, *(f"row-{i}" for i in range(70_000))]
    assert not as_texts([text, *others, text]).are_unique
    assert as_texts([text, *others]).are_unique
    assert as_texts([text, *others, text])[:-1].are_unique
