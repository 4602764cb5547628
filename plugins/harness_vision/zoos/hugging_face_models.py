"""Adapter to transformers: image classifiers, by folder or by id and commit on the hub, with their preprocessing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from harness.api import HarnessError, Uncounted, cause_of, pinned_folder
from harness_vision.zoos.library import library
from harness_vision.zoos.preprocessing import Interpolation, Preprocessing, per_channel, resized_and_cropped

_PATTERNS = ("*.json", "*.safetensors")
_PROCESSOR = "preprocessor_config.json"
_UNNAMED = re.compile(r"LABEL_[0-9]+")
_INTERPOLATIONS: Mapping[int, Interpolation] = {0: "nearest", 2: "bilinear", 3: "bicubic"}
_PROBE = (64, 96)
_TOLERANCE = 0.04
"""Of the probe, as prepared by the library and by us, in units of [0, 1]: what rounding to 8 bits and its own
interpolation make of a ramp. Another crop, order of channels or normalisation is further off."""
_SHOWN = 5
_SQUASHED_FROM = 384


class ImageClassifier(nn.Module):
    """A network of transformers that takes images `[n, C, H, W]` in [0, 1].

    Attributes:
        class_names: the names of its classes in order; None where it has none.

    Args:
        network: gives `logits` of prepared images.
        preprocessing: resizing, cropping and normalisation.
        resize: whether images are resized and cropped, or only normalised.
        chosen: the outputs that are its classes, in order; None for all.
        names: the names of these classes.
    """

    def __init__(
        self,
        network: Any,
        preprocessing: Preprocessing,
        *,
        resize: bool,
        chosen: Sequence[int] | None,
        names: Sequence[str] | None,
    ) -> None:
        super().__init__()
        self.prepared = preprocessing.around(_Logits(network), resize=resize)
        self.class_names = None if names is None else list(names)
        self._chosen = None if chosen is None else list(chosen)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `[n, classes]`."""
        logits: Tensor = self.prepared(inputs)
        return logits if self._chosen is None else logits[:, self._chosen]


