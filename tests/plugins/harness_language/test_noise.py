"""Noise in text: what it changes, how much of it, and that nothing but seed and example decides."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from harness.api import Context, TextBatch
from harness_language.noise import (
    HOMOGLYPHS,
    KEYBOARD,
    LEET,
    Homoglyphs,
    Leetspeak,
    RandomCase,
    Typos,
    Whitespace,
    WordDrop,
    WordSwap,
)

NOISES: Sequence[type[Any]] = (Typos, Leetspeak, Homoglyphs, RandomCase, Whitespace, WordDrop, WordSwap)
LETTERS: Sequence[type[Any]] = (Typos, Leetspeak, Homoglyphs, RandomCase)
PROSE = (
    "The quick brown fox jumps over the lazy dog, and Großmutter counts 12 pears.\n"
    "  Indented lines stay;  so do numbers like 3.14 and the end.\n"
) * 60


def rewritten(noise: Any, texts: Sequence[str] = (PROSE,), ids: Sequence[str] = ("a",), seed: int = 0) -> Any:
    return noise.rewrite(None, TextBatch(ids, texts, [None] * len(texts)), Context(seed=seed))


def once(noise: Any, text: str = PROSE, name: str = "a") -> str:
    ((found,),) = rewritten(noise, [text], [name])
    return str(found)


@pytest.mark.parametrize("noise", NOISES)
def test_no_rate_no_change(noise: type[Any]) -> None:
    assert rewritten(noise(0.0, draws=3)) == [[PROSE]]


BECOMES_OF_A = {Typos: "qwsz", Leetspeak: "@4", Homoglyphs: "\u0430", RandomCase: "A"}
BECOMES_OF_B = {Typos: "vghn", Leetspeak: "68", Homoglyphs: "b", RandomCase: "B"}


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("text", ["", " ", "\n", "a", "1", " a b "])
def test_short_texts(noise: type[Any], text: str) -> None:
    """All that a noise of rate 1 may make of them, as its docstring says it: nothing else, and each at some draw."""
    a, b = BECOMES_OF_A.get(noise, "a"), BECOMES_OF_B.get(noise, "b")
    possible = {text}
    if text == "a":
        possible = set(a)
    elif text == " a b ":
        possible = {f" {x} {y} " for x in a for y in b}
        if noise is Whitespace:
            # Doubled, dropped or one letter late; the last has no letter to be late by.
            possible = {x + y + z for x in ("  a", "a", "a ") for y in ("  b", "b", "b ") for z in ("  ", "")}
        if noise is WordDrop:
            possible = {" a ", " b "}
        if noise is WordSwap:
            possible = {" b a "}
    elif text == " " and noise is Whitespace:
        possible = {"  ", ""}
    (found,) = rewritten(noise(1.0, draws=300), [text])
    assert set(found) == possible


def share_changed(noise: type[Any], rate: float) -> tuple[float, int]:
    """The share of the places a noise can change that it changed, counted by other means than its own."""
    before, after = PROSE, once(noise(rate))
    if noise in LETTERS:
        pairs = list(zip(before, after, strict=True))
        can = {
            Typos: lambda c: c.isascii() and c.isalpha(),
            Leetspeak: lambda c: c.lower() in LEET,
            Homoglyphs: lambda c: c in HOMOGLYPHS,
            RandomCase: lambda c: c.isalpha() and c != "ß",
        }[noise]
        return sum(a != b for a, b in pairs) / sum(map(can, before)), sum(map(can, before))
    if noise is WordDrop:
        return 1 - len(after.split()) / len(before.split()), len(before.split())
    # Words that moved, in a text of words that are all different.
    words = [f"w{n}" for n in range(2000)]
    moved = once(WordSwap(rate), " ".join(words)).split()
    return sum(a != b for a, b in zip(words, moved, strict=True)) / 2000, 2000


@pytest.mark.parametrize("noise", [*LETTERS, WordDrop, WordSwap])
@pytest.mark.parametrize("rate", [0.05, 0.3, 1.0])
def test_the_realised_rate(noise: type[Any], rate: float) -> None:
    share, places = share_changed(noise, rate)
    if noise is WordDrop and rate == 1:
        assert len(once(noise(1.0)).split()) == 1
        return
    # Two words move at once, so their share varies more than that of places on their own.
    assert share == pytest.approx(rate, abs=4.5 * math.sqrt(2 * rate * (1 - rate) / places) + 1e-9)


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.0])
def test_the_realised_rate_of_white_space(rate: float) -> None:
    """Of 3000 words a third of the changed spaces is doubled, a third dropped, a third moved."""
    words = [f"x{n % 10}y" for n in range(3001)]
    after = once(Whitespace(rate), " ".join(words))
    doubled = after.count("  ")
    joined = sum(word.count("y") - word.endswith("y") for word in after.split())
    late = sum(part.endswith("yx") for part in after.split())
    for found in (doubled, joined - late, late):
        assert found == pytest.approx(1000 * rate, abs=5 * math.sqrt(1000 * rate) + 1)
    assert after.replace(" ", "") == "".join(words)


@pytest.mark.parametrize("noise", LETTERS)
def test_letters_stay_where_they_are(noise: type[Any]) -> None:
    for before, after in zip(PROSE, once(noise(1.0)), strict=True):
        if after == before:
            continue
        others = {Typos: KEYBOARD, Homoglyphs: HOMOGLYPHS}.get(noise)
        if noise is Leetspeak:
            assert after in LEET[before.lower()]
        elif noise is RandomCase:
            assert after == before.swapcase()
        else:
            assert others is not None
            assert after in others[before]


def test_keys_that_touch() -> None:
    """The US keyboard, looked at."""
    assert {key: set(KEYBOARD[key]) for key in "qgmap"} == {
        "q": set("wa"),
        "g": set("fhtyvb"),
        "m": set("njk"),
        "a": set("qwsz"),
        "p": set("ol"),
    }
    assert KEYBOARD["G"] == KEYBOARD["g"].upper()
    # Who is a neighbour has a neighbour.
    assert all(key in KEYBOARD[other] for key, others in KEYBOARD.items() for other in others)


def test_homoglyphs_are_letters_of_other_alphabets() -> None:
    for latin, others in HOMOGLYPHS.items():
        for other in others:
            name = unicodedata.name(other)
            assert name.startswith(("CYRILLIC", "GREEK"))
            assert ("CAPITAL" in name) == latin.isupper()
    assert once(Homoglyphs(1.0), "Pace") not in ("Pace",)


def test_words_keep_their_spaces() -> None:
    before, after = PROSE, once(WordSwap(0.7))
    assert Counter(before.split()) == Counter(after.split())
    assert [c for c in before if c.isspace()] == [c for c in after if c.isspace()]
    assert once(WordSwap(1.0), "a  b\nc d e") == "b  a\nd c e"
    assert set(once(WordDrop(0.5)).split()) <= set(PROSE.split())
    assert once(WordDrop(1.0), " one\n") == " one\n"


@pytest.mark.parametrize("noise", NOISES)
def test_neither_batch_nor_order_matters(noise: type[Any]) -> None:
    texts, ids = [PROSE[k : k + 200] for k in range(4)], ["a", "b", "c", "d"]
    together = rewritten(noise(0.3, draws=2), texts, ids)
    backwards = rewritten(noise(0.3, draws=2), texts[::-1], ids[::-1])[::-1]
    alone = [rewritten(noise(0.3, draws=2), [text], [name])[0] for text, name in zip(texts, ids, strict=True)]
    assert together == backwards == alone


@pytest.mark.parametrize("noise", NOISES)
def test_draws_differ_and_more_of_them_begin_with_the_same(noise: type[Any]) -> None:
    (three,), (five,) = rewritten(noise(0.3, draws=3)), rewritten(noise(0.3, draws=5))
    assert len(set(five)) == 5
    assert five[:3] == three
    assert rewritten(noise(0.3), seed=1) != rewritten(noise(0.3))
    assert rewritten(noise(0.3), ids=["b"]) != rewritten(noise(0.3))


@pytest.mark.parametrize("noise", LETTERS)
def test_a_higher_rate_changes_the_same_places_and_more(noise: type[Any]) -> None:
    def changed(rate: float) -> set[int]:
        return {place for place, (a, b) in enumerate(zip(PROSE, once(noise(rate)), strict=True)) if a != b}

    assert changed(0.1) < changed(0.2) < changed(0.6)


@pytest.mark.parametrize("noise", LETTERS)
@pytest.mark.parametrize("rate", [0.1, 0.4])
def test_the_information_of_noise_is_its_entropy_in_the_mean(noise: type[Any], rate: float) -> None:
    """A place that k characters may take has H(rate) + rate log k nats (chain rule); the mean of 40 draws."""
    attack = noise(rate=rate)
    places = [len(attack._others(character)) for character in PROSE]
    of_place = -rate * math.log(rate) - (1 - rate) * math.log1p(-rate)
    entropy = sum(of_place + rate * math.log(others) for others in places if others)
    drawn = [attack.information(PROSE, once(attack, PROSE, f"d{number}")) for number in range(40)]
    assert sum(drawn) / len(drawn) == pytest.approx(entropy, rel=0.01)


def test_the_information_of_all_draws_is_that_of_a_distribution() -> None:
    """Two places with one and two others: exp(-information) of the six texts adds up to 1."""
    attack = Leetspeak(rate=0.3)
    texts = [first + second for first in "o0" for second in "a@4"]
    assert sum(math.exp(-attack.information("oa", text)) for text in texts) == pytest.approx(1, rel=1e-12)
    assert attack.information("oa", "0a") == pytest.approx(-math.log(0.3) - math.log(0.7))


def test_at_the_ends_of_the_rates_nothing_is_left_to_tell() -> None:
    assert Homoglyphs(rate=0.0).information("abc", "abc") == 0
    assert RandomCase(rate=1.0).information("abc", "ABC") == 0
