"""Noise in text that a reader hardly notices.

Each place of a text that a noise can change is changed with the probability `rate`, on its own. What is drawn depends
on the seed, the example and the place only, so neither the batch nor the order of the examples matters, and with a
higher rate the same places are changed and further ones too (save for swaps, of which one rules out the next).
Edits are counted where they are made.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Le

from harness.api import Context, Edited, TextBatch
from harness_language.tasks.edit_distance import edit_distance

Rate = Annotated[float, Ge(0), Le(1)]
Draws = Annotated[int, Ge(1)]
Uniform = npt.NDArray[np.float64]

_KEY_ROWS = (("qwertyuiop", 0.0), ("asdfghjkl", 0.25), ("zxcvbnm", 0.75))
"""The letters of the US keyboard, and how far each row is set to the right, in keys."""
_WORD = re.compile(r"\S+")


def _neighbours() -> dict[str, str]:
    """The letters less than 1.3 keys away from each letter: in the same row, and touching it above and below."""
    places = {key: (x + shift, float(y)) for y, (row, shift) in enumerate(_KEY_ROWS) for x, key in enumerate(row)}
    near = {
        key: "".join(other for other, (u, v) in places.items() if other != key and (x - u) ** 2 + (y - v) ** 2 < 1.3**2)
        for key, (x, y) in places.items()
    }
    return {**near, **{key.upper(): others.upper() for key, others in near.items()}}


KEYBOARD: Mapping[str, str] = _neighbours()
LEET: Mapping[str, str] = {
    "a": "@4", "b": "68", "c": "(", "e": "3", "g": "69", "h": "#", "i": "1!", "l": "1|", "o": "0", "q": "9", "s": "5$",
    "t": "7+", "z": "2",
}  # fmt: skip
HOMOGLYPHS: Mapping[str, str] = {
    "a": "а", "c": "с", "d": "ԁ", "e": "е", "h": "һ", "i": "і", "j": "ј", "l": "ӏ", "o": "оο", "p": "р", "q": "ԛ",
    "s": "ѕ", "w": "ԝ", "x": "х", "y": "у", "A": "АΑ", "B": "ВΒ", "C": "С", "E": "ЕΕ", "H": "НΗ", "I": "ІΙ", "J": "Ј",
    "K": "КΚ", "M": "МΜ", "N": "Ν", "O": "ОΟ", "P": "РΡ", "S": "Ѕ", "T": "ТΤ", "X": "ХΧ", "Y": "ҮΥ", "Z": "Ζ",
}  # fmt: skip
"""Cyrillic and Greek letters of the same look (Unicode Technical Standard 39, confusables)."""


class _Noise(ABC):
    """Rewrites each text `draws` times; subclasses say what a place is and what becomes of it.

    Args:
        rate: the probability that a place is changed.
        draws: how many rewritten texts to try; the worst for the model counts.
    """

    def __init__(self, rate: Rate = 0.1, draws: Draws = 1) -> None:
        self.rate, self.draws = rate, draws

    def rewrite(self, model: object, batch: TextBatch, ctx: Context) -> Sequence[Sequence[str]]:
        """The distinct results of the draws for each text."""
        return [
            list(dict.fromkeys(self._rewritten(text, ctx.rng("draw", draw, name)) for draw in range(self.draws)))
            for name, text in zip(batch.ids, batch.texts, strict=True)
        ]

    @abstractmethod
    def _rewritten(self, text: str, rng: np.random.Generator) -> Edited:
        """One draw of the changed text."""


class _Letters(_Noise):
    """Replaces some characters by others."""

    others: ClassVar[Mapping[str, str]]

    def _rewritten(self, text: str, rng: np.random.Generator) -> Edited:
        characters = list(text)
        places = [position for position, character in enumerate(text) if self._others(character)]
        whether, which = rng.random((len(places), 2)).T
        changed = np.flatnonzero(whether < self.rate).tolist()
        for place in changed:
            others = self._others(characters[places[place]])
            characters[places[place]] = others[int(which[place] * len(others))]
        return Edited("".join(characters), len(changed))

    def information(self, clean: str, noisy: str) -> float:
        """How unlikely the changes of a draw were, given the clean text: -log of their probability, in nats."""
        nats = 0.0
        for before, after in zip(clean, noisy, strict=True):
            if others := self._others(before):
                nats -= math.log1p(-self.rate) if after == before else math.log(self.rate / len(others))
        return nats

    def _others(self, character: str) -> str:
        """The characters that may replace a character; empty if it stays."""
        return self.others.get(character, "")


class Typos(_Letters):
    """Letters replaced by their neighbours on the US keyboard.

    Args:
        rate: the probability that a letter from a to z is replaced.
    """

    others = KEYBOARD


class Leetspeak(_Letters):
    """Letters replaced by digits and signs, as in "Cn @uN66rN you translate".

    Args:
        rate: the probability that a letter that has a sign of its look is replaced.
    """

    others: ClassVar[Mapping[str, str]] = {**LEET, **{key.upper(): signs for key, signs in LEET.items()}}


class Homoglyphs(_Letters):
    """Latin letters replaced by Cyrillic or Greek ones that look the same.

    Args:
        rate: the probability that a letter that has a double is replaced.
    """

    others = HOMOGLYPHS


class RandomCase(_Letters):
    """Letters in the other case.

    Args:
        rate: the probability that a letter that has another case changes it.
    """

    def _others(self, character: str) -> str:
        # Only where the way back exists: the capital of "ß" is two letters.
        other = character.swapcase()
        return other if len(other) == 1 and other != character and other.swapcase() == character else ""


class Whitespace(_Noise):
    """Spaces doubled, dropped, or moved by one letter, each as often; line ends stay.

    Args:
        rate: the probability that a space is changed.
    """

    def _rewritten(self, text: str, rng: np.random.Generator) -> Edited:
        before, *rest = text.split(" ")
        pieces, edits = [before], 0
        for after, (whether, which) in zip(rest, rng.random((len(rest), 2)), strict=True):
            if whether >= self.rate:
                pieces.append(f" {after}")
            elif which < 1 / 3 or (which >= 2 / 3 and not after[:1].strip()):
                pieces.append(f"  {after}")
            elif which < 2 / 3:
                pieces.append(after)
            else:
                pieces.append(f"{after[0]} {after[1:]}")
                edits += 1
            # To move a space is to drop it and to put another, so it counts twice.
            edits += whether < self.rate
        return Edited("".join(pieces), int(edits))


class WordDrop(_Noise):
    """Words left out, with the white space after them. At least one stays, so that no text becomes empty.

    Args:
        rate: the probability that a word is left out.
    """

    def _rewritten(self, text: str, rng: np.random.Generator) -> Edited:
        starts = [match.start() for match in _WORD.finditer(text)]
        drawn = rng.random(len(starts))
        if not starts:
            return Edited(text, 0)
        stays = drawn >= self.rate
        stays[int(np.argmax(drawn))] = True
        spans = zip(starts, [*starts[1:], len(text)], strict=True)
        words = [text[start:end] for (start, end), stay in zip(spans, stays, strict=True) if stay]
        remaining = text[: starts[0]] + "".join(words)
        return Edited(remaining, len(text) - len(remaining))


class WordSwap(_Noise):
    """Words swapped with the next; the white space stays where it was.

    Args:
        rate: the share of words that are moved, in the mean over long texts.
    """

    def _rewritten(self, text: str, rng: np.random.Generator) -> Edited:
        words, gaps = _WORD.findall(text), _WORD.split(text)
        # A word that was moved is not moved again: with the chance q each step goes 1 + q words on and moves 2 q.
        chance = self.rate / (2 - self.rate)
        drawn = rng.random(max(0, len(words) - 1))
        position, edits = 0, 0
        while position < len(drawn):
            if drawn[position] < chance:
                one, gap, other = words[position], gaps[position + 1], words[position + 1]
                edits += edit_distance(one + gap + other, other + gap + one)
                words[position], words[position + 1] = words[position + 1], words[position]
                position += 1
            position += 1
        return Edited(gaps[0] + "".join(word + gap for word, gap in zip(words, gaps[1:], strict=True)), edits)
