"""Published networks as feature extractors; their libraries and weights are loaded when needed."""

from __future__ import annotations

import hashlib
import pickle
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d, normalize

from harness.api import HarnessError, MissingData, Uncounted, cause_of, download_file, published_folder
from harness.api.instruments import check_finite_weights
from harness_generative.features.extractors import in_whole_blocks
from harness_generative.features.image_preprocessing import (
    Frame,
    Preprocessing,
    Resize,
    as_bytes,
    resized,
    three_channels,
)
from harness_generative.optional_libraries import attribute_of

Download = Annotated[bool, Uncounted()]
Network = Literal["fid", "imagenet"]

_INCEPTION_SIZE = (299, 299)
_GAINS: Mapping[Network, float] = {"fid": 255 / 128, "imagenet": 2.0}
_INCEPTION_URLS: Mapping[Network, str] = {
    "fid": "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    "imagenet": "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth",
}
_PATTERNS = ("config.json", "preprocessor_config.json", "model*.safetensors*", "pytorch_model*.bin*")

_plain_average = partial(avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=False)
_maximum = partial(max_pool2d, kernel_size=3, stride=1, padding=1)
# Where the network of the published FID pools otherwise than torchvision's.
_FID_POOLS: Mapping[str, Callable[[Tensor], Tensor]] = {
    **dict.fromkeys(("Mixed_5b", "Mixed_5c", "Mixed_5d"), _plain_average),
    **dict.fromkeys(("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"), _plain_average),
    "Mixed_7b": _plain_average,
    "Mixed_7c": _maximum,
}


class InceptionV3(nn.Module):
    """The pool of Inception-v3 trained on ImageNet: turns the FID-proxy into an FID.

    The last pool of Inception-v3 (Szegedy et al. 2016, arXiv:1512.00567), 2048 features.

    Images in [0, 1] get three channels and 299x299 pixels. The published FID (Heusel et al. 2017) uses a network of
    2015 whose pools differ and which is given (v - 128) / 128 of 8-bit values v; `fid` is that one, in the weights that
    pytorch-fid converted, and only with it does an FID compare with published ones. `imagenet` is torchvision's
    IMAGENET1K_V1, which is given the range [-1, 1].

    Args:
        network: one of the two networks.
        weights: a file of its state dict (.pth or .safetensors); by default torch's cache of downloads.
        resize: `bicubic_antialias` is that of clean-fid (Parmar et al. 2022), `bilinear` that of pytorch-fid; images
            that shrink without antialiasing give other features.
        download: fetch the weights (about 100 MB) if they are not there.

    Raises:
        MissingData: the weights are not there, with the way to get them.
        HarnessError: torchvision cannot be imported, or the weights do not fit.
    """

    def __init__(
        self,
        network: Network = "fid",
        weights: Path | None = None,
        resize: Resize = "bicubic_antialias",
        download: Download = True,
    ) -> None:
        super().__init__()
        self._resize, self._gain = resize, _GAINS[network]
        self.network = _inception(network, _inception_state(network, weights, download))
        settings = {"network": network, "resize": resize, "size": _INCEPTION_SIZE, "layer": "pool"}
        self.register_buffer("settings", as_bytes(settings))

    def forward(self, inputs: Tensor) -> Tensor:
        """Features `[n, 2048]` of images `[n, 1 or 3, H, W]` in [0, 1]."""
        images = resized(three_channels(inputs), _INCEPTION_SIZE, self._resize)
        return in_whole_blocks(self.network, self._gain * images - 1)


