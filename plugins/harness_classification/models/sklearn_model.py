"""A classifier of scikit-learn in a skops file, which is read without running code, or in a pickle that is trusted."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.api import HarnessError, InvalidOutput, cause_of, is_trusted
from harness_classification.models.scores import as_logits

_PICKLES = (".pkl", ".pickle", ".joblib")


class SklearnModel:
    """An estimator as a classifier that only gives scores; inputs are given as rows `[n, features]`.

    Attributes:
        class_names: the names of its classes in order; None where they are numbered from 0 on.

    Args:
        estimator: has `predict_proba` or `decision_function`.
        name: of the file, for messages.
    """

    def __init__(self, estimator: Any, name: str) -> None:
        self._estimator, self._name = estimator, name
        classes = np.asarray(estimator.classes_)
        numbered = classes.dtype.kind in "iu" and classes.tolist() == list(range(len(classes)))
        self.class_names = None if numbered else [str(label) for label in classes.tolist()]

    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> Tensor:
        """Logits `[n, classes]`: the logarithms of probabilities, or what the decision function gives.

        Raises:
            InvalidOutput: the inputs have another number of features.
        """
        rows = inputs.detach().flatten(1).cpu().numpy()
        try:
            if hasattr(self._estimator, "predict_proba"):
                return as_logits(self._estimator.predict_proba(rows), "probabilities", inputs, self._name)
            scores = np.asarray(self._estimator.decision_function(rows))
        except ValueError as error:
            raise InvalidOutput(
                f"{self._name} cannot take these inputs: {' '.join(str(error).split())[:200]}"
            ) from error
        # Of two classes there is one number, the log-odds of the second.
        scores = np.stack([np.zeros_like(scores), scores], axis=1) if scores.ndim == 1 else scores
        return as_logits(scores, "logits", inputs, self._name)


def sklearn_model(path: Path) -> SklearnModel:
    """A classifier of scikit-learn in a skops file, read without running code of it (extra skops), or a trusted pickle.

    It is given the inputs as rows, in the units of the data: `csv_table` gives the columns as they are with
    `scaled: false`. Save it by `skops.io.dump(estimator, "model.skops")`. A pickle runs code when it is
    loaded: it is refused unless `--trust` names it.

    Args:
        path: the .skops file; or a .pkl, .pickle or .joblib file.

    Raises:
        HarnessError: skops is not installed, the file cannot be read, holds types that are not known to be harmless, or
            is no classifier with scores.
    """
    estimator = _unpickled(path) if path.suffix.lower() in _PICKLES else _read(path)
    scored = any(hasattr(estimator, name) for name in ("predict_proba", "decision_function"))
    if not scored or not hasattr(estimator, "classes_"):
        raise HarnessError(
            f"{path.name} holds a {type(estimator).__name__}; a fitted classifier with `predict_proba` or "
            "`decision_function` is needed"
        )
    return SklearnModel(estimator, path.name)


def _unpickled(path: Path) -> Any:
    """What a pickle holds, if the user trusts it. Raises HarnessError if not, or if it cannot be loaded."""
    if not is_trusted(path):
        raise HarnessError(
            f"{path.name} is a pickle, which may run code when it is loaded; if you trust it, run with "
            f'`--trust {path}`, or save it anew: `skops.io.dump(joblib.load({path.name!r}), "model.skops")`'
        )
    import joblib

    try:
        return joblib.load(path)
    except (pickle.UnpicklingError, ImportError, AttributeError, ValueError, EOFError, OSError, KeyError) as error:
        raise HarnessError(f"{path.name} cannot be unpickled: {type(error).__name__}: {cause_of(error)}") from error


def _read(path: Path) -> Any:
    """What a skops file holds, read without running code of it. Raises HarnessError."""
    try:
        import skops.io
    except ImportError as error:
        raise HarnessError('skops is not installed: pip install "neural-harness[skops]"') from error
    try:
        unknown = skops.io.get_untrusted_types(file=path)
        estimator = None if unknown else skops.io.load(path)
    except (
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        TypeError,
        OSError,
        EOFError,
        AttributeError,
        ImportError,
    ) as error:
        raise HarnessError(f"{path.name} cannot be read as a skops file: {type(error).__name__}: {error}") from error
    if unknown:
        raise HarnessError(f"{path.name} holds types that might run code, and is not loaded: {', '.join(unknown[:5])}")
    return estimator
