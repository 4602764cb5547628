"""Adapter to torchvision: its published weights by name, behind the transforms that belong to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from harness.api import HarnessError, MissingData, is_trusted
from harness.api.instruments import check_finite_weights
from harness_vision.checkpoint import with_weights
from harness_vision.published_accuracy import PublishedAccuracy
from harness_vision.zoos.library import library
from harness_vision.zoos.preprocessing import Preprocessing, interpolation_named, per_channel

_METRICS_SET = "ImageNet-1K"
_VALIDATION_IMAGES = 50_000
_WEIGHTS_SUFFIX = "_Weights"


def torchvision_model(weights: str, file: Path | None = None, resize: bool = True) -> nn.Module:
    """A classifier of torchvision by name, for images in [0, 1], with its published accuracy (extra vision).

    Args:
        weights: as torchvision names them, e.g. "ResNet18_Weights.IMAGENET1K_V1".
        file: the weights; by default torchvision downloads them.
        resize: resize and crop images as published, inside the model; false for images that are cropped already, which
            are only normalised.

    Raises:
        HarnessError: torchvision is not installed, has no such weights, or they are not those of a classifier.
        MissingData: the weights cannot be fetched.
    """
    models = library("torchvision.models", "vision")
    try:
        chosen = models.get_weight(weights)
    except (ValueError, AttributeError, KeyError) as error:
        raise HarnessError(
            f'torchvision has no weights {weights!r}; they are named like "ResNet18_Weights.IMAGENET1K_V1"'
        ) from error
    name = type(chosen).__name__.removesuffix(_WEIGHTS_SUFFIX).lower()
    try:
        network: nn.Module = models.get_model(name, weights=chosen if file is None else None)
    except OSError as error:
        raise MissingData(
            f"{weights} could not be fetched ({error}). Get it from {chosen.url}, put it here and name it with `file:`"
        ) from error
    if file is not None:
        with_weights(network, file.read_bytes(), file.name, trusted=is_trusted(file))
    check_finite_weights(network, weights)
    model = _preprocessing(chosen, weights).around(network, resize=resize)
    accuracy = chosen.meta.get("_metrics", {}).get(_METRICS_SET, {}).get("acc@1")
    if accuracy is not None:
        PublishedAccuracy(accuracy / 100, _VALIDATION_IMAGES, "imagenet", f"torchvision, {weights}").note_on(model)
    return model


def _preprocessing(chosen: Any, weights: str) -> Preprocessing:
    transforms = chosen.transforms()
    if not hasattr(transforms, "crop_size"):
        raise HarnessError(f"{weights} are not the weights of a classifier of images")
    (scaled,), (cropped,) = transforms.resize_size, transforms.crop_size
    return Preprocessing(
        resized=int(scaled),
        cropped=(int(cropped), int(cropped)),
        interpolation=interpolation_named(transforms.interpolation.value),
        mean=per_channel(transforms.mean),
        std=per_channel(transforms.std),
    )
