"""Threat models, and the protocols of attacks on inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, get_args, runtime_checkable

from harness.contract.context import Context
from harness.contract.errors import InvalidOutput
from harness.contract.models import Classifier, Norm

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Threat:
    """The threat model of an attack, against which every returned input is checked.

    Attributes:
        norm: the norm in which the perturbation is bounded, over the elements of one example; l0 counts
            pixels (positions changed in any channel) for inputs `[channels, height, width]`. None: any change
            within the box of the data.
        eps: the budget in that norm, in units of the inputs; None: no bound, the smallest distance is sought.
        targeted: success means being given the target class, not just another class than the true one.
        minimal: the attack minimises the distance and may return points outside `eps`; those count as not
            fooled instead of as a broken budget.

    Raises:
        InvalidOutput: an unknown norm, or a budget that is negative or not finite.
    """

    norm: Norm | None
    eps: float | None
    targeted: bool = False
    minimal: bool = False

    def __post_init__(self) -> None:
        norms = get_args(Norm)
        if self.norm is not None and self.norm not in norms:
            raise InvalidOutput(f"the threat of the attack has norm {self.norm!r}; it is {', '.join(norms)} or None")
        if self.eps is not None and not (0 <= self.eps < math.inf):
            raise InvalidOutput(
                f"the threat of the attack has eps {self.eps!r}; it is a finite number of at least 0, "
                "in units of the inputs, or None where the smallest distance is sought"
            )

    def __str__(self) -> str:
        bound: str = self.norm or "any"
        if self.eps is not None:
            bound += f" ≤ {self.eps:.4g}"
        return " ".join([bound, *(["minimal"] if self.minimal else []), *(["targeted"] if self.targeted else [])])


@dataclass(frozen=True, slots=True)
class LabelledInputs:
    """A batch of inputs with their labels, as attacks receive it.

    Attributes:
        ids: the example ids, length n.
        inputs: `[n, ...]`, float32 within [low, high], on the device of the context.
        labels: `[n]`, int64, the true classes.
        targets: `[n]`, int64, the classes to reach if the threat is targeted, else None.
        low, high: the box that every input must stay in.

    Raises:
        InvalidOutput: a target is the label of its example.
    """

    ids: Sequence[str]
    inputs: Tensor
    labels: Tensor
    targets: Tensor | None = None
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.targets is not None and bool((self.targets == self.labels).any()):
            row = int((self.targets == self.labels).int().argmax())
            raise InvalidOutput(
                f"the target of example {self.ids[row]!r} is its label, {int(self.labels[row])}: "
                "an attack would succeed without doing anything; give it another class"
            )

    def __len__(self) -> int:
        return len(self.ids)


class ScoreAccess(Protocol):
    """The model as the core hands it to a black-box attack: every pass through it is counted."""

    def __call__(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        """Logits `[m, classes]` of inputs `[m, ...]`.

        Args:
            inputs: any number of candidates.
            rows: `[m]`, which example of the batch each candidate belongs to, so that its passes are booked to
                the right example; without it m passes are spread evenly over the batch.
        """


class GradientAccess(ScoreAccess, Protocol):
    """The model as the core hands it to a white-box attack: a `torch.nn.Module` whose passes are counted."""

    def parameters(self) -> Iterator[torch.nn.Parameter]: ...

    def named_modules(self) -> Iterator[tuple[str, torch.nn.Module]]: ...


class Attack(Protocol):
    """Searches for inputs within the threat model that the model gets wrong.

    The core calls `perturb` on correctly classified examples only, in chunks whose size does not depend on the
    batch size, under a random state seeded by the chunk, with the model in eval mode and its parameters frozen.
    `Pooled`, `Averaging`, `WithSurrogate` and `Viewed` say what else an attack may be.
    """

    @property
    def threat(self) -> Threat: ...

    def perturb(self, model: Any, batch: LabelledInputs, ctx: Context) -> Tensor:
        """Search for adversarial examples.

        Annotate `model` as `ScoreAccess` or `GradientAccess`: that is how the plan knows what the attack needs.

        Returns:
            Candidates of the shape and dtype of `batch.inputs`; the core re-checks and re-classifies
            them.
        """


@runtime_checkable
class Pooled(Protocol):
    """An attack that is given all examples at once, so that it can refill its batch as examples are fooled.

    Attributes:
        pooled: whether it is; it then keeps to `ctx.batch_size` itself.
    """

    pooled: bool


@runtime_checkable
class Averaging(Protocol):
    """An attack on models that are random, which make the result of any other attack suspect.

    Attributes:
        averages: whether it takes the mean over the randomness of a model.
    """

    averages: bool


@runtime_checkable
class WithSurrogate(Protocol):
    """An attack that computes its examples on a surrogate model.

    Attributes:
        surrogate: the surrogate, so that the task can tell whether only it is fooled; None if there is none.
    """

    surrogate: Classifier | None


@runtime_checkable
class Staged(Protocol):
    """An attack of several stages, each on the survivors of the last, which tells what each of them fooled.

    Attributes:
        fooled_by: after `perturb`, from the ids of fooled examples to the name of the stage that fooled them.
        without_gradients: the names of stages that use scores or decisions only: if they fool more than those before
            them left by chance, gradients are masked.
    """

    fooled_by: Mapping[str, str]
    without_gradients: Sequence[str]


@runtime_checkable
class Viewed(Protocol):
    """An attack whose examples must hold under many views: rotated, at a distance, in other light.

    Attributes:
        views: number of views of every example that are evaluated.
    """

    views: int

    def view(self, inputs: Tensor, batch: LabelledInputs, draw: int, ctx: Context) -> Tensor:
        """One view of each of the inputs `[n, ...]`, with draws keyed by `batch.ids`, `draw` and the context."""
