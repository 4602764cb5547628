"""Coverage of the calibration error: one bin or many, calibrated, mildly or strongly off."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from harness.api import Records
from harness_uncertainty.metrics.calibration import ECE, ClasswiseECE, bins_of
from simulation.framework import Case, Outcome, covers

Floats = npt.NDArray[np.float64]
_BINS = 15


def _records(confidence: Floats, correct: npt.NDArray[np.bool_]) -> Records:
    return Records.of({"id": [str(i) for i in range(len(correct))], "confidence": confidence, "correct": correct})


def _one_bin(rng: np.random.Generator, *, n: int, confidence: float, accuracy: float) -> Outcome:
    estimate = ECE().estimate(_records(np.full(n, confidence), rng.random(n) < accuracy))
    return covers(estimate, abs(confidence - accuracy))


def shifted(confidence: Floats, by: float) -> Floats:
    """Accuracies that lie below the confidences by the same amount everywhere."""
    return np.clip(confidence - by, 0, 1)


def at_the_top(confidence: Floats) -> Floats:
    """Accuracies that lie .1 below confidences above .8, and are right elsewhere."""
    return np.where(confidence > 0.8, confidence - 0.1, confidence)


def sharpened(confidence: Floats, by: float) -> Floats:
    """Accuracies whose log odds are those of the confidence divided by a number: overconfident above 1."""
    odds = (confidence / (1 - confidence)) ** (1 / by)
    return np.asarray(odds / (1 + odds))


@cache
def _truth(accuracy: Callable[[Floats], Floats], a: float, b: float) -> float:
    confidence = np.random.default_rng(7).beta(a, b, 1_000_000)
    excess = np.bincount(bins_of(confidence, _BINS, "equal_width"), accuracy(confidence) - confidence, _BINS)
    return float(np.abs(excess).sum()) / len(confidence)


def _many_bins(
    rng: np.random.Generator, *, n: int, accuracy: Callable[[Floats], Floats], a: float = 5, b: float = 2
) -> Outcome:
    confidence = rng.beta(a, b, n)
    estimate = ECE().estimate(_records(confidence, rng.random(n) < accuracy(confidence)))
    return covers(estimate, _truth(accuracy, a, b))


def _tempered(probabilities: Floats, by: float) -> Floats:
    """Probabilities `[n, classes]` that labels have where those of the model are too sharp by this temperature."""
    powers = probabilities ** (1 / by)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@cache
def _true_classwise(classes: int, by: float) -> float:
    probabilities = np.random.default_rng(7).dirichlet(np.ones(classes), 300_000)
    excess = _tempered(probabilities, by) - probabilities
    columns = [
        (bins_of(column, _BINS, "equal_width"), off) for column, off in zip(probabilities.T, excess.T, strict=True)
    ]
    sums = [np.abs(np.bincount(bins, off, _BINS)).sum() for bins, off in columns]
    return float(np.mean(sums)) / len(probabilities)


def _classwise(rng: np.random.Generator, *, n: int, classes: int, by: float) -> Outcome:
    import pyarrow as pa

    probabilities = rng.dirichlet(np.ones(classes), n)
    label = (rng.random((n, 1)) > np.cumsum(_tempered(probabilities, by), axis=1)[:, :-1]).sum(axis=1)
    vectors = pa.FixedSizeListArray.from_arrays(probabilities.ravel(), classes)
    names = [str(i) for i in range(n)]
    estimate = ClasswiseECE().estimate(Records(pa.table({"id": names, "label": label, "probabilities": vectors})))
    return covers(estimate, _true_classwise(classes, by))


_CALIBRATED, _SLIGHT, _MILD, _STRONG = (partial(shifted, by=by) for by in (0.0, 0.03, 0.04, 0.1))
_SHARP = partial(sharpened, by=2.0)
_WORLDS = [("calibrated", _CALIBRATED), (".03 off", _SLIGHT), (".04 off", _MILD), (".1 off", _STRONG)]
_WORLDS += [(".1 off above .8", at_the_top), ("log odds doubled", _SHARP)]
_ONE_BIN = [
    (90, 0.989, 0.95),
    (90, 0.989, 0.97),
    (90, 0.989, 0.989),
    (360, 0.98, 0.95),
    (200, 0.9, 0.85),
    (200, 0.7, 0.6),
]
_ONE_BIN += [(500, 0.99, 0.97), (30, 0.8, 0.8)]
_NEARLY_CALIBRATED = ("calibrated", ".03 off", ".04 off")

CASES = [
    *(
        Case(
            "ece",
            f"one bin, confidence {c:g}, accuracy {a:g}, n {n}",
            partial(_one_bin, n=n, confidence=c, accuracy=a),
            # Wilson's coverage of one p near 1 goes up and down with it; averaged over p it does not.
            least=0.9 if a > 0.98 else None,
            conservative=a < 0.98 < c,
        )
        for n, c, a in _ONE_BIN
    ),
    *(
        Case(
            "ece",
            f"15 bins, {name}, n {n}",
            partial(_many_bins, n=n, accuracy=accuracy),
            conservative=name in _NEARLY_CALIBRATED or n == 100,
            repetitions=200,
        )
        for n in (100, 500, 2000)
        for name, accuracy in _WORLDS
    ),
    *(
        Case(
            "ece",
            f"15 bins, most confidences near 1, {name}, n 500",
            partial(_many_bins, n=500, accuracy=accuracy, a=30.0, b=1.0),
            conservative=name in _NEARLY_CALIBRATED,
            repetitions=200,
        )
        for name, accuracy in _WORLDS
    ),
    *(
        Case(
            "classwise_ece",
            f"{classes} classes, {name}, n {n}",
            partial(_classwise, n=n, classes=classes, by=by),
            conservative=True,
            repetitions=100,
        )
        for classes in (3, 10)
        for name, by in (("calibrated", 1.0), ("temperature 1.3", 1.3), ("temperature 2", 2.0))
        for n in (100, 500, 2000)
    ),
]
