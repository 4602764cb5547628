"""Adapter to timm: its models by name, behind the preprocessing that they were published with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Le
from torch import nn

from harness.api import HarnessError, MissingData, cause_of, is_trusted
from harness.api.instruments import check_finite_weights
from harness_vision.checkpoint import with_weights
from harness_vision.published_accuracy import PublishedAccuracy
from harness_vision.zoos.library import library
from harness_vision.zoos.preprocessing import Preprocessing, interpolation_named, per_channel

_VALIDATION_IMAGES = 50_000
"""Images of the validation set of ImageNet, on which timm's results are published."""


def timm_model(
    name: str,
    weights: Path | None = None,
    classes: Annotated[int, Ge(1)] | None = None,
    pretrained: bool = True,
    resize: bool = True,
    published_accuracy: Annotated[float, Ge(0), Le(1)] | None = None,
) -> nn.Module:
    """A model of timm (Wightman 2019) by name, with its published preprocessing, for images in [0, 1] (extra vision).

    timm does not ship its table of results, so that a published accuracy must be given to be compared.

    Args:
        name: as `timm.list_models` gives it, with its tag, e.g. "resnet18.a1_in1k".
        weights: a file of its weights, .safetensors or of torch.save; by default timm downloads them.
        classes: the number of classes, if other than in the published model.
        pretrained: false leaves the weights random, to try things out.
        resize: resize and crop images as published, inside the model; false for images that are cropped already, which
            are only normalised.
        published_accuracy: top-1 on the validation set of ImageNet, for the aggregate `published_gap`.

    Raises:
        HarnessError: timm is not installed, has no such model, or its preprocessing is not supported.
        MissingData: its weights cannot be fetched.
    """
    timm, data = library("timm", "vision"), library("timm.data", "vision")
    architecture = name.partition(".")[0]
    if not timm.is_model(architecture):
        raise HarnessError(f"timm {timm.__version__} has no model {architecture!r}; timm.list_models('*') lists them")
    download = pretrained and weights is None
    options = {} if classes is None else {"num_classes": classes}
    try:
        network: nn.Module = timm.create_model(name, pretrained=download, **options)
    except (OSError, RuntimeError) as error:
        if not download:
            raise HarnessError(f"timm cannot make {name!r}: {error}") from error
        raise MissingData(_how_to_get(name, error)) from error
    if weights is not None:
        with_weights(network, weights.read_bytes(), weights.name, trusted=is_trusted(weights))
    check_finite_weights(network, name)
    model = _preprocessing(data.resolve_model_data_config(network)).around(network, resize=resize)
    if published_accuracy is not None:
        PublishedAccuracy(published_accuracy, _VALIDATION_IMAGES, "imagenet", "timm").note_on(model)
    return model


def _preprocessing(config: Mapping[str, Any]) -> Preprocessing:
    """The evaluation transform that timm makes of a data configuration."""
    rows, columns = (int(length) for length in config["input_size"][-2:])
    share, mode = float(config["crop_pct"]), config.get("crop_mode", "center")
    if mode not in ("center", "squash"):
        raise HarnessError(f"crop mode {mode!r} of the published preprocessing is not supported; use `resize: false`")
    scaled = math.floor(rows / share), math.floor(columns / share)
    return Preprocessing(
        resized=scaled[0] if mode == "center" and rows == columns else scaled,
        cropped=(rows, columns),
        interpolation=interpolation_named(config["interpolation"]),
        mean=per_channel(config["mean"]),
        std=per_channel(config["std"]),
    )


def _how_to_get(name: str, error: Exception) -> str:
    cause = cause_of(error, 200)
    return (
        f"the weights of {name} could not be fetched ({cause}). Where there is a network, run `hf download timm/{name} "
        "model.safetensors --local-dir FOLDER`; then put the file here and name it with `weights:`"
    )
