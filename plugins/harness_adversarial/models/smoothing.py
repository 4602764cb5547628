"""Randomised smoothing: the most frequent class of a model under Gaussian noise, with a certified radius."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from harness.api import Certificate, Classifier, ComponentOf, Context

_COPIES_PER_BATCH = 256
"""Draws per pass, a fixed number so that votes do not depend on the batch size."""


class Smoothed(nn.Module):
    """A classifier under Gaussian noise, which certifies an L2 radius around each input (Cohen et al. 2019).

    Certificates are those of algorithm CERTIFY: n0 draws choose a class, n others bound from below, by Clopper-Pearson,
    how often it is given; sigma times the normal quantile of that bound is the radius. It abstains where the bound is
    not above one half. As a plain classifier, and for attacks, it gives the logarithm of the mean probabilities under
    a few fixed draws, the same for all inputs.

    Args:
        model: the classifier; one trained under noise of about this size.
        sigma: standard deviation of the noise, in units of the inputs.
        n0: draws to choose the class.
        n: draws to bound its share.
        alpha: the probability with which a certificate may be wrong.
        draws: for logits.
    """

    def __init__(
        self,
        model: Annotated[Classifier, ComponentOf("model")],
        sigma: Annotated[float, Gt(0)] = 0.25,
        n0: Annotated[int, Ge(1)] = 100,
        n: Annotated[int, Ge(1)] = 1000,
        alpha: Annotated[float, Gt(0), Lt(1)] = 0.001,
        draws: Annotated[int, Ge(1)] = 16,
    ) -> None:
        super().__init__()
        self.model: Any = model
        self.sigma, self.n0, self.n, self.alpha, self._draws = sigma, n0, n, alpha, draws
        # Drawn under the random state of the build, so that it follows the seed of the cell.
        self._seed = int(torch.randint(2**62, ()).item())

    def forward(self, inputs: Tensor) -> Tensor:
        """Logarithms `[n, classes]` of the mean probabilities under a few draws."""
        noise = _fixed_noise(self._seed, (self._draws, *inputs.shape[1:]), inputs.device, inputs.dtype)
        found = [self.model(inputs + self.sigma * each).log_softmax(dim=1) for each in noise]
        return torch.stack(found).logsumexp(dim=0) - torch.tensor(float(self._draws), device=inputs.device).log()

    @torch.no_grad()
    def certify(self, inputs: Tensor, ids: Sequence[str], ctx: Context) -> Certificate:
        """A class and an L2 radius for each of the inputs `[n, ...]`."""
        from scipy.special import ndtri

        prediction = torch.full((len(inputs),), -1, dtype=torch.long)
        radius = torch.zeros(len(inputs), dtype=torch.float64)
        for row, name in enumerate(ids):
            guess = int(self._votes(inputs[row], name, self.n0, ctx, "choose").argmax())
            hits = int(self._votes(inputs[row], name, self.n, ctx, "bound")[guess])
            bound = lower_bound(hits, self.n, self.alpha)
            if bound > 0.5:
                prediction[row], radius[row] = guess, self.sigma * float(ndtri(bound))
            ctx.progress(row + 1, len(inputs))
        return Certificate(prediction, radius, "l2", self.alpha)

    def _votes(self, example: Tensor, name: str, draws: int, ctx: Context, purpose: str) -> Tensor:
        """How often each class is given, `[classes]`, for one input under so many draws."""
        votes: Tensor | None = None
        for start in range(0, draws, _COPIES_PER_BATCH):
            noise = ctx.normal([name], (_COPIES_PER_BATCH, *example.shape), purpose, start)[0]
            logits = self.model(example[None] + self.sigma * noise)
            given = logits.argmax(dim=1)[: draws - start]
            # What is not finite votes for nobody.
            given = given[logits.isfinite().all(dim=1)[: draws - start]]
            counted = torch.bincount(given, minlength=logits.shape[1])
            votes = counted if votes is None else votes + counted
        assert votes is not None
        return votes


@lru_cache(maxsize=4)
def _fixed_noise(seed: int, shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    """Standard normal noise that is the same on every device; drawn and copied there once, not at every pass."""
    # Also where the first pass is one without gradients and a later one is not.
    with torch.inference_mode(False):
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(device, dtype)


def lower_bound(hits: int, n: int, alpha: float) -> float:
    """The lower end of the one-sided interval of Clopper & Pearson (1934) for a share, with coverage 1 - alpha."""
    from scipy.special import betaincinv

    return float(betaincinv(hits, n - hits + 1, alpha)) if hits else 0.0
