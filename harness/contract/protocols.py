"""Protocols that loaded components must satisfy.

Capabilities are protocols, not base classes. A task says in the annotations of its `run` what it needs of a
model, an attack says it in the annotation of its `perturb`; what a model's class does not offer is skipped in
the plan with a reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args, runtime_checkable

import numpy as np
import numpy.typing as npt

from harness.contract.context import Context
from harness.contract.data import Dataset
from harness.contract.errors import InvalidOutput
from harness.contract.estimates import Estimate
from harness.contract.records import Records

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from harness.contract.rows import MeasuredCell, Row

Direction = Literal["max", "min", "none"]
Norm = Literal["linf", "l2", "l1", "l0"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a task on one cell.

    Attributes:
        records: columns of equal length, one row per example, with a unique string column `id`. None is a
            missing value; NaN is an error.
        protocol: what must be equal before two numbers of this task may stand side by side, besides data,
            task and metric: the threat model, the sampler's settings. Goes into the comparability key.
        cost: effort per example, shown in the table, e.g. {"passes": 41.0}.
        artifacts: arrays (saved as .npy) or bytes (saved under their name, e.g. "grid.png").
        display: columns that tables show beside the numbers, heading to text, e.g. {"threat": "linf ≤ 0.1"}.
        problems: rules that were broken; any makes the cell `invalid`.
        doubts: why the numbers may not mean what they say, such as an attack whose gradients were zero; any makes the
            cell `suspect`, which keeps and shows its numbers, marked.
    """

    records: Mapping[str, Any]
    protocol: Mapping[str, Any] = field(default_factory=dict)
    cost: Mapping[str, float] = field(default_factory=dict)
    artifacts: Mapping[str, Any] = field(default_factory=dict)
    display: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


class Task(Protocol):
    """A task: it runs components and returns records.

    The signature of `run` names the roles that a cell of this task has: `model`, `data`, `attack`, `sampler`,
    each optional, and `ctx` for the `Context`. A role annotated `X | None` may be left out by a suite; the
    protocol X says what the component must offer.
    """

    run: Callable[..., Outcome]


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
    """A classifier that gives a set of classes meant to hold the true one, with a nominal coverage."""

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
class Viewed(Protocol):
    """An attack whose examples must hold under many views: rotated, at a distance, in other light.

    Attributes:
        views: number of views of every example that are evaluated.
    """

    views: int

    def view(self, inputs: Tensor, batch: LabelledInputs, draw: int, ctx: Context) -> Tensor:
        """One view of each of the inputs `[n, ...]`, with draws keyed by `batch.ids`, `draw` and the context."""


class OneShot(Protocol):
    """A generative model that turns noise into a sample in one pass, such as a GAN or the decoder of a VAE.

    A conditional model also has `encode_conditions`, see `Conditional`.

    Attributes:
        latent_shape: the shape of the standard normal noise of one sample.
    """

    latent_shape: Sequence[int]

    def generate(self, noise: Tensor, conditions: Tensor | None) -> Tensor:
        """Samples `[n, ...]` in the box of the data, of noise `[n, *latent_shape]`."""


@runtime_checkable
class Denoiser(Protocol):
    """A generative model that removes Gaussian noise: D(x; sigma) of Karras et al. 2022, the mean of y given x.

    x = y + sigma n with n standard normal; y is data in the units of the model, in which its standard deviation is
    about 1/2 to 1. A conditional model also has `encode_conditions`, see `Conditional`.

    Attributes:
        latent_shape: the shape of x of one sample.
        sigma_range: the smallest and the largest sigma the model was made for.
    """

    latent_shape: Sequence[int]
    sigma_range: tuple[float, float]

    def denoise(self, x: Tensor, sigma: Tensor, conditions: Tensor | None) -> Tensor:
        """The denoised `[n, *latent_shape]` of x `[n, *latent_shape]` at noise levels `[n]`.

        Without conditions a conditional model denoises unconditionally; guidance needs both.
        """

    def decode(self, x: Tensor) -> Tensor:
        """Samples `[n, ...]` in the box of the data, of finished x."""

    def encode(self, inputs: Tensor) -> Tensor:
        """The inverse of `decode`: y `[n, *latent_shape]` of data `[n, ...]` in their box."""


