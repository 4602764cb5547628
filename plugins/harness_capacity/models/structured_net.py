"""Small image classifiers that differ in what they assume of images, at a given number of parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from harness.api import Context, Dataset, HarnessError
from harness.api.instruments import column_tensor, whole_labels

Structure = Literal["mlp", "conv", "pooled_conv"]
Padding = Literal["zeros", "circular"]
_TOLERANCE = 0.05
_MAX_WIDTH = 4096
_BATCH = 64


class StructuredNet(nn.Module):
    """A classifier of square images that assumes nothing, nearness of pixels, or that places do not matter.

    It has no data of its own: it is trained on those of its cell, or on `trained_on`. Each has the same number of
    gradient steps whatever the number of examples is.

    Args:
        structure: `mlp`, one hidden layer; `conv`, two 3x3 convolutions, a max-pooling and a linear layer;
            `pooled_conv`, three 3x3 convolutions and the largest value over all places, which changes
            only at the borders when the image is shifted.
        width: units of the hidden layer, or channels.
        parameters: instead of the width, the number of parameters to come as near to as possible.
        permuted: the pixels of every image are put into another order, one for all: what a network knows of nearness is
            then wrong.
        padding: of the convolutions; with `circular` a pooled network is invariant to rolling.
        pixels: height and width of the images.
        channels: of the images.
        classes: their number.
        steps: gradient steps of Adam with batches of 64.
        learning_rate: the largest, of a one-cycle schedule.

    Raises:
        HarnessError: both or none of `width` and `parameters` are given, or no width comes within 5 % of `parameters`.
    """

    order: Tensor

    def __init__(
        self,
        structure: Structure = "mlp",
        width: Annotated[int, Ge(1)] | None = None,
        parameters: Annotated[int, Ge(1)] | None = None,
        permuted: bool = False,
        padding: Padding = "zeros",
        pixels: Annotated[int, Ge(2)] = 8,
        channels: Annotated[int, Ge(1)] = 1,
        classes: Annotated[int, Ge(2)] = 10,
        steps: Annotated[int, Ge(1)] = 1000,
        learning_rate: Annotated[float, Gt(0)] = 3e-3,
    ) -> None:
        super().__init__()
        if (width is None) == (parameters is None):
            raise HarnessError("structured_net takes one of `width` and `parameters`")

        def make(width: int) -> nn.Sequential:
            return _network(structure, width, padding, pixels, channels, classes)

        self.network = make(width if width is not None else _width_for(make, int(parameters or 0)))
        self._steps, self._learning_rate = steps, learning_rate
        count = pixels * pixels
        # Not of the seed: one order for all, so that it is a property of the data and not of the training.
        shuffled = torch.randperm(count, generator=torch.Generator().manual_seed(0))
        self.register_buffer("order", shuffled if permuted else torch.arange(count))
        self.facts = {"parameters": _size(self.network)}

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `[n, classes]` of images `[n, channels, pixels, pixels]` in [0, 1]."""
        logits: Tensor = self.network(inputs.flatten(2)[:, :, self.order].reshape(inputs.shape))
        return logits

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Minimise the cross-entropy on the training split."""
        training = data("train")
        columns = training.take(range(len(training.ids)))
        inputs = column_tensor(columns["inputs"], "inputs").float().to(ctx.device)
        labels = whole_labels(columns["labels"]).to(ctx.device)
        optimizer = torch.optim.Adam(self.parameters(), lr=self._learning_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, self._learning_rate, total_steps=self._steps)
        generator = ctx.generator("batches")
        batches: list[Tensor] = []
        for step in range(self._steps):
            batches = batches or list(torch.randperm(len(inputs), generator=generator).split(_BATCH))
            rows = batches.pop().to(ctx.device)
            optimizer.zero_grad()
            cross_entropy(self(inputs[rows]), labels[rows]).backward()
            optimizer.step()
            schedule.step()
            ctx.progress(step + 1, self._steps)


def _network(
    structure: Structure, width: int, padding: Padding, pixels: int, channels: int, classes: int
) -> nn.Sequential:
    if structure == "mlp":
        size = channels * pixels * pixels
        return nn.Sequential(nn.Flatten(), nn.Linear(size, width), nn.ReLU(), nn.Linear(width, classes))

    def convolution(inner: int) -> list[nn.Module]:
        return [nn.Conv2d(inner, width, 3, padding=1, padding_mode=padding), nn.ReLU()]

    two = [*convolution(channels), *convolution(width)]
    if structure == "conv":
        return nn.Sequential(*two, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(width * (pixels // 2) ** 2, classes))
    return nn.Sequential(*two, *convolution(width), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(width, classes))


def _width_for(make: Callable[[int], nn.Module], parameters: int) -> int:
    """The width whose network is nearest to a number of parameters. Raises HarnessError if that is off by over 5 %."""
    sizes: dict[int, int] = {}
    with torch.device("meta"):
        for width in range(1, _MAX_WIDTH + 1):
            sizes[width] = _size(make(width))
            if sizes[width] >= parameters:
                break
    best = min(sizes, key=lambda width: abs(sizes[width] - parameters))
    if abs(sizes[best] - parameters) > _TOLERANCE * parameters:
        around = " or ".join(str(sizes[width]) for width in list(sizes)[-2:])
        raise HarnessError(
            f"structured_net: no width has {parameters} parameters within 5 %; the nearest have {around}"
        )
    return best


def _size(network: Any) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
