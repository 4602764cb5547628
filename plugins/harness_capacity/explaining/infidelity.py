"""Infidelity: does a map say by how much the logit falls where parts of the input are removed?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from harness.api import Context
from harness_capacity.explaining.maps import on_inputs, positions

Logits = Callable[[Tensor], Tensor]


def drawn_parts(ids: Sequence[str], inputs: Tensor, draws: int, ctx: Context) -> Tensor:
    """Random parts of each input, bool `[draws, m, positions]`: squares of images, else every element by a coin.

    Squares have a side of 1 pixel to half of the shorter side of the image (square removal, Yeh 2019).
    """
    if inputs.ndim != 4:
        return (ctx.uniform(ids, (draws, positions(inputs)), "parts") < 0.5).transpose(0, 1)
    height, width = inputs.shape[2:]
    side, top, left = ctx.uniform(ids, (3, draws), "parts").permute(1, 2, 0)
    side = (side * max(1, min(height, width) // 2)).floor() + 1
    rows = _inside((top * (height - side + 1)).floor(), side, height)
    columns = _inside((left * (width - side + 1)).floor(), side, width)
    return (rows[..., :, None] & columns[..., None, :]).flatten(2)


def infidelity(
    logits: Logits, inputs: Tensor, targets: Tensor, parts: Tensor, said: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Infidelity (Yeh 2019, definition 2.1) with parts set to 0, raw and as a share, `[m]` each, and where it exists.

    The raw value is the mean squared difference of what the map says of a part, the sum over it, and the fall of the
    logit without it. The share is what is left of the mean squared fall when the map is multiplied by the best factor:
    0 if the map says it all, 1 if it says nothing. It does not exist where the logit never changes.

    Args:
        logits: of inputs `[m, ...]`, `[m, classes]`.
        inputs: `[m, ...]`.
        targets: `[m]`.
        parts: bool `[draws, m, positions]`.
        said: `[m, positions]`, what each position is said to add to the logit.
    """

    def logit(points: Tensor) -> Tensor:
        return logits(points).gather(1, targets[:, None])[:, 0].double()

    whole = logit(inputs)
    falls = torch.stack([whole - logit(inputs * ~on_inputs(part, inputs)) for part in parts])
    # A part at a time, since all of them at once would fill the memory with large images.
    sums = torch.stack([(part * said).double().sum(dim=1) for part in parts])
    raw = (sums - falls).square().mean(dim=0)
    fall, square, product = falls.square().sum(dim=0), sums.square().sum(dim=0), (sums * falls).sum(dim=0)
    explained = torch.where(square > 0, product.square() / square, 0.0)
    share = torch.where(fall > 0, 1 - explained / fall, 1.0).clamp(0.0, 1.0)
    return raw, share, fall > 0


def _inside(start: Tensor, side: Tensor, size: int) -> Tensor:
    """Which of `size` places lie in the intervals `[draws, m]` that start there, bool `[draws, m, size]`."""
    at = torch.arange(size, device=start.device)
    return (at >= start[..., None]) & (at < (start + side)[..., None])
