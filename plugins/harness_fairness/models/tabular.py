"""Small networks for tables: a multilayer perceptron for classes or numbers, and logistic regression."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from harness.api import Context, Dataset, NotApplicable, Prediction
from harness_fairness.models.mitigation import Mitigation, TrainingGroups, Weighting, sample_weights, train
from harness_fairness.models.training_targets import TrainingTargets


class _SizedByData(nn.Module):
    """A network whose sizes are known once it is fitted or its weights are loaded."""

    network: nn.Sequential

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential()

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Make layers of the sizes that the weights have, then load them."""
        shapes = [shape for _, shape in sorted(sizes_by_place(state_dict).items())]
        if shapes:
            self.network = layered([*(shape[1] for shape in shapes), shapes[-1][0]])
            self.network.to(next(iter(state_dict.values())).device)
        return super().load_state_dict(state_dict, strict, assign)

    def _outputs(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.network(inputs.flatten(1))
        return outputs


def sizes_by_place(state_dict: Mapping[str, Any]) -> dict[int, torch.Size]:
    """The place of each layer in the network and the shape of its weights `[out, in]`."""
    return {int(name.split(".")[1]): tensor.shape for name, tensor in state_dict.items() if name.endswith(".weight")}


def layered(sizes: list[int]) -> nn.Sequential:
    """Linear layers of these sizes with rectifiers between them."""
    layers: list[nn.Module] = []
    for one, other in pairwise(sizes):
        layers += [nn.ReLU()] if layers else []
        layers.append(nn.Linear(one, other))
    return nn.Sequential(*layers)


class TabularMLP(_SizedByData):
    """A multilayer perceptron for tables, with mitigation by group.

    A multilayer perceptron for rows of numbers: classes where the data have labels, else numbers.

    For numbers the predictive deviation is the root mean square error on the validation split, the same for all.

    Args:
        layers: hidden layers; with 0 the model is linear.
        width: units of each.
        epochs: passes over the training set.
        learning_rate: the largest, of a one-cycle schedule.
        weight_decay: the weight decay of AdamW.
        mitigation: `reweighting` gives every group the same weight, `balanced_sampling` draws every group as often,
            `group_dro` minimises the worst group's loss (Sagawa 2020).
        group: a group column of the training data for the mitigation, or several joined by `*`; `label` is the class.
        step_size: how fast the weights of groups move in group DRO.
    """

    scale: Tensor
    deviation: Tensor
    classes: Tensor

    def __init__(
        self,
        layers: Annotated[int, Ge(0)] = 2,
        width: Annotated[int, Ge(1)] = 64,
        epochs: Annotated[int, Ge(1)] = 30,
        learning_rate: Annotated[float, Gt(0)] = 3e-3,
        weight_decay: Annotated[float, Ge(0)] = 0.01,
        mitigation: Mitigation = "none",
        group: str | None = None,
        step_size: Annotated[float, Gt(0)] = 0.01,
    ) -> None:
        super().__init__()
        self._hidden, self._epochs = [width] * layers, epochs
        self._learning_rate, self._weight_decay = learning_rate, weight_decay
        self._mitigation, self._group, self._step_size = mitigation, group, step_size
        self.register_buffer("scale", torch.tensor([0.0, 1.0], dtype=torch.float64))
        self.register_buffer("deviation", torch.zeros(1, dtype=torch.float64))
        self.register_buffer("classes", torch.zeros(1, dtype=torch.long))

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Fit to the training split."""
        training = data("train")
        fitted = TrainingTargets.of(training, ctx.device)
        groups = TrainingGroups.of(training, self._group, self._mitigation)
        self.network = layered([fitted.inputs.shape[1], *self._hidden, max(1, fitted.classes)]).to(ctx.device)
        train(
            self.network,
            fitted.inputs,
            fitted.losses,
            groups,
            self._mitigation,
            epochs=self._epochs,
            learning_rate=self._learning_rate,
            weight_decay=self._weight_decay,
            step_size=self._step_size,
            ctx=ctx,
        )
        self.scale.copy_(fitted.scale)
        self.classes.fill_(fitted.classes)
        if fitted.targets is not None:
            held_out = TrainingTargets.of(data("validation"), ctx.device)
            with torch.no_grad():
                self.deviation.copy_(held_out.deviation_of(self._in_units(self._outputs(held_out.inputs))))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `[n, classes]` of inputs `[n, d]`. Raises NotApplicable for a model of numbers."""
        if not int(self.classes):
            raise NotApplicable("the model was fitted to numbers; it has no classes")
        return self._outputs(inputs)

    def predict(self, inputs: Tensor) -> Prediction:
        """Numbers with their deviation for inputs `[n, d]`. Raises NotApplicable for a model of classes."""
        if int(self.classes):
            raise NotApplicable("the model was fitted to classes; it predicts no numbers")
        mean = self._in_units(self._outputs(inputs))
        return Prediction(mean, self.deviation.expand(len(mean)))

    def _in_units(self, outputs: Tensor) -> Tensor:
        mean, deviation = self.scale
        values: Tensor = outputs.squeeze(1).double() * deviation + mean
        return values


def _penalty(weight: Tensor) -> Tensor:
    """The sum of the squared coefficients of `[classes, d]` weights; two classes have one row of coefficients."""
    return (weight[1] - weight[0] if len(weight) == 2 else weight).square().sum()


class Logistic(_SizedByData):
    """Logistic regression for tables, with mitigation by group.

    Multinomial logistic regression, fitted to convergence: the objective of scikit-learn's `LogisticRegression`. Of two
    classes the difference of their weights is penalised, as in the logistic regression of one logit.

    Args:
        strength: the inverse of the L2 penalty (C of scikit-learn); intercepts are free.
        mitigation: `reweighting` gives every group the same weight, `balanced_sampling` draws every group as often.
        group: a group column of the training data for the mitigation, or several joined by `*`; `label` is the class.
    """

    def __init__(
        self, strength: Annotated[float, Gt(0)] = 1.0, mitigation: Weighting = "none", group: str | None = None
    ) -> None:
        super().__init__()
        self._strength, self._mitigation, self._group = strength, mitigation, group

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Fit to the training split."""
        training = data("train")
        fitted = TrainingTargets.of(training, ctx.device)
        if fitted.labels is None:
            raise NotApplicable("logistic regression needs labels; for targets use `tabular_mlp` with `layers: 0`")
        groups = TrainingGroups.of(training, self._group, self._mitigation)
        weights = torch.as_tensor(sample_weights(groups, self._mitigation, ctx)).to(ctx.device)
        exact = torch.nn.Linear(fitted.inputs.shape[1], fitted.classes, dtype=torch.float64, device=ctx.device)
        nn.init.zeros_(exact.weight)
        nn.init.zeros_(exact.bias)
        inputs, labels = fitted.inputs.double(), fitted.labels
        optimizer = torch.optim.LBFGS(
            exact.parameters(), max_iter=500, tolerance_grad=1e-9, tolerance_change=1e-14, line_search_fn="strong_wolfe"
        )

        def objective() -> Tensor:
            optimizer.zero_grad()
            losses = cross_entropy(exact(inputs), labels, reduction="none")
            loss = ((losses * weights).sum() + 0.5 / self._strength * _penalty(exact.weight)) / len(labels)
            loss.backward()
            return loss

        optimizer.step(objective)
        self.network = nn.Sequential(exact.float())

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `[n, classes]` of inputs `[n, d]`."""
        return self._outputs(inputs)
