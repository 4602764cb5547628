"""Monte Carlo dropout: the mean over networks with different units left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor, nn

from harness.api import ComponentOf, Differentiable, NotApplicable
from harness_uncertainty.methods.predictive import disagreement, mixture_logits
from harness_uncertainty.methods.wrapping import Wrapper

_BY_UNIT = (nn.Dropout,)
_BY_CHANNEL = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


class MCDropout(Wrapper):
    """The mean prediction of a network with its dropout left on (Gal & Ghahramani 2016, arXiv:1506.02142).

    Each pass draws one mask, the same for all examples: it is one network out of those that training went through, and
    no prediction depends on the batch that its example travels in. Scores: `mutual_information`, `expected_entropy`.

    Args:
        model: a network with dropout layers, trained with them.
        passes: how many networks to average.

    Raises:
        NotApplicable: the network has no dropout, or one of a kind that masks cannot be drawn for.
    """

    def __init__(
        self, model: Annotated[Differentiable, ComponentOf("model")], passes: Annotated[int, Ge(2)] = 20
    ) -> None:
        super().__init__(model)
        modules = list(self.model.modules()) if isinstance(model, nn.Module) else []
        self._layers = [m for m in modules if isinstance(m, _BY_UNIT + _BY_CHANNEL) and m.p > 0]
        other = [m for m in modules if isinstance(m, nn.AlphaDropout | nn.FeatureAlphaDropout)]
        if other:
            raise NotApplicable(f"mc_dropout draws no masks for {type(other[0]).__name__}")
        if not self._layers:
            raise NotApplicable(
                "mc_dropout needs a network with dropout layers, such as {use: digit_cnn, with: {dropout: 0.2}}"
            )
        self._passes = passes
        # Drawn under the random state of the build, so that it follows the seed of the cell.
        self._seed = int(torch.randint(2**62, ()).item())

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `[n, classes]` of the mean prediction."""
        return mixture_logits(self.member_logits(inputs))

    def member_logits(self, inputs: Tensor) -> Tensor:
        """Logits `[passes, n, classes]`."""
        logits = []
        for number in range(self._passes):
            with self._masked(number):
                logits.append(self.inner(inputs))
        return torch.stack(logits)

    def uncertainty(self, inputs: Tensor) -> Mapping[str, Tensor]:
        """The disagreement of the networks."""
        return disagreement(self.member_logits(inputs))

    @contextmanager
    def _masked(self, number: int) -> Iterator[None]:
        """The masks of one pass. Dropout in eval mode does nothing, so what a layer returns is what it was given."""
        generator = torch.Generator().manual_seed((self._seed + number) % 2**63)

        def mask(layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            shape = tuple(inputs[0].shape[1:])
            if isinstance(layer, _BY_CHANNEL):
                shape = (shape[0], *([1] * (len(shape) - 1)))
            active = torch.rand(shape, generator=generator) >= layer.p
            scaled: Tensor = inputs[0] * (active / (1 - layer.p) if layer.p < 1 else active).to(inputs[0])
            return scaled

        handles = [layer.register_forward_hook(mask) for layer in self._layers]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
