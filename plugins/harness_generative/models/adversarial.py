"""A generative adversarial network, Goodfellow et al. 2014, with the gradient penalty that makes it converge."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn
from torch.nn.functional import softplus

from harness.api import Context, Dataset
from harness_generative.models.averaging import MovingAverage
from harness_generative.models.classes import encode_classes, needed, with_classes
from harness_generative.models.training_data import TrainingData

_BATCH = 64
_BETAS = (0.0, 0.99)
_AVERAGING = 0.999
_LEAK_SLOPE = 0.2
_REPORT_EVERY = 25

Judge = Callable[[Tensor], Tensor]


def discriminator_loss(judge: Judge, real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's loss: -E ln D(real) - E ln(1 - D(fake)), D the sigmoid of the score, for `[n, ...]`."""
    return softplus(-judge(real)).mean() + softplus(judge(fake)).mean()


def generator_loss(judge: Judge, fake: Tensor) -> Tensor:
    """The generator's loss: -E ln D(fake), the non-saturating loss of Goodfellow et al. 2014."""
    return softplus(-judge(fake)).mean()


def r1_penalty(judge: Judge, real: Tensor) -> Tensor:
    """E |gradient of the score in x|^2 / 2 over real x `[n, ...]`; Mescheder et al. 2018, equation 9, with gamma 1."""
    real = real.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(judge(real).sum(), real, create_graph=True)
    penalty: Tensor = gradient.flatten(1).square().sum(dim=1).mean() / 2
    return penalty


class GAN(nn.Module):
    """Generative adversarial network of two perceptrons: the non-saturating loss, with or without the R1 penalty.

    Without the R1 penalty nothing keeps the discriminator's gradients small where the generator is already right, the
    two do not settle, and modes are lost; everything else is the same. The class reaches the discriminator by
    projection (Miyato & Koyama 2018). The generator that is kept is the moving average of its weights.

    Args:
        r1: gamma, the weight of the R1 penalty (Mescheder et al. 2018), for images in [-1, 1]; 0 leaves it out.
        steps: the steps of both optimisers.
        width: units of the hidden layers.
        latent: size of the noise.
        learning_rate: the learning rate of Adam, for both networks.
        conditional: it can be asked for a class.
        shape: channels, height and width of an image.
        classes: the number of classes.
    """

    encode_conditions: Callable[[Sequence[Any]], Tensor]

    def __init__(
        self,
        r1: Annotated[float, Ge(0)] = 1.0,
        steps: Annotated[int, Ge(1)] = 4000,
        width: Annotated[int, Ge(1)] = 128,
        latent: Annotated[int, Ge(1)] = 32,
        learning_rate: Annotated[float, Gt(0)] = 2e-3,
        conditional: bool = False,
        shape: tuple[int, int, int] = (1, 8, 8),
        classes: Annotated[int, Ge(1)] = 10,
    ) -> None:
        super().__init__()
        self.latent_shape = (latent,)
        self._r1, self._steps, self._learning_rate, self._shape = r1, steps, learning_rate, shape
        self._classes = classes if conditional else None
        asked = classes if conditional else 0
        if conditional:
            self.encode_conditions = partial(encode_classes, classes=classes)
        self.generator = _perceptron(latent + asked, width, math.prod(shape))
        self.discriminator = Discriminator(math.prod(shape), width, self._classes)

    def generate(self, noise: Tensor, conditions: Tensor | None) -> Tensor:
        """Images `[n, *shape]` in [0, 1] of noise `[n, latent]`, and classes `[n]` for a conditional model."""
        return (self._generated(noise, conditions) + 1) / 2

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Fit to the training split. Raises HarnessError if that has another shape or more classes."""
        training = TrainingData.of(data("train"), self._shape, self._classes, ctx.device)
        images = training.inputs * 2 - 1
        draws = ctx.generator("training")
        optimizers = [
            torch.optim.Adam(network.parameters(), lr=self._learning_rate, betas=_BETAS, fused=True)
            for network in (self.discriminator, self.generator)
        ]
        average = MovingAverage(self.generator, _AVERAGING)
        self.train()
        for step in range(1, self._steps + 1):
            rows = torch.randint(len(images), (_BATCH,), generator=draws).to(ctx.device)
            noise = torch.randn(_BATCH, *self.latent_shape, generator=draws).to(ctx.device)
            conditions = None if training.labels is None else training.labels[rows]
            self._step(images[rows], noise, conditions, optimizers)
            average.update()
            if step % _REPORT_EVERY == 0 or step == self._steps:
                ctx.progress(step, self._steps)
        average.apply()
        self.eval()

    def _step(
        self, real: Tensor, noise: Tensor, conditions: Tensor | None, optimizers: Sequence[torch.optim.Optimizer]
    ) -> None:
        """One step of the discriminator, then one of the generator on the same noise."""
        of_discriminator, of_generator = optimizers
        judge = partial(self.discriminator, conditions=conditions)
        fake = self._generated(noise, conditions)
        loss = discriminator_loss(judge, real, fake.detach())
        if self._r1:
            loss = loss + self._r1 * r1_penalty(judge, real)
        of_discriminator.zero_grad()
        loss.backward()
        of_discriminator.step()
        of_generator.zero_grad()
        generator_loss(judge, fake).backward()
        of_generator.step()

    def _generated(self, noise: Tensor, conditions: Tensor | None) -> Tensor:
        made: Tensor = self.generator(with_classes(noise, conditions, self._classes))
        return made.tanh().reshape(-1, *self._shape)


class Discriminator(nn.Module):
    """Scores how real images are: the logit of the probability, higher for real ones.

    Args:
        size: pixels of an image.
        width: units of the hidden layers.
        classes: the number of classes; None for a model without classes.
    """

    def __init__(self, size: int, width: int, classes: int | None) -> None:
        super().__init__()
        self.features = nn.Sequential(_perceptron(size, width, width), nn.LeakyReLU(_LEAK_SLOPE))
        self.score = nn.Linear(width, 1)
        self.projection = None if classes is None else nn.Embedding(classes, width)

    def forward(self, images: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Scores `[n]` of images `[n, ...]` in [-1, 1], and classes `[n]` if it is told any."""
        features = self.features(images.flatten(1))
        score: Tensor = self.score(features).squeeze(1)
        if self.projection is not None:
            score = score + (self.projection(needed(conditions)) * features).sum(dim=1)
        return score


def _perceptron(size_in: int, width: int, size_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(size_in, width),
        nn.LeakyReLU(_LEAK_SLOPE),
        nn.Linear(width, width),
        nn.LeakyReLU(_LEAK_SLOPE),
        nn.Linear(width, size_out),
    )
