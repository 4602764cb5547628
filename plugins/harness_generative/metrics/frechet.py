"""The Frechet distance between Gaussians fitted to two sets of features, exactly and in float64.

With covariances S1 = A'A and S2 = B'B the distance is |m1 - m2|^2 + tr S1 + tr S2 - 2 |AB'|, where |.| is the sum of
the singular values (Dowson & Landau 1982; Heusel et al. 2017, eq. 6). Any factors will do: the triangle of Cholesky
where there are more rows than features, the centred rows where there are not. So no square root of a matrix is
taken and nothing is ever added to a diagonal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.api import InvalidOutput

Array = npt.NDArray[np.float64]

# A block of features in float64 takes about this many numbers.
_BLOCK = 2**22
# Below this reciprocal condition number the covariance has lost digits that its rows still have.
_WELL_CONDITIONED = 1e-10
# Singular values may be taken from squares if the most that this can cost is this share of the distance. The bound is
# that of the worst case: with 2048 features the error found was a ten-thousandth of it.
_TOLERANCE = 1e-6
# Squares smaller than this share of the largest may be nothing but round-off.
_RESOLVED = 1e-12
# A covariance that was summed in float32 may have eigenvalues as far below 0 as this share of the largest.
_NEGATIVE = 1e-4
# Below this size squares save less time than it costs to find out that they do not do.
_WORTH_SQUARING = 1024


@dataclass(frozen=True, slots=True)
class Gaussian:
    """The first two moments of a set of features.

    Attributes:
        n: how many rows they were taken of.
        mean: `[d]`.
        factor: `[k, d]`; factor' factor is the covariance, with n - 1 below the line.
    """

    n: int
    mean: Array
    factor: Array

    @property
    def total_variance(self) -> float:
        """The trace of the covariance."""
        return float(np.vdot(self.factor, self.factor))


@dataclass(frozen=True, slots=True)
class InfluencedDistance:
    """A distance, and the contribution of each row to its deviation from its mean.

    Attributes:
        distance: the Frechet distance of the two sets.
        first, second: `[n]` for each set: the derivative of the distance by the weight of the row, over n. They add up
            to 0; the sum of their squares is the variance that comes from the set (infinitesimal jackknife, Jaeckel
            1972).
    """

    distance: float
    first: Array
    second: Array


def fit(features: npt.NDArray[np.floating], *, name: str) -> Gaussian:
    """The moments of features `[n, d]` of any floating type, read in blocks and summed in float64.

    Args:
        features: one row per example.
        name: their name in errors.

    Raises:
        InvalidOutput: not a table of at least 2 rows, or NaN or infinity in it.
    """
    if features.ndim != 2 or features.shape[1] == 0:
        raise InvalidOutput(f"{name} features have shape {list(features.shape)}, not [rows, features]")
    n, d = features.shape
    if n < 2:
        raise InvalidOutput(f"{n} {name} features: a covariance needs at least 2 rows")
    mean = _mean(features, name)
    if n <= d:
        # A Householder reflection turns n rows whose sum is 0 into a row of zeros and these.
        rows = features - mean
        return Gaussian(n, mean, (rows[1:] - rows[0] / (1 + np.sqrt(n))) / np.sqrt(n - 1))
    covariance = np.zeros((d, d))
    for rows in _centred(features, mean):
        covariance += rows.T @ rows
    factor = _cholesky(covariance / (n - 1))
    return Gaussian(n, mean, _triangle(features, mean) / np.sqrt(n - 1) if factor is None else factor)


def from_moments(mean: Array, covariance: Array, *, name: str) -> Gaussian:
    """The Gaussian of a mean `[d]` and a covariance `[d, d]` that were stored; of how many rows, nothing says (0).

    Raises:
        InvalidOutput: they do not fit together, or the covariance has a negative variance in some direction.
    """
    if mean.ndim != 1 or covariance.shape != (len(mean), len(mean)):
        raise InvalidOutput(
            f"the {name} mean has shape {list(mean.shape)}, the covariance {list(covariance.shape)}; [d] and [d, d] fit"
        )
    covariance = (covariance + covariance.T) / 2
    factor = _cholesky(covariance)
    if factor is not None:
        return Gaussian(0, mean, factor)
    values, vectors = np.linalg.eigh(covariance)
    if values[0] < -_NEGATIVE * max(values[-1], 0.0):
        raise InvalidOutput(f"the {name} covariance is none: its smallest eigenvalue is {values[0]:.3g}")
    return Gaussian(0, mean, np.sqrt(values.clip(0))[:, None] * vectors.T)


def distance(first: Gaussian, second: Gaussian) -> float:
    """The (squared) Frechet distance of two Gaussians: never negative, and exactly 0 for equal ones.

    Raises:
        InvalidOutput: they have different numbers of features.
    """
    _check_same_features(first, second)
    if _same(first, second):
        return 0.0
    matrix = _product(first.factor, second.factor)
    if min(matrix.shape) >= _WORTH_SQUARING:
        overlap, error = _from_squares(matrix)
        result = _distance(first, second, overlap)
        if error <= _TOLERANCE * result:
            return result
    from scipy.linalg import svdvals

    return _distance(first, second, float(svdvals(matrix, check_finite=False).sum()))


def influenced_distance(
    first: Gaussian,
    second: Gaussian,
    first_rows: npt.NDArray[np.floating],
    second_rows: npt.NDArray[np.floating] | None,
) -> InfluencedDistance:
    """The distance with the influence of each row of the two sets that the Gaussians were fitted to.

    Of a second Gaussian that was given by its moments there are no rows (None), and no influences.

    The derivative of the sum of singular values by S1 is T/2, where T maps the second Gaussian onto the first one; on
    the rows of a set it exists for covariances without full rank too.
    """
    _check_same_features(first, second)
    if _same(first, second):
        return InfluencedDistance(0.0, np.zeros(first.n), np.zeros(second.n))
    left, values, right = np.linalg.svd(first.factor @ second.factor.T, full_matrices=False)
    resolved = values > max(first.factor.shape[0], second.factor.shape[0]) * np.finfo(np.float64).eps * values[0]
    roots = np.sqrt(values[resolved])[:, None]
    overlap = float(values.sum())
    shift = first.mean - second.mean
    return InfluencedDistance(
        _distance(first, second, overlap),
        _of_rows(first, first_rows, shift, right[resolved] @ second.factor / roots, overlap),
        np.zeros(0)
        if second_rows is None
        else _of_rows(second, second_rows, -shift, left[:, resolved].T @ first.factor / roots, overlap),
    )


def _of_rows(of: Gaussian, rows: npt.NDArray[np.floating], shift: Array, root: Array, overlap: float) -> Array:
    """The contributions of rows, where root' root is the map T."""
    parts = []
    for block in _centred(rows, of.mean):
        mapped = block @ root.T
        parts.append(
            2 * block @ shift
            + of.n / (of.n - 1) * (np.einsum("ij,ij->i", block, block) - np.einsum("ij,ij->i", mapped, mapped))
        )
    return (np.concatenate(parts) - of.total_variance + overlap) / of.n


