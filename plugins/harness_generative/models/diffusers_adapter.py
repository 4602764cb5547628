"""Diffusion models saved by the diffusers library, as a denoiser D(x; sigma) that every sampler here can use.

Only the network and the noise schedule are taken from the library; the steps are those of our samplers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor, nn

from harness.api import HarnessError, NotApplicable, Uncounted, published_folder
from harness.api.instruments import check_finite_weights
from harness_generative.models.noise_schedules import read_config, schedule_of
from harness_generative.optional_libraries import attribute_of

_HOLDS = ("config.json", "model_index.json")
_PATTERNS = ("*.json", "unet/*", "scheduler/*", "diffusion_pytorch_model*")
_REMEDY = (
    "Use `pipeline`, which runs any pipeline as it is, or `latent_diffusers`, which takes the network of latent ones "
    "for the samplers here; or draw samples with diffusers itself and measure them with `from_samples`"
)


class DiffusersModel(nn.Module):
    """The U-Net of a pixel-space diffusers pipeline (DDPM, DDIM and the like) with its noise schedule.

    Its prediction of the noise, of v, of the sample, or of the velocity of flow matching becomes D(x; sigma); see
    `VariancePreserving` and `FlowMatching`. y lies in [-1, 1].

    Args:
        folder: the pipeline's folder as `save_pretrained` writes it; its content is part of the identity of the model.
        hub: instead, its id on the Hugging Face hub.
        revision: on the hub; name a commit, so that it is the same model tomorrow.
        clip: clamp D to the box, as the library's schedulers do; by default as the pipeline's scheduler says.
        null_class: the class that means none, for guidance of a class-conditional model that was trained with one.
        download: fetch it from the hub if it is not in the cache.

    Raises:
        HarnessError: the pipeline is of another kind, or cannot be loaded.
        MissingData: it is not on this machine, with the way to get it.
    """

    def __init__(
        self,
        folder: Path | None = None,
        hub: str | None = None,
        revision: str = "main",
        clip: bool | None = None,
        null_class: Annotated[int, Ge(0)] | None = None,
        download: Annotated[bool, Uncounted()] = True,
    ) -> None:
        super().__init__()
        weights = published_folder(folder, hub, revision, _PATTERNS, holds=_HOLDS, download=download)
        _check_pipeline(weights)
        self.schedule = schedule_of(weights, clip, _REMEDY)
        self.unet = _unet(weights)
        self.sigma_range = self.schedule.sigma_range
        self._null_class = null_class
        about = self.unet.config
        size = about.sample_size
        self.latent_shape: Sequence[int] = (about.in_channels, *((size, size) if isinstance(size, int) else size))
        self._classes: int | None = about.num_class_embeds
        if self._classes is not None:
            # Only a model that can be asked has the method; that is how the core tells.
            self.encode_conditions: Callable[[Sequence[Any]], Tensor] = self._encode_classes

    def denoise(self, x: Tensor, sigma: Tensor, conditions: Tensor | None) -> Tensor:
        """D(x; sigma): the denoised `[n, C, H, W]` of x at noise levels `[n]`, for classes `[n]` or without.

        Raises:
            NotApplicable: a class-conditional model without `null_class` is asked for nothing.
        """
        step = self.step_of(sigma)
        out = self.unet(self.schedule.seen(x, sigma), step, class_labels=self._labels(x, conditions)).sample
        # A network that also predicts its variance has twice the channels.
        return self.schedule.denoised(x, sigma, out[:, : x.shape[1]])

    def step_of(self, sigma: Tensor) -> Tensor:
        """The step of training, perhaps between two, float32 `[n]`, for noise levels `[n]`."""
        return self.schedule.step_of(sigma)

    def decode(self, x: Tensor) -> Tensor:
        """Samples in [0, 1]."""
        return ((x + 1) / 2).clamp(0, 1)

    def encode(self, inputs: Tensor) -> Tensor:
        """The inverse of `decode`."""
        return 2 * inputs - 1

    def _encode_classes(self, conditions: Sequence[Any]) -> Tensor:
        """Classes as `[n]` int64. Raises NotApplicable."""
        classes = self._classes or 0
        wrong = [c for c in conditions if isinstance(c, str) or not 0 <= int(c) < classes]
        if wrong:
            raise NotApplicable(f"this model can be asked for classes 0 to {classes - 1}, not for {wrong[0]!r}")
        return torch.tensor([int(c) for c in conditions], device=self.unet.device)

    def _labels(self, x: Tensor, conditions: Tensor | None) -> Tensor | None:
        if self._classes is None or conditions is not None:
            return conditions
        if self._null_class is None:
            raise NotApplicable("this model was trained with classes only; name the class for none with `null_class`")
        return torch.full((len(x),), self._null_class, device=x.device)


def _place(folder: Path) -> Path:
    """Where the network lies: in a folder of its own or, in old pipelines, beside the rest."""
    return folder / "unet" if (folder / "unet").is_dir() else folder


def _check_pipeline(folder: Path) -> None:
    """Check that the network is where it should be. Raises HarnessError for a pipeline without a U-Net."""
    index = folder / "model_index.json"
    if (_place(folder) / "config.json").is_file() or not index.is_file():
        return
    pipeline = read_config(index)
    parts = [name for name, kind in pipeline.items() if isinstance(kind, list) and any(kind)]
    raise HarnessError(
        f"the pipeline {pipeline.get('_class_name')} has no folder 'unet'; it has {', '.join(parts) or 'no parts'}. "
        f"Only pipelines with a UNet2DModel, which works on pixels, can be used. {_REMEDY}"
    )


def _unet(folder: Path) -> Any:
    where = _place(folder)
    about = read_config(where / "config.json")
    if about.get("_class_name") != "UNet2DModel":
        raise HarnessError(
            f"the network is a {about.get('_class_name')}; only UNet2DModel, which works on pixels, can be used. "
            f"{_REMEDY}"
        )
    if about.get("class_embed_type") is not None:
        raise HarnessError(f"class embeddings of type {about['class_embed_type']!r} are not supported")
    if about.get("sample_size") is None:
        raise HarnessError("the network does not say the size of its images (sample_size in its config.json)")
    network = attribute_of("diffusers", "UNet2DModel")
    try:
        unet = network.from_pretrained(where, local_files_only=True, low_cpu_mem_usage=False)
    except (OSError, ValueError) as error:
        raise HarnessError(f"the network in {where} cannot be loaded: {' '.join(str(error).split())[:300]}") from error
    check_finite_weights(unet, str(where))
    return unet
