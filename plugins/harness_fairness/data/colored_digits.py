"""Digits on a coloured ground: the colour predicts the class in the majority group, and misleads in the minority."""

from __future__ import annotations

import colorsys
import hashlib
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Le

from harness.api import Examples

Share = Annotated[float, Ge(0), Le(1)]
_TEST, _VALIDATION, _CLASSES = 540, 180, 10


def colored_digits(
    split: Literal["train", "validation", "test"] = "test",
    amplitude: Share = 0.8,
    agreement: Share = 0.95,
    minority: Share = 0.1,
) -> Examples:
    """Digits on a coloured ground that misleads about a minority: a gap with a known cause and of any size.

    Every class has a colour. In the majority a digit has the colour of its class with probability `agreement`, in the
    minority with probability 1 - `agreement`, else that of another class; the digits themselves do not differ. A model
    trained on mostly majority examples learns the colour and is wrong about the minority. Without colour
    (`amplitude: 0`) there is no gap. In the test split half of the examples belong to each group, so that both rates
    are measured equally well.

    Args:
        split: 1,077 train, 180 validation, 540 test, fixed by the sha256 of the pixels.
        amplitude: how strong the colour is, from 0 to 1.
        agreement: how often the colour is that of the class in the majority.
        minority: share of the minority in training and validation.
    """
    from sklearn.datasets import load_digits

    raw = load_digits()
    pixels = raw.images.astype(np.uint8)
    digests = [hashlib.sha256(image.tobytes()).digest() for image in pixels]
    order = sorted(range(len(pixels)), key=lambda i: digests[i])
    parts = {
        "test": order[:_TEST],
        "validation": order[_TEST : _TEST + _VALIDATION],
        "train": order[_TEST + _VALIDATION :],
    }
    chosen = parts[split]
    labels = raw.target[chosen].astype(np.int64)
    # Draws belong to the image, so that another amplitude, share or split changes nothing else.
    belongs, agrees, other = np.array([_draws(digests[i]) for i in chosen]).T
    is_minority = belongs < (0.5 if split == "test" else minority)
    own = agrees < np.where(is_minority, 1 - agreement, agreement)
    colour = np.where(own, labels, (labels + 1 + (other * (_CLASSES - 1)).astype(np.int64)) % _CLASSES)
    grey = (pixels[chosen].astype(np.float32) / 16.0)[:, None]
    inputs = grey + amplitude * (1 - grey) * _palette()[colour][:, :, None, None]
    return Examples(
        ids=[f"colored-digit-{i:04d}" for i in chosen],
        columns={"inputs": inputs.astype(np.float32), "labels": labels},
        groups={
            "population": ["minority" if in_minority else "majority" for in_minority in is_minority],
            "colour": ["own" if has_own_colour else "other" for has_own_colour in own],
        },
        facts={"classes": [str(name) for name in raw.target_names], "box": [0.0, 1.0]},
    )


def _draws(digest: bytes) -> list[float]:
    """Three uniform draws of an image."""
    drawn = hashlib.sha256(b"colored digits" + digest).digest()
    return [int.from_bytes(drawn[k : k + 8], "big") / 2**64 for k in (0, 8, 16)]


def _palette() -> npt.NDArray[np.float32]:
    """A colour of each class, `[10, 3]`, evenly around the colour circle."""
    return np.array([colorsys.hsv_to_rgb(k / _CLASSES, 1.0, 1.0) for k in range(_CLASSES)], dtype=np.float32)