class _HubExtractor(nn.Module, ABC):
    """A vision transformer of the transformers library, with the preprocessing that was published with it.

    Args:
        folder: of the model, with config.json, preprocessor_config.json and its weights.
        hub: its id on the Hugging Face hub, where no folder is given.
        revision: on the hub; name a commit, so that it is the same model tomorrow.
        frame: `whole` fits the whole image to the network, `centre` cuts its centre out as the published preprocessing
            does with photographs.
        download: fetch it from the hub if it is not in the cache.
    """

    def __init__(self, weights_folder: Path, architecture: str, frame: Frame, **settings: Any) -> None:
        super().__init__()
        self._frame: Frame = frame
        self._preprocessing = Preprocessing.of(weights_folder)
        self.network = _transformer(weights_folder, architecture)
        self.register_buffer(
            "settings", as_bytes({"frame": frame, "preprocessing": asdict(self._preprocessing), **settings})
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Features `[n, d]` of images `[n, 1 or 3, H, W]` in [0, 1]."""
        features = in_whole_blocks(self._features, self._preprocessing.apply(inputs, self._frame))
        return features.float()

    @abstractmethod
    def _features(self, images: Tensor) -> Tensor:
        """Features `[n, d]` of preprocessed images `[n, 3, H, W]`."""


class DINOv2(_HubExtractor):
    """The class token of DINOv2 (Oquab et al. 2023, arXiv:2304.07193) after its last normalisation.

    Stein et al. 2023 found it to agree best with people, in its large variant and with whole images at 224x224. The
    filter and the normalisation are those that were published with the model; the resized image is not rounded to 8
    bits.

    Raises:
        MissingData: it is not on this machine, with the way to get it.
        HarnessError: it is another model, or transformers cannot be imported.
    """

    def __init__(
        self,
        folder: Path | None = None,
        hub: str = "facebook/dinov2-large",
        revision: str = "main",
        frame: Frame = "whole",
        download: Download = True,
    ) -> None:
        weights = published_folder(folder, hub, revision, _PATTERNS, download=download)
        super().__init__(weights, "Dinov2Model", frame, layer="class token")

    def _features(self, images: Tensor) -> Tensor:
        token: Tensor = self.network(pixel_values=images).last_hidden_state[:, 0]
        return token


class CLIP(_HubExtractor):
    """The image embedding of CLIP (Radford et al. 2021, arXiv:2103.00020).

    Jayasumana et al. 2024 take the large variant at 336x336, whole images and embeddings of length 1. The filter and
    the normalisation are those that were published with the model; the resized image is not rounded to 8 bits.

    Args:
        unit_length: divide each embedding by its length.

    Raises:
        MissingData: it is not on this machine, with the way to get it.
        HarnessError: it is another model, or transformers cannot be imported.
    """

    def __init__(
        self,
        folder: Path | None = None,
        hub: str = "openai/clip-vit-large-patch14-336",
        revision: str = "main",
        frame: Frame = "whole",
        unit_length: bool = True,
        download: Download = True,
    ) -> None:
        weights = published_folder(folder, hub, revision, _PATTERNS, download=download)
        super().__init__(weights, "CLIPVisionModelWithProjection", frame, layer="embedding", unit_length=unit_length)
        self._unit_length = unit_length

    def _features(self, images: Tensor) -> Tensor:
        embedding: Tensor = self.network(pixel_values=images).image_embeds
        return normalize(embedding, dim=1) if self._unit_length else embedding


class _FidBlock(nn.Module):
    """A block of torchvision's Inception-v3 with other pooling in its last branch, as in the network of 2015."""

    def __init__(self, block: Any, pool: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.block, self._pool = block, pool

    def forward(self, inputs: Tensor) -> Tensor:
        """The branches side by side, `[n, channels, H, W]`."""
        *branches, _ = self.block._forward(inputs)
        return torch.cat([*branches, self.block.branch_pool(self._pool(inputs))], 1)


def _inception(kind: Network, state: Mapping[str, Tensor]) -> nn.Module:
    """The network up to its last pool, `[n, 2048]` of images `[n, 3, 299, 299]` about 0."""
    make = attribute_of("torchvision.models", "inception_v3")
    is_fid = kind == "fid"
    network: Any = make(
        weights=None,
        num_classes=1008 if is_fid else 1000,
        aux_logits=not is_fid,
        transform_input=False,
        init_weights=False,
    )
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        message = cause_of(error)
        raise HarnessError(f"the weights are not those of the {kind!r} network: {message}") from error
    check_finite_weights(network, f"those of the {kind!r} network")
    if is_fid:
        for name, pool in _FID_POOLS.items():
            setattr(network, name, _FidBlock(getattr(network, name), pool))
    # The head and the auxiliary one play no part in features, so they shall not count in their identity either.
    network.AuxLogits = None
    network.fc = nn.Identity()
    ready: nn.Module = network.eval()
    return ready


def _why_wrong(head: str, weights: Path) -> str:
    """Return why a downloaded file is another one: the published name holds the head of its sha256."""
    with weights.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return "" if sha256.startswith(head) else f"it has sha256 {sha256}, which should begin with {head}"


def _inception_state(kind: Network, weights: Path | None, download: bool) -> Mapping[str, Tensor]:
    url = _INCEPTION_URLS[kind]
    file = weights or Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if not file.is_file():
        missing = (
            f"the weights of Inception-v3 are not at {file}. Get them from {url} and put them there, or name the file"
        )
        if weights is not None or not download:
            raise MissingData(f"{missing} with `weights:`")
        try:
            download_file(url, file, partial(_why_wrong, Path(url).stem.rpartition("-")[2]))
        except OSError as error:
            raise MissingData(f"{missing} with `weights:` ({error})") from error
    try:
        state = load_file(file) if file.suffix == ".safetensors" else torch.load(file, "cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise HarnessError(f"{file.name} cannot be read as weights: {str(error).partition(chr(10))[0]}") from error
    tensors: Mapping[str, Tensor] = state
    return tensors


def _transformer(folder: Path, architecture: str) -> nn.Module:
    """The network in a folder, float32. Raises HarnessError if its weights are not all there."""
    kind = attribute_of("transformers", architecture)
    try:
        network, about = kind.from_pretrained(folder, local_files_only=True, output_loading_info=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise HarnessError(f"the model in {folder} cannot be loaded: {' '.join(str(error).split())[:300]}") from error
    # The library would draw at random what it does not find.
    missing = sorted(about["missing_keys"])
    if missing:
        raise HarnessError(f"the model in {folder} is no {architecture}: it lacks {', '.join(missing[:3])}")
    check_finite_weights(network, str(folder))
    made: nn.Module = network.float()
    return made.eval()
