"""Feature extractors without outside weights: a trained classifier's hidden layer, principal components, random layers.

An extractor is a measuring instrument, so none of them depends on the seed of the cell: two cells with different seeds
are measured by the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, cross_entropy, leaky_relu

from harness.api import Context, Dataset, HarnessError

_BLOCK = 8
"""Rows of every pass on a CPU, some of whose kernels give an example other bits in a batch of another size."""


def in_whole_blocks(network: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """Apply a network to a batch; on a CPU in blocks of eight rows, so that features do not depend on the batch."""
    n = len(inputs)
    missing = -n % _BLOCK
    if missing:
        inputs = torch.cat([inputs, inputs[-1:].expand(missing, *inputs.shape[1:])])
    if inputs.device.type != "cpu":
        return network(inputs)[:n]
    return torch.cat([network(block) for block in inputs.split(_BLOCK)])[:n]


class DigitFeatures(nn.Module):
    """The hidden layer of a small convolutional classifier of 8x8 digits, trained on the training split only.

    Maps images `[n, 1, 8, 8]` in [0, 1] to `[n, 64]`: the layer before the logits, divided by one number so that the
    mean variance of a feature is 1 over the training split. There is no batch normalisation.

    Args:
        epochs: passes over the training split.
        seed: the seed of the first weights and the order of training; the seed of the cell has no part in it.
    """

    scale: Tensor

    def __init__(self, epochs: Annotated[int, Ge(1)] = 30, seed: Annotated[int, Ge(0)] = 0) -> None:
        super().__init__()
        self._epochs, self._seed = epochs, seed
        self.hidden = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 16, 64),
            # Smooth, since a rectifier leaves a third of the features dead.
            nn.SiLU(),
        )
        self.head = nn.Linear(64, 10)
        self.register_buffer("scale", torch.ones(()))

    def forward(self, inputs: Tensor) -> Tensor:
        """Features `[n, 64]` of images `[n, 1, 8, 8]` in [0, 1]."""
        features = in_whole_blocks(self.hidden, inputs)
        return features / self.scale

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Fit to `data("train")` by Adam with a one-cycle learning rate and smoothed labels."""
        ctx = replace(ctx, seed=self._seed)
        inputs, labels = (column.to(ctx.device) for column in _training_split(data, "inputs", "labels"))
        _draw_weights(self, ctx.generator("weights"))
        order = ctx.generator("training")
        batch = 64
        steps = -(-len(inputs) // batch) * self._epochs
        optimizer = torch.optim.Adam(self.parameters(), lr=3e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
        for epoch in range(self._epochs):
            for rows in torch.randperm(len(inputs), generator=order).to(ctx.device).split(batch):
                optimizer.zero_grad()
                logits = self.head(self.hidden(inputs[rows]))
                cross_entropy(logits, labels[rows], label_smoothing=0.1).backward()
                optimizer.step()
                schedule.step()
            ctx.progress(epoch + 1, self._epochs)
        with torch.no_grad():
            self.scale.copy_(self.hidden(inputs).double().var(0).mean().sqrt())


class PixelPCA(nn.Module):
    """The first principal components of the pixels of the training split (Pearson 1901), centred and not whitened.

    Maps images `[n, C, H, W]` in [0, 1] to `[n, dimensions]`. Exact: by the eigenvectors of the covariance in float64.
    Each component's largest entry is positive, so that its sign is no accident of the library.

    Args:
        dimensions: the number of components.
    """

    mean: Tensor
    components: Tensor

    def __init__(self, dimensions: Annotated[int, Ge(1)] = 32) -> None:
        super().__init__()
        self._dimensions = dimensions
        self.register_buffer("mean", torch.zeros(0, dtype=torch.float64))
        self.register_buffer("components", torch.zeros(dimensions, 0, dtype=torch.float64))

    def forward(self, inputs: Tensor) -> Tensor:
        """Features `[n, dimensions]`, float32.

        Raises:
            HarnessError: the images do not have the pixels of the training images.
        """
        pixels = inputs.flatten(1)
        if pixels.shape[1] != len(self.mean):
            raise HarnessError(
                f"pixel_pca was fitted to images of {len(self.mean)} values and was given some of {pixels.shape[1]}; "
                "fit it to data of that size with `trained_on:`"
            )
        # float64, in which the round-off that depends on the batch vanishes when the result is rounded to float32.
        return in_whole_blocks(lambda x: (x.double() - self.mean) @ self.components.T, pixels).float()

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Fit to `data("train")`.

        Raises:
            HarnessError: there are too few pixels or images for so many components.
        """
        (inputs,) = _training_split(data, "inputs")
        pixels = inputs.flatten(1).double()
        most = min(len(pixels) - 1, pixels.shape[1])
        if self._dimensions > most:
            raise HarnessError(
                f"{len(pixels)} images of {pixels.shape[1]} values have at most {most} principal components; "
                f"lower `dimensions` ({self._dimensions})"
            )
        mean = pixels.mean(0)
        centred = pixels - mean
        _, vectors = torch.linalg.eigh(centred.T @ centred)
        components = vectors.flip(1).T[: self._dimensions]
        largest = components.gather(1, components.abs().argmax(1, keepdim=True))
        self._set(mean, components * largest.sign())
        ctx.progress(1, 1)

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """As of every module; the size of the images comes from the state."""
        self._set(*(torch.empty_like(state_dict[name]) for name in ("mean", "components")))
        return super().load_state_dict(state_dict, *args, **kwargs)

    def _set(self, mean: Tensor, components: Tensor) -> None:
        self.register_buffer("mean", mean)
        self.register_buffer("components", components.contiguous())


class RandomConv(nn.Module):
    """A convolutional network with fixed random weights: features that do not depend on any training task.

    Maps images `[n, C, H, W]` in [0, 1], of at least 4x4 pixels, to `[n, dimensions]`. Inputs are mapped to [-1, 1];
    a stage is a 3x3 convolution with zero padding, weights of variance 2 / fan-in (He et al. 2015, equation 10) and a
    leaky rectifier of slope 0.2; the three stages have `width`, 2 `width` and 2 `width` channels, and the first two
    are followed by 2x2 mean pooling. The last is averaged over a 2x2 grid of the image and projected by weights of
    variance 100 / fan-in, with which a feature of digits has a variance of about 1 and kernels of fixed width make
    sense. There are no offsets and nothing is fitted, so features of different data share one scale.

    Args:
        width: channels of the first stage.
        dimensions: the dimensions of the features.
        channels: the channels of the images; grey ones are repeated to fill them.
        seed: the seed of the weights; the seed of the cell has no part in it.
    """

    def __init__(
        self,
        width: Annotated[int, Ge(1)] = 32,
        dimensions: Annotated[int, Ge(1)] = 64,
        channels: Annotated[int, Ge(1)] = 3,
        seed: Annotated[int, Ge(0)] = 0,
    ) -> None:
        super().__init__()
        self._channels = channels
        # A generator of its own: numpy's, whose stream for a seed does not depend on the device.
        rng = np.random.default_rng(seed)
        sizes = (channels, width, 2 * width, 2 * width)
        for i, (fan, made) in enumerate(pairwise(sizes)):
            drawn = rng.standard_normal((made, fan, 3, 3)) * np.sqrt(2 / (fan * 9))
            self.register_buffer(f"stage_{i}", torch.from_numpy(drawn).float())
        drawn = rng.standard_normal((dimensions, 8 * width)) * np.sqrt(100 / (8 * width))
        self.register_buffer("projection", torch.from_numpy(drawn).float())

    def forward(self, inputs: Tensor) -> Tensor:
        """Features `[n, dimensions]`, float32.

        Raises:
            HarnessError: the images are too small or have another number of channels.
        """
        if inputs.shape[1] not in (1, self._channels) or min(inputs.shape[2:]) < 4:
            raise HarnessError(
                f"random_conv takes images of 1 or {self._channels} channels and at least 4x4 pixels, not "
                f"{'x'.join(map(str, inputs.shape[1:]))}; `channels` sets the number"
            )
        return in_whole_blocks(self._features, inputs.expand(-1, self._channels, -1, -1))

    def _features(self, inputs: Tensor) -> Tensor:
        x = 2 * inputs - 1
        for i in range(3):
            x = nn.functional.conv2d(x, self.get_buffer(f"stage_{i}"), padding=1)
            x = leaky_relu(x, 0.2)
            x = avg_pool2d(x, 2, ceil_mode=True) if i < 2 else x
        return adaptive_avg_pool2d(x, 2).flatten(1) @ self.get_buffer("projection").T


def _training_split(data: Callable[[str], Dataset], *columns: str) -> list[Tensor]:
    """Columns of the whole training split."""
    train = data("train")
    taken = train.take(range(len(train.ids)))
    return [torch.as_tensor(taken[name]) for name in columns]


def _draw_weights(network: nn.Module, generator: torch.Generator) -> None:
    """Weights by He et al. 2015 from this generator on the CPU, offsets zero, whatever was there before."""
    with torch.no_grad():
        for weights in network.parameters():
            if weights.dim() == 1:
                weights.zero_()
            else:
                fan = weights[0].numel()
                weights.copy_(torch.randn(weights.shape, generator=generator) * (2 / fan) ** 0.5)
