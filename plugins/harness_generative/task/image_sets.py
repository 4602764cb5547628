"""Sets of images for generation: reference, training data and samples, checked against each other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.api import Dataset, Examples, InvalidOutput

Array = npt.NDArray[np.float32]

_MAX_OUTSIDE = 1e-3
"""How far beyond the box of the data a sample may lie, as a share of the box; it is clipped."""
_BYTE_LEVELS = 256
_TAKEN_AT_ONCE = 256
_FIRST = 64
HELD_BYTES = 2**28
"""Of images as float32 that are kept; more are read again, by each extractor, from the dataset."""


@dataclass
class ImageSet:
    """A dataset of images, with its features computed so far; read anew wherever it is large.

    Attributes:
        data: where it comes from.
        name: its name in messages.
        shape: that of each image.
        hashes: of each one's pixels.
        largest: the largest value of all.
        first: a few images `[m, ...]`, float32 within the box.
        told: the same examples without pixels: `inputs` are of width 0.
        held: all images `[n, ...]`, where they are few.
        features: extractor label to `[n, d]`.
        judged: the judge's prediction for each, once it was asked.
    """

    data: Dataset
    name: str
    shape: tuple[int, ...]
    hashes: list[bytes]
    largest: float
    first: Tensor
    told: Dataset
    held: Tensor | None
    features: dict[str, Array] = field(default_factory=dict)
    judged: npt.NDArray[np.int64] | None = None

    @classmethod
    def of(cls, data: Dataset, name: str) -> ImageSet:
        """Look at all images of a dataset, a few at a time. Raises InvalidOutput."""
        parts: list[Mapping[str, Any]] = []
        held: list[Tensor] = []
        hashes: list[bytes] = []
        ends: list[float] = []
        first = torch.empty(0)
        size = 0
        for columns in _taken(data):
            inputs = _checked(columns, data.facts, name)
            first = first if parts else inputs[:_FIRST].clone()
            hashes += map(_hash, inputs.flatten(1).numpy())
            ends.append(float(inputs.max()))
            size += inputs.nbytes
            if size <= HELD_BYTES:
                held.append(inputs)
            else:
                held.clear()
            parts.append({**columns, "inputs": np.empty((len(inputs), 0), np.float32)})
        told = Examples(data.ids, _joined(parts), data.groups, data.facts)
        whole = torch.cat(held) if size <= HELD_BYTES else None
        return cls(data, name, tuple(first.shape[1:]), hashes, max(ends), first, told, whole)

    def __len__(self) -> int:
        return len(self.hashes)

    def windows(self, size: int) -> Iterator[Tensor]:
        """All images on the CPU, float32 `[m, ...]`, at most `size` at a time."""
        if self.held is not None:
            yield from self.held.split(size)
            return
        for start in range(0, len(self), size):
            yield self.at(range(start, min(len(self), start + size)))

    def at(self, rows: Sequence[int]) -> Tensor:
        """The images in these rows on the CPU, float32 `[m, ...]`."""
        return self.held[list(rows)] if self.held is not None else _images(self.data.take(rows))

    @cached_property
    def digest(self) -> str:
        """The hash of all pixels in their order."""
        return hashlib.sha256(b"".join(self.hashes)).hexdigest()


def _hash(row: Array) -> bytes:
    return hashlib.sha256(row.tobytes()).digest()


def _taken(data: Dataset) -> Iterator[Mapping[str, Any]]:
    """The columns of a dataset, a few examples at a time."""
    for start in range(0, len(data.ids), _TAKEN_AT_ONCE):
        yield data.take(range(start, min(len(data.ids), start + _TAKEN_AT_ONCE)))


def _joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    columns = {name: [part[name] for part in parts] for name in parts[0]}
    return {
        name: np.concatenate(values) if isinstance(values[0], np.ndarray) else [one for each in values for one in each]
        for name, values in columns.items()
    }


def _images(columns: Mapping[str, Any]) -> Tensor:
    return torch.as_tensor(columns["inputs"]).float().cpu()


def _checked(columns: Mapping[str, Any], facts: Mapping[str, Any], name: str) -> Tensor:
    """The inputs of some examples on the CPU. Raises InvalidOutput."""
    if "inputs" not in columns:
        raise InvalidOutput(f"{name} lack the column 'inputs', which generation needs")
    inputs = torch.as_tensor(columns["inputs"])
    low, high = facts.get("box", (0.0, 1.0))
    if not inputs.is_floating_point() or not bool(torch.isfinite(inputs).all()):
        raise InvalidOutput(f"the inputs of {name} must be finite floating point numbers within [{low:g}, {high:g}]")
    if float(inputs.min()) < low or float(inputs.max()) > high:
        raise InvalidOutput(
            f"the inputs of {name} reach from {float(inputs.min()):g} to {float(inputs.max()):g}, "
            f"outside the box [{low:g}, {high:g}]"
        )
    return inputs.float().cpu()


def check_disjoint(reference: ImageSet, train: ImageSet, allowed: float) -> None:
    """Check that the reference shares no examples with the training data. Raises InvalidOutput."""
    if reference.shape != train.shape:
        raise InvalidOutput(
            f"the reference data have shape {list(reference.shape)}, the training data {list(train.shape)}"
        )
    _check_unseen(reference, train.name, train.hashes, allowed)


def check_unseen(reference: ImageSet, fitted_to: Mapping[str, Dataset], allowed: float) -> None:
    """Check that neither a model nor an instrument was trained on the reference.

    Args:
        reference: the data that samples are compared with.
        fitted_to: training data by what was trained on them; data without images of the reference's shape are passed
            over, since they cannot hold its examples.
        allowed: the share of the reference that may be among them.

    Raises:
        InvalidOutput: more of it is.
    """
    for trained, data in fitted_to.items():
        first = data.take(range(1)).get("inputs")
        if first is None or tuple(first.shape[1:]) != reference.shape:
            continue
        _check_unseen(reference, f"the training data of {trained}", _hashes(data), allowed)


def _hashes(data: Dataset) -> Iterator[bytes]:
    """The hashes of the inputs of a dataset, of which a few are held at once."""
    for columns in _taken(data):
        yield from map(_hash, _images(columns).flatten(1).numpy())


def _check_unseen(reference: ImageSet, name: str, hashes: Iterable[bytes], allowed: float) -> None:
    train_hashes = set(hashes)
    shared = [i for i, content in enumerate(reference.hashes) if content in train_hashes]
    if len(shared) > allowed * len(reference.hashes):
        raise InvalidOutput(
            f"{len(shared)} of {len(reference.hashes)} reference examples are among {name}, first "
            f"{reference.data.ids[shared[0]]!r}; a copy of the training set would look perfect. Give held-out data, "
            "or the share that may be shared as `overlap` of the task"
        )


def check_shape(samples: Tensor, reference: ImageSet, first_name: str) -> None:
    """Check that samples `[n, ...]`, of which the first has that name, are of the reference's shape.

    Raises:
        InvalidOutput: they are not.
    """
    expected = reference.shape
    if tuple(samples.shape[1:]) != expected:
        raise InvalidOutput(
            f"samples have shape {list(samples.shape[1:])} (such as {first_name}), the reference data {list(expected)} "
            f"(such as {reference.data.ids[0]}); images of files get one size and colour by `size`, `resize` and `mode`"
        )


def checked_samples(samples: Tensor, facts: Mapping[str, Any]) -> Tensor:
    """The samples, clipped to the box and rounded to the grey levels of the data.

    Raises:
        InvalidOutput: they are not finite, or outside of the box.
    """
    broken = ~samples.flatten(1).isfinite().all(dim=1)
    if broken.any():
        first = int(torch.nonzero(broken)[0])
        raise InvalidOutput(f"{int(broken.sum())} of {len(samples)} samples are not finite, first sample-{first:05d}")
    low, high = (float(end) for end in facts.get("box", (0.0, 1.0)))
    slack = _MAX_OUTSIDE * (high - low)
    if float(samples.min()) < low - slack or float(samples.max()) > high + slack:
        raise InvalidOutput(
            f"samples reach from {float(samples.min()):.4g} to {float(samples.max()):.4g}, "
            f"outside the box [{low:g}, {high:g}] of the data; a model's last step must end in it"
        )
    samples = samples.clamp(low, high)
    levels = facts.get("levels")
    if levels is None:
        return samples
    steps = int(levels) - 1
    return ((samples - low) / (high - low) * steps).round() / steps * (high - low) + low


def stored_samples(samples: Tensor, facts: Mapping[str, Any]) -> npt.NDArray[Any]:
    """8-bit images as bytes, all others as they are."""
    if facts.get("levels") != _BYTE_LEVELS or tuple(facts.get("box", (0.0, 1.0))) != (0.0, 1.0):
        return np.asarray(samples.numpy())
    return np.asarray((samples * (_BYTE_LEVELS - 1)).round().to(torch.uint8).numpy())
