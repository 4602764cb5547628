"""A diffusion model with prompts: EDM of digit canvases with a text encoder that is trained with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt, Le, MultipleOf
from torch import Tensor

from harness.api import Context, Dataset, HarnessError
from harness_generative.diffusion.losses import EDMWeight
from harness_generative.diffusion.model import DiffusionModel
from harness_generative.diffusion.preconditioning import EDMPreconditioning
from harness_generative.diffusion.schedules import LogNormalNoise
from harness_generative.diffusion.training import Training
from harness_generative.models.training_data import TrainingData
from harness_generative.text.digit_canvas import HEIGHT, WIDTH
from harness_generative.text.encoder import TextEncoder, tokenised
from harness_generative.text.unet import PlacedUNet, ReadingUNet

_EMBEDDING = 64
_SIGMA_DATA = 0.7
"""The standard deviation of canvases in [-1, 1] is 0.74."""


class TextEDM(DiffusionModel):
    """Diffusion model of digit canvases `[1, 8, 16]` for prompts such as "a five right of a three".

    The preconditioning, noise levels and loss are those of EDM (Karras et al. 2022, table 1). The prompt of some
    training examples is hidden, so that sampling can be guided (Ho & Salimans 2022).

    Args:
        reading: how a prompt reaches the image: each place looks at its `words` (cross-attention, Rombach et al. 2022),
            or all places are told the same `summary`, one vector.
        channels: the number of channels of the U-Net's first level.
        steps: steps of the optimiser.
        batch: examples a step.
        learning_rate: the learning rate of Adam at the first step; falls to 0 along a cosine.
        label_drop: share of training examples whose prompt is hidden.
        word_width: the width of the vector of a word, a multiple of 4.
        layers: the number of layers of the text encoder.
    """

    def __init__(
        self,
        reading: Literal["words", "summary"] = "words",
        channels: Annotated[int, Ge(4)] = 16,
        steps: Annotated[int, Ge(1)] = 1500,
        batch: Annotated[int, Ge(1)] = 64,
        learning_rate: Annotated[float, Gt(0)] = 2e-3,
        label_drop: Annotated[float, Ge(0), Le(1)] = 0.1,
        word_width: Annotated[int, Ge(4), MultipleOf(4)] = 64,
        layers: Annotated[int, Ge(1)] = 1,
    ) -> None:
        shape, network = (1, HEIGHT, WIDTH), ReadingUNet if reading == "words" else PlacedUNet
        super().__init__(
            network(shape, channels, _EMBEDDING, TextEncoder(word_width, layers)),
            shape,
            EDMPreconditioning(_SIGMA_DATA),
            Training(LogNormalNoise(), EDMWeight(_SIGMA_DATA), steps, batch, learning_rate, label_drop),
            sigma_range=(0.02, 20.0),
        )

    def encode_conditions(self, conditions: Sequence[Any]) -> Tensor:
        """Token ids `[n, tokens]` of prompts. Raises NotApplicable, see `text_encoder.tokenised`."""
        return tokenised(conditions)

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Fit to the training split. Raises HarnessError if that has no prompts or another shape."""
        split = data("train")
        training = TrainingData.of(split, self.latent_shape, None, ctx.device)
        columns = split.take(range(len(split.ids)))
        if "prompts" not in columns:
            raise HarnessError(f"the model learns from prompts, its training data have only {', '.join(columns)}")
        self.fit_to(training.inputs, tokenised(columns["prompts"]), ctx)

    def _dropped(self, conditions: Tensor, dropped: Tensor) -> Tensor:
        return torch.where(dropped[:, None], tokenised([None]).to(conditions.device), conditions)