class _Logits(nn.Module):
    """The logits of a network that returns them with other things."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.network(pixel_values=inputs).logits
        return logits


def image_classifier(
    folder: Path | None = None,
    hub: str | None = None,
    revision: str | None = None,
    classes: list[str] | None = None,
    resize: bool = True,
    download: Annotated[bool, Uncounted()] = True,
) -> ImageClassifier:
    """An image classifier of the transformers library with its preprocessing, by folder or hub id (extra vision).

    Its image processor is done inside the model, with gradients, and compared with the library's own. Its classes are
    matched by name with those of the data: one that only numbers them (LABEL_0) is taken in its own order.

    Args:
        folder: the model with its preprocessor_config.json, as `save_pretrained` writes them.
        hub: instead, its id on the Hugging Face hub.
        revision: the commit on the hub, 40 hexadecimal digits.
        classes: which of its classes to choose among, in this order, where the data have only some of them.
        resize: resize and crop as published; false for images that are cropped already, which are only normalised.
        download: fetch it from the hub if it is not in the cache.

    Raises:
        HarnessError: it cannot be loaded, has no class of a name, or its preprocessing cannot be done here.
        MissingData: it is not on this machine, or has no image processor.
    """
    path = pinned_folder(folder, hub, revision, _PATTERNS, download=download)
    if not (path / _PROCESSOR).is_file():
        raise HarnessError(
            f"{path} has no {_PROCESSOR}, so nothing says how images are resized and normalised; save the image "
            "processor beside the model, or use `checkpoint` or `preprocessed`"
        )
    network = _loaded(path)
    processor = _processor(path)
    preprocessing = preprocessing_of(processor.to_dict(), type(processor).__name__)
    _compare(preprocessing, processor)
    names = _names(network.config.id2label)
    chosen = None if classes is None else _chosen(classes, names, path)
    return ImageClassifier(network, preprocessing, resize=resize, chosen=chosen, names=classes or names)


def _loaded(path: Path) -> Any:
    made = library("transformers", "vision").AutoModelForImageClassification
    how = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True, "output_loading_info": True}
    try:
        network, told = made.from_pretrained(path, **how)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        cause = cause_of(error)
        raise HarnessError(f"{path} cannot be loaded as an image classifier: {cause}") from error
    if missing := sorted(told["missing_keys"]):
        # The library draws them at random.
        raise HarnessError(f"{path} lacks weights of {type(network).__name__}, first {missing[0]}: is it fine-tuned?")
    return network


def preprocessing_of(config: Mapping[str, Any], name: str) -> Preprocessing:
    """The preprocessing that the settings of an image processor of this name say.

    Raises:
        HarnessError: it resizes images to no one size, or by an interpolation that is not supported.
    """
    size, crop = _sides(config.get("size")), _sides(config.get("crop_size"))
    cropped = crop if config.get("do_center_crop") else None
    resized = size if config.get("do_resize", True) else None
    if isinstance(resized, int) and config.get("crop_pct"):
        # As ConvNeXt: small images are enlarged and cropped, large ones are squashed.
        cropped = (resized, resized)
        resized = int(resized / config["crop_pct"]) if resized < _SQUASHED_FROM else cropped
    interpolation = _INTERPOLATIONS.get(int(config.get("resample", 2)))
    if interpolation is None:
        raise HarnessError(f"{name} resamples by {config['resample']}, which is not supported; use `checkpoint`")
    if isinstance(resized, int) and cropped is None:
        raise HarnessError(f"{name} resizes the shorter side and crops nothing, so that images differ in size")
    scale = 255 * float(config.get("rescale_factor", 1 / 255)) if config.get("do_rescale", True) else 255.0
    normalised = config.get("do_normalize", True)
    return Preprocessing(
        resized=resized,
        cropped=(cropped, cropped) if isinstance(cropped, int) else cropped,
        interpolation=interpolation,
        mean=per_channel([value / scale for value in config["image_mean"]]) if normalised else (0.0,),
        std=per_channel([value / scale for value in config["image_std"]]) if normalised else (1 / scale,),
    )


def _sides(size: Any) -> int | tuple[int, int] | None:
    """One number for the shorter side, or height and width."""
    if isinstance(size, Mapping):
        return int(size["shortest_edge"]) if "shortest_edge" in size else (int(size["height"]), int(size["width"]))
    return None if size is None else (int(size), int(size))


def _processor(path: Path) -> Any:
    try:
        return library("transformers", "vision").AutoImageProcessor.from_pretrained(path, local_files_only=True)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        cause = cause_of(error)
        raise HarnessError(f"the image processor in {path} cannot be used: {cause}") from error


def _compare(preprocessing: Preprocessing, processor: Any) -> None:
    """Refuse a processor that does something else to a probe than we do, such as another order of channels."""
    rows, columns = (np.linspace(0, 1, n, dtype=np.float32) for n in _PROBE)
    ramps = np.stack(np.broadcast_arrays(rows[:, None], columns, (rows[:, None] + columns) / 2), axis=-1)
    probe = np.round(ramps * 255).astype(np.uint8)
    theirs = torch.as_tensor(np.asarray(processor(images=probe, return_tensors="np")["pixel_values"]))
    mean, std = (torch.tensor(each)[:, None, None] for each in (preprocessing.mean, preprocessing.std))
    ours = resized_and_cropped(torch.from_numpy(probe).permute(2, 0, 1)[None] / 255, preprocessing)
    if theirs.shape != ours.shape or float((theirs * std + mean - ours).abs().max()) > _TOLERANCE:
        raise HarnessError(
            f"{type(processor).__name__} does more to images than resizing, cropping and normalising; use `checkpoint` "
            "or `preprocessed`"
        )


def _names(labels: Mapping[Any, str]) -> list[str] | None:
    """The names of the classes in order; None where they are only numbered."""
    names = [str(labels[i]) for i in sorted(labels, key=int)]
    return None if all(map(_UNNAMED.fullmatch, names)) else names


def _chosen(classes: Sequence[str], names: Sequence[str] | None, path: Path) -> list[int]:
    missing = [name for name in classes if name not in (names or ())]
    if missing:
        has = ", ".join((names or ["LABEL_0 and so on"])[:_SHOWN])
        raise HarnessError(f"the model in {path} has no class {missing[0]!r}; its classes are {has}")
    return [(names or []).index(name) for name in classes]
