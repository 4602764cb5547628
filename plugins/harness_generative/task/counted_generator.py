"""The generative model as samplers see it: every pass is counted, every output checked, some samples traced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from harness.api import Denoiser, InvalidOutput
from harness_generative.task.network_passes import NetworkPasses

WATCHED = 4
"""How many samples are followed from noise to picture."""
_ROUNDING = 1e-5
"""Relative difference of one noise level in float32 and in float64, with room; those of a sampler are farther apart."""


@dataclass
class Trace:
    """What a sampler saw of the first samples, one entry per noise level that it stepped from.

    Attributes:
        sigmas: the noise levels in the order in which the sampler visited them.
        noisy: at each, x `[WATCHED, *latent_shape]`.
        denoised: at each, the prediction that the sampler used, of the same shape: D(x; sigma), guided if it is.
        final: x at the end, where no noise is left; None for a sampler that decodes nothing.
    """

    sigmas: list[float] = field(default_factory=list)
    noisy: list[Tensor] = field(default_factory=list)
    denoised: list[Tensor] = field(default_factory=list)
    final: Tensor | None = None
    _asked: bool = False

    def add(self, sigma: float, noisy: Tensor, denoised: Tensor, *, asked: bool = True) -> None:
        """Add a pass; one at no lower noise level than the last replaces it (a corrector, or noise put back).

        Of two passes of one x the conditional one stays, which is nearer to the guided prediction.
        """
        noisy = noisy.detach().cpu().clone()
        if self.sigmas and sigma >= self.sigmas[-1] * (1 - _ROUNDING):
            if self._asked and not asked and torch.equal(noisy, self.noisy[-1]):
                return
            del self.sigmas[-1], self.noisy[-1], self.denoised[-1]
        self.sigmas.append(sigma)
        self.noisy.append(noisy)
        self.denoised.append(denoised.detach().cpu().clone())
        self._asked = asked


class CountedGenerator:
    """Wraps a generative model and counts passes per sample of the current batch.

    Counting is done here and at the networks of the model, where the passes happen, so that neither a sampler nor a
    pipeline that samples in one call need be trusted with it.

    Args:
        model: a `OneShot`, a `Denoiser`, or both.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.trace = Trace()
        self._networks = NetworkPasses()
        self._passes = 0.0
        self._rows = 0
        self._is_watched = False

    @contextmanager
    def batch(self, size: int, *, watched: bool) -> Iterator[None]:
        """Count the passes made inside for a batch of this size.

        Args:
            size: its samples.
            watched: follow its first samples in the trace.
        """
        self._rows, self._is_watched = 0, watched
        try:
            with self._networks.counting(size) as of_networks:
                yield
            self._passes = max(self._rows / size, *of_networks, 0.0)
        finally:
            self._is_watched = False

    @property
    def passes(self) -> float:
        """Passes per sample of the last batch: of calls of the model, or of its networks where these are more."""
        return self._passes

    @property
    def latent_shape(self) -> Sequence[int]:
        """The shape of the noise of one sample."""
        shape: Sequence[int] = self.model.latent_shape
        return shape

    @property
    def sigma_range(self) -> tuple[float, float]:
        """The smallest and the largest noise level of a denoiser."""
        low, high = self.model.sigma_range
        return float(low), float(high)

    def generate(self, noise: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Samples of a one-shot model, `[m, ...]` for noise `[m, *latent_shape]`."""
        self._rows += len(noise)
        samples = self.model.generate(noise, conditions)
        if not isinstance(samples, Tensor) or len(samples) != len(noise):
            raise InvalidOutput(f"the model generated {shape_of(samples)} for noise of shape {list(noise.shape)}")
        return samples

    def denoise(self, x: Tensor, sigma: Tensor, conditions: Tensor | None = None) -> Tensor:
        """D(x; sigma) `[m, *latent_shape]`; conditions None denoises unconditionally."""
        self._rows += len(x)
        if tuple(sigma.shape) != (len(x),):
            raise InvalidOutput(
                f"the sampler gave noise levels of shape {list(sigma.shape)} for {len(x)} rows; it must be [{len(x)}]"
            )
        denoised = self.model.denoise(x, sigma, conditions)
        if not isinstance(denoised, Tensor) or denoised.shape != x.shape:
            raise InvalidOutput(
                f"the model denoised {list(x.shape)} to {shape_of(denoised)}; the shape must be the same"
            )
        if self._is_watched and len(x) >= WATCHED:
            self.trace.add(float(sigma[0]), x[:WATCHED], denoised[:WATCHED], asked=conditions is not None)
        return denoised

    def follow(self, x: Tensor, sigma: float, denoised: Tensor) -> None:
        """Show this prediction of x in the trace, since the sampler steps by it: one that it made of several passes."""
        if self._is_watched and len(x) >= WATCHED:
            self.trace.add(sigma, x[:WATCHED], denoised[:WATCHED])

    def decode(self, x: Tensor) -> Tensor:
        """Samples in the box of the data."""
        if self._is_watched and len(x) >= WATCHED:
            self.trace.final = x[:WATCHED].detach().cpu().clone()
        samples: Tensor = self.model.decode(x)
        return samples

    def encode(self, inputs: Tensor) -> Tensor:
        """The inverse of `decode`."""
        latents: Tensor = self.model.encode(inputs)
        return latents

    def warm_up(self, noise: Tensor, conditions: Tensor | None) -> None:
        """Run one pass that is neither counted nor timed, since a first one is slow, and find the networks in it."""
        with torch.no_grad(), self._networks.finding():
            if isinstance(self.model, Denoiser):
                high = self.sigma_range[1]
                self.model.denoise(high * noise, noise.new_full((len(noise),), high), conditions)
            else:
                self.model.generate(noise, conditions)


def shape_of(value: object) -> str:
    """The shape of a tensor, or the type of what is none, as errors show it."""
    return f"shape {list(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
