"""Protocols of classifiers and regression models, and of what they return."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from harness.contract.context import Context
from harness.contract.data import Dataset

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Norm = Literal["linf", "l2", "l1", "l0"]


@runtime_checkable
class Described(Protocol):
    """A model that states facts about itself that are not measured, such as its published accuracy.

    Attributes:
        facts: what can be written as JSON; stands in the row under `facts["model"]`, and is part of no key.
    """

    facts: Mapping[str, Any]


@runtime_checkable
class Classifier(Protocol):
    """Maps inputs `[n, ...]` to logits `[n, classes]`, float32."""

    def __call__(self, inputs: Tensor, /) -> Tensor: ...


@runtime_checkable
class NamedClasses(Protocol):
    """A classifier whose classes have names, so that they can be matched with those of the data.

    Attributes:
        class_names: one for each output, in order; None where they are only numbered.
    """

    class_names: Sequence[str] | None


@runtime_checkable
class Differentiable(Classifier, Protocol):
    """A classifier that is a `torch.nn.Module`, so that gradients reach its inputs."""

    def parameters(self) -> Iterator[torch.nn.Parameter]: ...

    def named_modules(self) -> Iterator[tuple[str, torch.nn.Module]]: ...


@runtime_checkable
class Uncertain(Protocol):
    """A classifier with uncertainty scores of its own, besides those that follow from its logits."""

    def uncertainty(self, inputs: Tensor) -> Mapping[str, Tensor]:
        """Name of a score to its values `[n]` for inputs `[n, ...]`; higher is less sure."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """The predictions of a regression model for n examples.

    Attributes:
        mean: `[n]`.
        deviation: `[n]`, the predictive standard deviation, positive; None if the model does not say.
        low, high: `[n]`, the ends of an interval for the target; None if the model does not say.
        level: the nominal coverage of that interval.
    """

    mean: Tensor
    deviation: Tensor | None = None
    low: Tensor | None = None
    high: Tensor | None = None
    level: float | None = None


@runtime_checkable
class Regressor(Protocol):
    """Predicts a number for each example."""

    def predict(self, inputs: Tensor) -> Prediction:
        """Predictions for inputs `[n, ...]`, in the units of the targets."""


@runtime_checkable
class SetPredictor(Classifier, Protocol):
    """A classifier that gives a set of classes meant to hold the true one, with a nominal coverage.

    One that was calibrated on n examples says so by an attribute `calibration_size`, for `coverage_range`.
    """

    coverage: float

    def contains(self, inputs: Tensor) -> Tensor:
        """Return which classes are in the set: truth values `[n, classes]` for inputs `[n, ...]`."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The certificates of a model for n inputs.

    Attributes:
        prediction: `[n]`, int64, the class; -1 where the model abstains.
        radius: `[n]`, no input closer than this is given another class; 0 where the model abstains.
        norm: in which the radius is measured.
        alpha: the probability with which each certificate may be wrong; 0 for a proof.
    """

    prediction: Tensor
    radius: Tensor
    norm: Norm
    alpha: float


@runtime_checkable
class Certified(Classifier, Protocol):
    """A classifier that can prove that its prediction does not change nearby."""

    def certify(self, inputs: Tensor, ids: Sequence[str], ctx: Context) -> Certificate:
        """Certificates for inputs `[n, ...]`; what is drawn must be keyed by the ids and the context."""


@runtime_checkable
class Trainable(Protocol):
    """A model that is fitted on first use; its state is then kept in the store as safetensors."""

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Fit to `data("train")`; `data` gives the other splits by name too."""

    def state_dict(self) -> Mapping[str, Tensor]: ...

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> Any: ...
