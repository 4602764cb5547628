"""Any classifier of images behind the preprocessing that it was published with."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge, Len
from torch import Tensor, nn

from harness.api import Classifier, ComponentOf, Described
from harness_vision.checkpoint import check_normalisation
from harness_vision.zoos.preprocessing import Interpolation, Preprocessing, resized_and_cropped

Side = Annotated[int, Ge(1)]


class PreprocessedScores:
    """A classifier that only gives scores, behind resizing, cropping and normalisation.

    Args:
        model: the classifier.
        preprocessing: what is done to images before.
    """

    def __init__(self, model: Classifier, preprocessing: Preprocessing) -> None:
        self._model, self._how = model, preprocessing

    def __call__(self, inputs: Tensor) -> Tensor:
        """Logits `[n, classes]` of images `[n, C, H, W]` in [0, 1]."""
        mean, std = (
            torch.tensor(each, device=inputs.device)[:, None, None] for each in (self._how.mean, self._how.std)
        )
        return self._model((resized_and_cropped(inputs, self._how) - mean) / std)


def preprocessed(
    model: Annotated[Classifier, ComponentOf("model")],
    resize: Annotated[list[Side], Len(1, 2)] | None = None,
    crop: Annotated[list[Side], Len(2, 2)] | None = None,
    interpolation: Interpolation = "bilinear",
    mean: list[float] | None = None,
    std: list[float] | None = None,
) -> object:
    """Any classifier of images behind resizing, cropping and normalisation, so that one folder serves several models.

    Attacks work on whole images in [0, 1], before they are resized. Gradients pass where the model has them.

    Args:
        model: the classifier.
        resize: what the shorter side is scaled to, with antialiasing, such as [256]; or height and width.
        crop: height and width of what is then cut from the middle.
        interpolation: of the scaling.
        mean: per channel, subtracted from images in [0, 1]; by default nothing.
        std: per channel, divides them after that.

    Raises:
        HarnessError: the normalisation is not in the units of the images.
    """
    channels = len(mean or std or [0.0])
    mean, std = mean or [0.0] * channels, std or [1.0] * channels
    check_normalisation(mean, std)
    how = Preprocessing(
        resized=None if resize is None else resize[0] if len(resize) == 1 else (resize[0], resize[1]),
        cropped=None if crop is None else (crop[0], crop[1]),
        interpolation=interpolation,
        mean=tuple(mean),
        std=tuple(std),
    )
    made: Any = how.around(model, resize=True) if isinstance(model, nn.Module) else PreprocessedScores(model, how)
    made.class_names = getattr(model, "class_names", None)
    if isinstance(model, Described):
        made.facts = model.facts
    return made
