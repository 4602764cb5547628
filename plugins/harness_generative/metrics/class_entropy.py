"""Entropies of classes from samples, without their bias of first order, and what classes not seen leave open."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from harness.api import LEVEL, normal_quantile, proportion

_ROWS_PER_BLOCK = 4096

Array = npt.NDArray[np.float64]


def unseen_share(n: int) -> float:
    """The largest plausible share of all classes not seen in n samples together."""
    return proportion(0, n).high or 0.0


def with_unseen(shares: Array, unseen: npt.NDArray[np.bool_], n: int) -> Array:
    """The shares of the classes, if those not seen in n samples have equal shares of the largest plausible total."""
    together = unseen_share(n)
    return np.asarray(shares * (1 - together) + together * unseen / unseen.sum())


def entropy(shares: Array) -> Array:
    """Entropy in nats, over the last axis."""
    from scipy.special import entr

    return np.asarray(entr(shares).sum(axis=-1))


def information(predictions: npt.NDArray[Any]) -> tuple[Array, float, Array]:
    """The average prediction, the average entropy of a prediction, and their information with each sample left out."""
    n = len(predictions)
    blocks = [slice(start, start + _ROWS_PER_BLOCK) for start in range(0, n, _ROWS_PER_BLOCK)]
    total = sum((_shares(predictions[rows]).sum(axis=0) for rows in blocks), np.zeros(predictions.shape[1]))
    entropies = np.concatenate([entropy(_shares(predictions[rows])) for rows in blocks])
    others = np.concatenate([entropy((total - _shares(predictions[rows])).clip(0) / (n - 1)) for rows in blocks])
    return total / n, float(entropies.mean()), others - (entropies.sum() - entropies) / (n - 1)


def _shares(predictions: npt.NDArray[Any]) -> Array:
    exact = predictions.astype(np.float64)
    return np.asarray(exact / exact.sum(axis=1, keepdims=True))


def jackknife_interval(value: float, left_out: Array, times: Array) -> tuple[float, float]:
    """An interval around the value without bias of first order (Quenouille 1956; Efron & Stein 1981).

    Args:
        value: of all n samples.
        left_out: the values with one sample left out.
        times: how many samples give each of these.
    """
    n = float(times.sum())
    average = float(times @ left_out / n)
    variance = (n - 1) / n * float(times @ (left_out - average) ** 2)
    centre = n * value - (n - 1) * average
    reach = normal_quantile(LEVEL) * variance**0.5
    return centre - reach, centre + reach


def entropy_by_coverage(counts: npt.NDArray[np.int64]) -> tuple[float, float]:
    """The entropy of classes in nats by Chao & Shen 2003 (Environmental and Ecological Statistics 10:429-443).

    A class seen stands for those of its frequency that were missed, and the frequencies add up to the share of all
    draws that fall on classes seen, by Good & Turing: 1 less the share of classes seen once.

    Args:
        counts: `[classes]`, how often each was seen.

    Returns:
        The entropy, and the standard error of the share of draws that fall on classes not seen.
    """
    n, once = int(counts.sum()), int((counts == 1).sum())
    shares = (1 - min(once, n - 1) / n) * counts[counts > 0] / n
    return float(-(shares * np.log(shares) / (1 - (1 - shares) ** n)).sum()), once**0.5 / n


def jackknifed(counts: npt.NDArray[np.int64]) -> tuple[float, float]:
    """The ends of an interval for the entropy of classes in nats, from how often each was seen `[classes]`."""
    n, seen = int(counts.sum()), counts[counts > 0]
    rest = entropy(seen / (n - 1)) + _terms((seen - 1) / (n - 1)) - _terms(seen / (n - 1))
    return jackknife_interval(float(entropy(counts / n)), rest, seen.astype(np.float64))


def _terms(shares: Array) -> Array:
    from scipy.special import entr

    return np.asarray(entr(shares))