def _distance(first: Gaussian, second: Gaussian, overlap: float) -> float:
    shift = first.mean - second.mean
    return max(0.0, float(shift @ shift) + first.total_variance + second.total_variance - 2 * overlap)


def _same(first: Gaussian, second: Gaussian) -> bool:
    return np.array_equal(first.mean, second.mean) and np.array_equal(first.factor, second.factor)


def _check_same_features(first: Gaussian, second: Gaussian) -> None:
    if len(first.mean) != len(second.mean):
        raise InvalidOutput(f"sets of {len(first.mean)} and of {len(second.mean)} features cannot be compared")


def _product(first: Array, second: Array) -> Array:
    """`first @ second.T`, in half the time where both are the triangles of Cholesky."""
    if first.shape != second.shape or first.shape[0] != first.shape[1] or np.tril(second, -1).any():
        return first @ second.T
    from scipy.linalg.blas import dtrmm

    return np.asarray(dtrmm(1.0, second, first, side=1, trans_a=1))


def _from_squares(matrix: Array) -> tuple[float, float]:
    """The sum of the singular values, three times faster than by `svdvals`, and how far off it may be."""
    from scipy.linalg import eigvalsh

    square = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    values = eigvalsh(square, check_finite=False)
    if values[0] <= _RESOLVED * values[-1]:
        return 0.0, np.inf
    roots = np.sqrt(values)
    return float(roots.sum()), float((np.finfo(np.float64).eps * values[-1] / roots).sum())


def _blocks(features: npt.NDArray[np.floating], at_least: int = 1) -> Iterator[npt.NDArray[np.floating]]:
    step = max(at_least, _BLOCK // features.shape[1], 1)
    for start in range(0, len(features), step):
        yield features[start : start + step]


def _mean(features: npt.NDArray[np.floating], name: str) -> Array:
    """Summed relative to the first row, so that a constant feature deviates from its mean by exactly 0."""
    origin = features[0].astype(np.float64)
    total = np.zeros(len(origin))
    done = 0
    for block in _blocks(features):
        finite = np.isfinite(block)
        if not finite.all():
            row, column = np.argwhere(~finite)[0]
            value = "NaN" if np.isnan(block[row, column]) else "infinity"
            raise InvalidOutput(f"{name} features hold {value}, first in row {done + row}, feature {column}")
        total += (block - origin).sum(axis=0)
        done += len(block)
    return np.asarray(origin + total / len(features))


def _centred(features: npt.NDArray[np.floating], mean: Array, at_least: int = 1) -> Iterator[Array]:
    for block in _blocks(features, at_least):
        yield block - mean


def _cholesky(covariance: Array) -> Array | None:
    """The upper triangle, or None where the covariance is singular or too near to it to be trusted."""
    from scipy.linalg.lapack import dpocon, dpotrf

    factor, failed = dpotrf(covariance, lower=False, clean=True)
    if failed:
        return None
    reciprocal, _ = dpocon(factor, float(np.abs(covariance).sum(axis=0).max()))
    return np.asarray(factor) if reciprocal > _WELL_CONDITIONED else None


def _triangle(features: npt.NDArray[np.floating], mean: Array) -> Array:
    """R of the QR decomposition of the centred rows, block by block; it squares nothing, so it keeps all digits."""
    factor = np.zeros((0, features.shape[1]))
    for rows in _centred(features, mean, at_least=4 * features.shape[1]):
        factor = np.asarray(np.linalg.qr(np.vstack([factor, rows]), mode="r"))
    return factor
