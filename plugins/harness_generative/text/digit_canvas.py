"""Images with descriptions: one or two handwritten digits on a canvas, with prompts that name them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, TypeVar

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Le

from harness.api import Examples, HarnessError
from harness_generative.text.meanings import DIGITS, MEANINGS, PLACES, Meaning, unseen_pairs

SIDE = 8
HEIGHT, WIDTH = SIDE, 2 * SIDE
LEVELS = 17
LEFT, MIDDLE, RIGHT = (slice(start, start + SIDE) for start in (0, SIDE // 2, SIDE))
"""Columns of the canvas where a left digit, a digit alone and a right digit stand."""

Split = Literal["train", "validation", "test", "held_out"]
_TEST, _VALIDATION = 360, 359
_Thing = TypeVar("_Thing", int, Meaning)


def digit_canvas(
    split: Split = "held_out",
    size: Annotated[int, Ge(1)] = 3300,
    held_out_pairs: Annotated[int, Ge(0), Le(90)] = 10,
) -> Examples:
    """One or two handwritten digits on a canvas, with prompts that say which.

    One digit in the middle, or two beside each other, on a canvas of 8x16 pixels with 17 grey levels.

    There are 110 meanings, equally frequent: 10 single digits and 100 ordered pairs. A canvas is composed of digits of
    its split only; the digits are split as those of the dataset `digits` are. Some pairs of different digits are kept
    out of the training split; the group column `seen` says which meanings a model has met. The first canvases of a
    larger set are those of a smaller one, and no canvas stands twice in a set.

    Args:
        split: the split of the digits; "held_out" joins validation and test.
        size: the number of canvases.
        held_out_pairs: how many of the 90 ordered pairs of different digits are not in the training split.

    Raises:
        HarnessError: the split has too few digits for so many different canvases.
    """
    digits = _digits(split)
    unseen = unseen_pairs(held_out_pairs)
    shown = [meaning for meaning in MEANINGS if split != "train" or meaning not in unseen]
    rows = list(_compositions(split, digits, shown, size))
    if len(rows) < size:
        raise HarnessError(f"the split {split!r} of digit_canvas has {len(rows)} canvases, not {size}; lower `size`")
    meanings = [meaning for meaning, _ in rows]
    return Examples(
        ids=[f"canvas-{split}-{i:05d}" for i in range(size)],
        columns={
            "inputs": np.stack([canvas for _, canvas in rows]),
            "labels": np.array([PLACES[meaning] for meaning in meanings], dtype=np.int64),
            "prompts": [_picked(meaning.prompts(), split, i) for i, meaning in enumerate(meanings)],
        },
        groups={"seen": [meaning not in unseen for meaning in meanings], "kind": [m.kind for m in meanings]},
        facts={
            "classes": [str(meaning) for meaning in MEANINGS],
            "box": [0.0, 1.0],
            "levels": LEVELS,
            "attributes": {
                "count": [meaning.count for meaning in MEANINGS],
                "left": [meaning.left for meaning in MEANINGS],
                "right": [meaning.last for meaning in MEANINGS],
                "digits": [meaning.digits for meaning in MEANINGS],
            },
        },
    )


def compose(left: npt.NDArray[np.float32], right: npt.NDArray[np.float32] | None) -> npt.NDArray[np.float32]:
    """A canvas `[1, 8, 16]` of one digit `[8, 8]`, which stands in the middle, or of two."""
    canvas = np.zeros((1, HEIGHT, WIDTH), dtype=np.float32)
    if right is None:
        canvas[0, :, MIDDLE] = left
    else:
        canvas[0, :, LEFT], canvas[0, :, RIGHT] = left, right
    return canvas


def _compositions(
    split: Split,
    digits: Mapping[int, npt.NDArray[np.float32]],
    shown: Sequence[Meaning],
    size: int,
) -> Iterator[tuple[Meaning, npt.NDArray[np.float32]]]:
    """Rounds through the meanings, each round in an order of its own and each time with another left digit."""
    lefts = {meaning: _shuffled(range(len(digits[meaning.left])), split, "left", meaning) for meaning in shown}
    rights = {meaning: _shuffled(range(len(digits[meaning.last])), split, "right", meaning) for meaning in shown}
    made = 0
    for turn in range(max(len(order) for order in lefts.values())):
        for meaning in _shuffled(shown, split, "round", turn):
            if made == size:
                return
            if turn < len(lefts[meaning]):
                left = digits[meaning.left][lefts[meaning][turn]]
                order = rights[meaning]
                right = None if meaning.right is None else digits[meaning.right][order[turn % len(order)]]
                yield meaning, compose(left, right)
                made += 1


def _digits(split: Split) -> Mapping[int, npt.NDArray[np.float32]]:
    """The digits of a split by class, each `[n, 8, 8]` in [0, 1]."""
    from sklearn.datasets import load_digits

    raw = load_digits()
    pixels = raw.images.astype(np.uint8)
    # The rule by which the dataset `digits` is split, written again because plugins do not import each other: a model
    # trained on either must not have seen the held-out digits of the other.
    order = sorted(range(len(pixels)), key=lambda i: hashlib.sha256(pixels[i].tobytes()).digest())
    held_out = _TEST + _VALIDATION
    chosen = {
        "test": order[:_TEST],
        "validation": order[_TEST:held_out],
        "held_out": order[:held_out],
        "train": order[held_out:],
    }[split]
    images, labels = (pixels[chosen] / np.float32(LEVELS - 1)).astype(np.float32), raw.target[chosen]
    return {digit: images[labels == digit] for digit in DIGITS}


def _shuffled(things: Sequence[_Thing], *names: object) -> list[_Thing]:
    """Items in an order by the hash of their names, the same on every machine and with every version of numpy."""
    return [things[i] for i in sorted(range(len(things)), key=lambda i: _hash(*names, things[i]))]


def _picked(texts: Sequence[str], *names: object) -> str:
    return texts[_hash(*names) % len(texts)]


def _hash(*names: object) -> int:
    return int.from_bytes(hashlib.sha256("|".join(map(str, names)).encode()).digest()[:8], "big")