@runtime_checkable
class Conditional(Protocol):
    """A generative model that takes conditions, such as classes or prompts."""

    def encode_conditions(self, conditions: Sequence[Any]) -> Tensor:
        """Encode conditions, classes (whole numbers) or prompts (text), as a tensor `[n, ...]` for its other methods.

        Raises:
            NotApplicable: it does not take conditions of this sort.
        """


@runtime_checkable
class GivenSamples(Protocol):
    """A model whose samples exist already, such as a folder that another system filled: no sampler draws them."""

    def given(self, rows: Sequence[int]) -> Tensor:
        """The samples `[len(rows), ...]` at these positions, in the box of the data."""

    def given_conditions(self, rows: Sequence[int]) -> Sequence[int] | None:
        """The class that each of these samples was made for; None if that is not known."""


@dataclass(frozen=True, slots=True)
class SampleBatch:
    """The noise and conditions from which a sampler makes its samples.

    Attributes:
        ids: of the samples, length n. Every further draw must be keyed by them: `ctx.normal(batch.ids, ...)`.
        noise: `[n, *latent_shape]`, standard normal, float32, drawn per sample on the CPU.
        conditions: `[n, ...]` as the model encoded them; None for an unconditional model.
    """

    ids: Sequence[str]
    noise: Tensor
    conditions: Tensor | None = None

    def __len__(self) -> int:
        return len(self.ids)


class Sampler(Protocol):
    """Makes samples of noise with a generative model.

    Annotate `model` as `OneShot` or `Denoiser`: that is how the plan knows what the sampler needs. The core counts
    every pass through the model, seeds what it is given, and checks and quantises what comes back.
    """

    def sample(self, model: Any, batch: SampleBatch, ctx: Context) -> Tensor:
        """Samples: what `model.generate` or, at the end of sampling, `model.decode` returns."""


@runtime_checkable
class Extractor(Protocol):
    """Maps inputs `[n, ...]` in the box of the data to features `[n, d]`, float32."""

    def __call__(self, inputs: Tensor, /) -> Tensor: ...


class Metric(Protocol):
    """A number computed from the records of one cell.

    Attributes:
        columns: record columns it needs; where one is absent the metric does not apply to the cell.
        direction: whether more is better ("max"), less is ("min"), or neither ("none").
        unit: e.g. "fraction", "bits/byte"; empty for a plain number.
    """

    columns: Sequence[str]
    direction: Direction
    unit: str

    def estimate(self, records: Records) -> Estimate:
        """The value with its interval. An undefined value is `Estimate.undefined(reason)`, never 0 or NaN."""


@runtime_checkable
class Summed(Protocol):
    """A metric that is an increasing function of a ratio of two sums over examples, such as perplexity."""

    def sums(self, records: Records) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Numerators and denominators `[len(records)]`; NaN in both where an example does not count."""


@runtime_checkable
class PerExample(Protocol):
    """A metric that is the mean of one value per example; what lets two runs be compared example by example."""

    def per_example(self, records: Records) -> npt.NDArray[np.float64]:
        """`[len(records)]`: NaN where an example does not count; the metric's value is the mean of the others."""


class Aggregate(Protocol):
    """Rows computed from the records of several cells, e.g. the worst case over attacks."""

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """Rows to append to the table of an experiment."""


@runtime_checkable
class Doubting(Protocol):
    """An aggregate that finds, by comparing cells, that the numbers of some may be misleading."""

    def doubts(self, cells: Sequence[MeasuredCell]) -> Mapping[str, Sequence[str]]:
        """Return cell id to reasons for doubt; such a cell that was measured is then `suspect` in all results."""


class Reporter(Protocol):
    """Files made of the rows of a run, e.g. a plot."""

    def report(self, rows: Sequence[Row], folder: Path) -> Iterable[Path]:
        """Write into the folder; return the paths written."""


@runtime_checkable
class CellReporter(Protocol):
    """A reporter that reads records, e.g. a reliability diagram; `report_cells` is called instead of `report`."""

    def report_cells(self, cells: Sequence[MeasuredCell], folder: Path) -> Iterable[Path]:
        """Write into the folder; return the paths written. A cell whose `row.n` is None has no records."""
