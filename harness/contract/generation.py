"""Protocols of generative models, samplers and feature extractors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from harness.contract.context import Context

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor


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

    def given_conditions(self, rows: Sequence[int]) -> Sequence[int | str] | None:
        """The class that each of these samples was made for, by number or by name; None if that is not known."""


@runtime_checkable
class GivenFeatures(Protocol):
    """A model of whose samples nothing is left but features, which another system computed.

    Attributes:
        n_given: how many samples there are.
    """

    @property
    def n_given(self) -> int:
        """How many samples there are."""

    def given_features(self, rows: Sequence[int]) -> npt.NDArray[Any]:
        """The features `[len(rows), d]` of the samples at these positions."""


@runtime_checkable
class TextJudge(Protocol):
    """Says how well images agree with texts, such as CLIP."""

    def agreement(self, images: Tensor, texts: Sequence[str]) -> Tensor:
        """A number `[n]` for each of images `[n, C, H, W]` in the box of the data with its text; more is better."""


@runtime_checkable
class Answerer(Protocol):
    """Answers questions about images, such as a model of visual question answering."""

    def answers(self, images: Tensor, questions: Sequence[str]) -> Sequence[str]:
        """An answer about each of images `[n, C, H, W]` in the box of the data, to its question."""


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
