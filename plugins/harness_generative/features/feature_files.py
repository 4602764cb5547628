"""Features that other systems computed, and their mean and covariance, in files of NumPy."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from harness.api import Examples, HarnessError, InvalidOutput, MissingData, NotApplicable, check_zip, why_no_arrays

_FEATURES = ("features", "feats", "activations", "pool_3", "arr_0", "")
_MOMENTS = ("mu", "sigma")
_SYMMETRIC = 1e-6
"""Largest difference of a covariance and its transpose, as a share of its largest entry: they come in float32 too."""


def features(path: Path, array: str | None = None) -> Examples:
    """Features of real images, or their mean and covariance, as the reference of generated ones.

    In a suite:

        suite: against-statistics
        task: {use: generate, with: {features: [inception_v3]}}
        data: {use: features, with: {path: cifar10-train.npz}}
        models: [{use: from_samples, with: {path: fake}}]
        samplers: [one_shot]
        metrics: [fid_proxy]

    An .npz file with `mu` and `sigma`, as pytorch-fid and ADM store them, is a reference for the Frechet distance
    alone; other metrics do not apply. An .npy or .npz file of features `[n, d]` is one for all metrics of features.
    They must be those of the extractor that the task names, which nothing can check but their number.

    Args:
        path: the .npz or .npy file; its content is hashed into the keys.
        array: the array of features; by default mu and sigma, else features, feats, activations, pool_3 or arr_0.

    Raises:
        MissingData: there is no such file.
        InvalidOutput: it holds neither, or arrays of a wrong shape.
    """
    arrays = _arrays(path)
    if array is None and all(name in arrays for name in _MOMENTS):
        return _moments(arrays, path)
    rows = _rows(arrays, array, path)
    return Examples([f"row-{i:07d}" for i in range(len(rows))], {"features": rows})


class FromFeatures:
    """Features of samples that another system made and measured, in the order of the rows of a file.

    In a suite:

        suite: stored-features
        task: generate
        data: {use: features, with: {path: real.npy}}
        models: [{use: from_features, with: {path: fake.npy}}]
        samplers: [one_shot]
        metrics: [fid_proxy, kid, precision, recall]

    There are no images, so metrics of features apply and no others. Where the reference is stored as features too, the
    task needs no extractor.

    Args:
        path: an .npy or .npz file of features `[n, d]`; its content is part of the identity of the model.
        array: the array; by default features, feats, activations, pool_3 or arr_0.

    Raises:
        MissingData: there is no such file.
        InvalidOutput: it holds no such array, or one of a wrong shape.
    """

    latent_shape: Sequence[int] = ()

    def __init__(self, path: Path, array: str | None = None) -> None:
        self._name, self._rows = path.name, _rows(_arrays(path), array, path)

    @property
    def n_given(self) -> int:
        """How many samples there are."""
        return len(self._rows)

    def given_features(self, rows: Sequence[int]) -> npt.NDArray[Any]:
        """The features `[len(rows), d]` of these samples. Raises HarnessError if there are fewer."""
        if len(rows) and max(rows) >= len(self._rows):
            raise HarnessError(
                f"{self._name} holds features of {len(self._rows)} samples, {max(rows) + 1} are asked for; ask the "
                "task for fewer with `n`"
            )
        return np.asarray(self._rows[list(rows)])

    def generate(self, noise: Tensor, conditions: Tensor | None) -> Tensor:
        """Not used, since there are no images.

        Raises:
            NotApplicable: always.
        """
        raise NotApplicable("these samples are given as features; no noise is turned into them")


def _arrays(path: Path) -> Mapping[str, npt.NDArray[Any]]:
    if path.suffix.lower() not in (".npz", ".npy") or not path.is_file():
        raise MissingData(f"{path} {'is no' if path.exists() else 'is not there; it should be a'} .npz or .npy file")
    try:
        if path.suffix.lower() == ".npy":
            return {"": np.load(path, mmap_mode="r", allow_pickle=False)}
        check_zip(path)
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, NotImplementedError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise InvalidOutput(f"{path.name} cannot be read as arrays: {why_no_arrays(error)}") from error


def _rows(arrays: Mapping[str, npt.NDArray[Any]], array: str | None, path: Path) -> npt.NDArray[Any]:
    """The features in a file. Raises InvalidOutput."""
    name = next((name for name in ([array] if array else _FEATURES) if name in arrays), None)
    if name is None:
        wanted = repr(array) if array else "'mu' and 'sigma', nor of features such as 'features' or 'arr_0'"
        raise InvalidOutput(f"{path.name} has no array {wanted}; it has {', '.join(arrays) or 'none'}")
    rows = arrays[name]
    # Pooled by a network, features may still have two sides of one pixel.
    if rows.ndim == 4 and rows.shape[2:] == (1, 1):
        rows = rows[:, :, 0, 0]
    if rows.ndim != 2 or not np.issubdtype(rows.dtype, np.floating) or 0 in rows.shape:
        raise InvalidOutput(
            f"{path.name} holds {rows.dtype} values of shape {list(rows.shape)}; features are fractions [n, d]"
            + ("; images are read by `images` and `from_samples`" if rows.ndim in (3, 4) else "")
        )
    if not np.isfinite(rows).all():
        row = int(np.argmax(~np.isfinite(rows).all(axis=1)))
        raise InvalidOutput(f"{path.name} holds NaN or infinity, first in row {row}")
    return rows


def _moments(arrays: Mapping[str, npt.NDArray[Any]], path: Path) -> Examples:
    """Mean and covariance as one row for each feature. Raises InvalidOutput where they do not fit together."""
    mean, covariance = (np.asarray(arrays[name]) for name in _MOMENTS)
    d = len(mean) if mean.ndim == 1 else 0
    numbers = all(np.issubdtype(each.dtype, np.floating) and np.isfinite(each).all() for each in (mean, covariance))
    if not d or covariance.shape != (d, d) or not numbers:
        raise InvalidOutput(
            f"{path.name}: mu of shape {list(mean.shape)} and sigma of shape {list(covariance.shape)} must be finite "
            "fractions [d] and [d, d]"
        )
    if np.abs(covariance - covariance.T).max() > _SYMMETRIC * np.abs(covariance).max():
        raise InvalidOutput(f"{path.name}: sigma is no covariance, since it is not symmetric")
    columns = {"mean": mean.astype(np.float64), "covariance": covariance.astype(np.float64)}
    return Examples([f"feature-{i:05d}" for i in range(d)], columns)
