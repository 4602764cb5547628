"""Gradient boosting whose trees are tensors, so that they are stored and evaluated without scikit-learn's objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from harness.api import Context, Dataset, NotApplicable, Prediction
from harness_fairness.models.mitigation import TrainingGroups, Weighting, sample_weights
from harness_fairness.models.training_targets import TrainingTargets

_LEAF = -1


class GradientBoosting:
    """Gradient boosted trees for tables, with mitigation by group.

    Gradient boosted trees (Friedman 2001) of scikit-learn: classes where the data have labels, else numbers.

    After fitting, the trees are arrays: for every node the feature and threshold it splits by, its children and its
    value. That is what is stored, and what predictions are made of. There are no gradients for an attack to follow.

    Args:
        trees: boosting rounds.
        depth: the depth of each tree.
        learning_rate: how much of each tree is added.
        mitigation: `reweighting` gives every group the same weight, `balanced_sampling` draws every group as often.
        group: a group column of the training data for the mitigation, or several joined by `*`; `label` is the class.
    """

    def __init__(
        self,
        trees: Annotated[int, Ge(1)] = 100,
        depth: Annotated[int, Ge(1), Le(12)] = 3,
        learning_rate: Annotated[float, Gt(0)] = 0.1,
        mitigation: Weighting = "none",
        group: str | None = None,
    ) -> None:
        self._trees, self._depth, self._learning_rate = trees, depth, learning_rate
        self._mitigation, self._group = mitigation, group
        self._state: dict[str, Tensor] = {}

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Fit to the training split."""
        from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

        training = data("train")
        fitted = TrainingTargets.of(training, "cpu")
        groups = TrainingGroups.of(training, self._group, self._mitigation)
        weights = sample_weights(groups, self._mitigation, ctx)
        maker = GradientBoostingClassifier if fitted.labels is not None else GradientBoostingRegressor
        # Starting from zero leaves nothing to store but trees; targets are standardised to make up for it.
        booster = maker(
            n_estimators=self._trees,
            max_depth=self._depth,
            learning_rate=self._learning_rate,
            init="zero",
            random_state=ctx.derive_seed("trees") % 2**31,
        )
        mean, deviation = fitted.scale.tolist()
        wanted: Any = fitted.labels
        present = torch.arange(1)
        if fitted.targets is not None:
            wanted = (fitted.targets - mean) / deviation
        else:
            present = torch.unique(fitted.labels)
            if len(present) < 2:
                raise NotApplicable("all training labels are of one class; there is nothing to tell apart")
        booster.fit(fitted.inputs.numpy(), wanted.numpy(), sample_weight=weights)
        self._state = {
            **_tensors([[tree.tree_ for tree in stage] for stage in booster.estimators_], self._learning_rate),
            "scale": fitted.scale,
            "classes": torch.tensor(fitted.classes),
            "present": present,
            "deviation": torch.zeros((), dtype=torch.float64),
        }
        if fitted.targets is not None:
            held_out = TrainingTargets.of(data("validation"), "cpu")
            predicted = self._raw(held_out.inputs)[:, 0] * deviation + mean
            self._state["deviation"] = held_out.deviation_of(predicted)

    def state_dict(self) -> Mapping[str, Tensor]:
        """The trees as arrays `[trees, nodes]`, and how their sum is read."""
        return self._state

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> None:
        """Restore the trees from what `state_dict` returned."""
        self._state = dict(state_dict)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Logits `[n, classes]` of inputs `[n, d]`; a class that is absent from the training data has the logit -30."""
        classes, present = int(self._state["classes"]), self._state["present"]
        if not classes:
            raise NotApplicable("the model was fitted to numbers; it has no classes")
        raw = self._raw(inputs.flatten(1))
        if raw.shape[1] == 1:  # With two classes the sum is the log odds of the second.
            raw = torch.cat([torch.zeros_like(raw), raw], dim=1)
        logits = raw.new_full((len(raw), classes), -30.0)
        logits[:, present] = raw
        return logits.float()

    def predict(self, inputs: Tensor) -> Prediction:
        """Numbers, with the root mean square error on the validation split as deviation."""
        if int(self._state["classes"]):
            raise NotApplicable("the model was fitted to classes; it predicts no numbers")
        mean, deviation = self._state["scale"]
        values = self._raw(inputs.flatten(1))[:, 0] * deviation + mean
        return Prediction(values, self._state["deviation"].expand(len(values)))

    def _raw(self, inputs: Tensor) -> Tensor:
        """Sums over the trees of each output, float64 `[n, outputs]`."""
        state = self._state
        feature, threshold = state["feature"], state["threshold"]
        rows, trees = inputs.double(), torch.arange(len(feature), device=feature.device)[None]
        node = torch.zeros((len(rows), len(feature)), dtype=torch.long, device=feature.device)
        for _ in range(int(state["depth"])):
            asked = feature[trees, node]
            goes_left = rows.gather(1, asked.clamp(min=0)) <= threshold[trees, node]
            below = torch.where(goes_left, state["left"][trees, node], state["right"][trees, node])
            node = torch.where(asked == _LEAF, node, below)
        sums = rows.new_zeros((len(rows), int(state["outputs"])))
        return sums.index_add(1, state["output"], state["value"][trees, node])


def _tensors(stages: Sequence[Sequence[Any]], learning_rate: float) -> dict[str, Tensor]:
    """The nodes of all trees, padded to the largest; leaves have the feature -1."""
    trees = [tree for stage in stages for tree in stage]
    most = max(tree.node_count for tree in trees)

    def padded(name: str, dtype: type, fill: float = 0) -> Tensor:
        out = np.full((len(trees), most), fill, dtype=dtype)
        for row, tree in zip(out, trees, strict=True):
            row[: tree.node_count] = np.asarray(getattr(tree, name)).reshape(tree.node_count)
        return torch.as_tensor(out)

    left = padded("children_left", np.int64, _LEAF)
    feature = torch.where(left == _LEAF, torch.full_like(left, _LEAF), padded("feature", np.int64))
    outputs = len(stages[0])
    return {
        "feature": feature,
        "threshold": padded("threshold", np.float64),
        "left": left.clamp(min=0),
        "right": padded("children_right", np.int64).clamp(min=0),
        "value": padded("value", np.float64) * learning_rate,
        "output": torch.arange(len(trees)) % outputs,
        "outputs": torch.tensor(outputs),
        "depth": torch.tensor(max(int(tree.max_depth) for tree in trees)),
    }
