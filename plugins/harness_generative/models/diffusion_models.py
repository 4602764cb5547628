"""Diffusion models of labelled images: EDM and DDPM, the same networks under two formulations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt
from torch import Tensor

from harness.api import Context, Dataset
from harness_generative.diffusion.conditions import ClassEmbedding
from harness_generative.diffusion.losses import EDMWeight, epsilon_weight
from harness_generative.diffusion.model import DiffusionModel
from harness_generative.diffusion.networks import MLP, UNet
from harness_generative.diffusion.preconditioning import EDMPreconditioning, EpsilonPreconditioning, Preconditioning
from harness_generative.diffusion.schedules import LinearBetas, LogNormalNoise
from harness_generative.diffusion.training import Training
from harness_generative.models.classes import encode_classes
from harness_generative.models.training_data import TrainingData

Network = Literal["unet", "mlp"]
_EMBEDDING = 64
_MLP_UNITS_PER_CHANNEL = 16


class _ClassConditional(DiffusionModel):
    """A diffusion model that can be asked for a class; without classes it has no `encode_conditions`.

    Args:
        network: a small U-Net, or a perceptron, which knows nothing of neighbouring pixels.
        channels: of the U-Net's first level; the perceptron has 16 times as many units a layer.
        steps: steps of the optimiser.
        batch: examples a step.
        learning_rate: of Adam at the first step; falls to 0 along a cosine.
        label_drop: share of training examples whose class is hidden, so that it can be guided.
        conditional: it can be asked for a class.
        ema: decay of the moving average of the weights.
        shape: channels, height and width of an image.
        classes: how many there are.
    """

    encode_conditions: Callable[[Sequence[Any]], Tensor]

    def __init__(
        self,
        network: Network,
        channels: int,
        shape: tuple[int, int, int],
        classes: int | None,
        preconditioning: Preconditioning,
        training: Training,
        sigma_range: tuple[float, float],
    ) -> None:
        embedding = None if classes is None else ClassEmbedding(classes, _EMBEDDING)
        built = (
            UNet(shape, channels, embedding=_EMBEDDING, conditions=embedding)
            if network == "unet"
            else MLP(shape, _MLP_UNITS_PER_CHANNEL * channels, _EMBEDDING, embedding)
        )
        super().__init__(built, shape, preconditioning, training, sigma_range)
        self._classes = classes
        if classes is not None:
            self.encode_conditions = partial(encode_classes, classes=classes, may_be_none=True)

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Fit to the training split. Raises HarnessError if that has another shape or more classes."""
        training = TrainingData.of(data("train"), self.latent_shape, self._classes, ctx.device)
        self.fit_to(training.inputs, training.labels, ctx)


class EDM(_ClassConditional):
    """Diffusion model with the preconditioning, noise levels and loss of EDM (Karras et al. 2022, table 1).

    Args:
        p_mean: mean of ln sigma in training.
        p_std: standard deviation of ln sigma in training.
        sigma_data: what the preconditioning takes the data's standard deviation for.
    """

    def __init__(
        self,
        network: Network = "unet",
        channels: Annotated[int, Ge(4)] = 16,
        steps: Annotated[int, Ge(1)] = 2000,
        batch: Annotated[int, Ge(1)] = 64,
        learning_rate: Annotated[float, Gt(0)] = 2e-3,
        p_mean: float = -1.2,
        p_std: Annotated[float, Gt(0)] = 1.2,
        sigma_data: Annotated[float, Gt(0)] = 0.5,
        label_drop: Annotated[float, Ge(0), Le(1)] = 0.1,
        conditional: bool = True,
        ema: Annotated[float, Ge(0), Lt(1)] = 0.999,
        shape: tuple[int, int, int] = (1, 8, 8),
        classes: Annotated[int, Ge(1)] = 10,
    ) -> None:
        super().__init__(
            network,
            channels,
            shape,
            classes if conditional else None,
            EDMPreconditioning(sigma_data),
            Training(
                LogNormalNoise(p_mean, p_std), EDMWeight(sigma_data), steps, batch, learning_rate, label_drop, ema
            ),
            sigma_range=(0.02, 20.0),
        )


class DDPM(_ClassConditional):
    """Diffusion model that predicts the noise of a discrete process (Ho et al. 2020), in the form of a denoiser.

    D(x; sigma) = x - sigma eps(x / sqrt(1 + sigma^2), t(sigma)). The process has linear betas; between its time steps
    t is interpolated, linearly in ln sigma.

    Args:
        timesteps: of the process.
        beta_first: beta of its first step.
        beta_last: beta of its last step.
    """

    def __init__(
        self,
        network: Network = "unet",
        channels: Annotated[int, Ge(4)] = 16,
        steps: Annotated[int, Ge(1)] = 2000,
        batch: Annotated[int, Ge(1)] = 64,
        learning_rate: Annotated[float, Gt(0)] = 2e-3,
        timesteps: Annotated[int, Ge(2)] = 1000,
        beta_first: Annotated[float, Gt(0), Lt(1)] = 1e-4,
        beta_last: Annotated[float, Gt(0), Lt(1)] = 0.02,
        label_drop: Annotated[float, Ge(0), Le(1)] = 0.1,
        conditional: bool = True,
        ema: Annotated[float, Ge(0), Lt(1)] = 0.999,
        shape: tuple[int, int, int] = (1, 8, 8),
        classes: Annotated[int, Ge(1)] = 10,
    ) -> None:
        process = LinearBetas(timesteps, beta_first, beta_last)
        super().__init__(
            network,
            channels,
            shape,
            classes if conditional else None,
            EpsilonPreconditioning(process),
            Training(process, epsilon_weight, steps, batch, learning_rate, label_drop, ema),
            process.sigma_range,
        )
