"""Diffusion models saved by the diffusers library, as a denoiser D(x; sigma) that every sampler here can use.

Only the network and the noise schedule are taken from the library; the steps are those of our samplers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from torch import Tensor, nn

from harness.api import HarnessError, NotApplicable, Uncounted, published_folder
from harness.api.instruments import check_finite_weights
from harness_generative.optional_libraries import attribute_of

Prediction = Literal["epsilon", "v_prediction", "sample"]

_HOLDS = ("config.json", "model_index.json")
_PATTERNS = ("*.json", "unet/*", "scheduler/*", "diffusion_pytorch_model*")
_SCHEDULE = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "rescale_betas_zero_snr",
)
_REMEDY = (
    "Latent, text and flow-matching pipelines need a model of your own that calls them in `generate` (its passes are "
    "counted), or draw samples with diffusers itself and measure them with `from_samples`"
)
# A sigma that was computed in float32 from a step of training means that step.
_SAME_STEP = 1e-3


class DiffusersModel(nn.Module):
    """The U-Net of a pixel-space diffusers pipeline (DDPM, DDIM and the like) with its noise schedule.

    A step t of training, with alpha-bar_t the product of the schedule, has sigma_t = sqrt(1 / alpha-bar_t - 1); in
    between, t is interpolated in log sigma. With x = y + sigma n the network sees x / sqrt(1 + sigma^2), and
    its prediction of the noise (Ho et al. 2020), of v (Salimans & Ho 2022, arXiv:2202.00512) or of the sample becomes
    D(x; sigma). y lies in [-1, 1].

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

    log_sigmas: Tensor

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
        schedule = _schedule(weights)
        self.unet = _unet(weights)
        self._predicts = _prediction(schedule)
        self._clip = _clip_range(schedule, clip)
        self._null_class = null_class
        about = self.unet.config
        size = about.sample_size
        self.latent_shape: Sequence[int] = (about.in_channels, *((size, size) if isinstance(size, int) else size))
        self._classes: int | None = about.num_class_embeds
        alphas = _alphas_cumprod(schedule)
        sigmas = (1 / alphas - 1).sqrt()
        # A schedule that ends in pure noise has an infinite sigma there, which no step of ours can start from.
        self.register_buffer("log_sigmas", sigmas[sigmas.isfinite()].log())
        self.sigma_range = (float(self.log_sigmas[0].exp()), float(self.log_sigmas[-1].exp()))
        if self._classes is not None:
            # Only a model that can be asked has the method; that is how the core tells.
            self.encode_conditions: Callable[[Sequence[Any]], Tensor] = self._encode_classes

    def denoise(self, x: Tensor, sigma: Tensor, conditions: Tensor | None) -> Tensor:
        """D(x; sigma): the denoised `[n, C, H, W]` of x at noise levels `[n]`, for classes `[n]` or without.

        Raises:
            NotApplicable: a class-conditional model without `null_class` is asked for nothing.
        """
        level = sigma[:, None, None, None]
        alpha = (1 + level**2).rsqrt()
        noisy = alpha * x
        out = self.unet(noisy, self.step_of(sigma), class_labels=self._labels(len(x), conditions)).sample
        # A network that also predicts its variance has twice the channels.
        out = out[:, : x.shape[1]]
        if self._predicts == "epsilon":
            denoised = x - level * out
        elif self._predicts == "v_prediction":
            denoised = alpha * noisy - alpha * level * out
        else:
            denoised = out
        clamped: Tensor = denoised if self._clip is None else denoised.clamp(-self._clip, self._clip)
        return clamped

    def step_of(self, sigma: Tensor) -> Tensor:
        """The step of training, perhaps between two, float32 `[n]`, for noise levels `[n]`."""
        wanted = sigma.double().log().to(self.log_sigmas.device)
        above = torch.searchsorted(self.log_sigmas, wanted).clamp(1, len(self.log_sigmas) - 1)
        low, high = self.log_sigmas[above - 1], self.log_sigmas[above]
        step = above - 1 + ((wanted - low) / (high - low)).clamp(0, 1)
        return torch.where((step - step.round()).abs() < _SAME_STEP, step.round(), step).float()

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
        return torch.tensor([int(c) for c in conditions], device=self.log_sigmas.device)

    def _labels(self, n: int, conditions: Tensor | None) -> Tensor | None:
        if self._classes is None or conditions is not None:
            return conditions
        if self._null_class is None:
            raise NotApplicable("this model was trained with classes only; name the class for none with `null_class`")
        return torch.full((n,), self._null_class, device=self.log_sigmas.device)


def _read(path: Path) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HarnessError(f"{path} cannot be read: {error}") from error
    return read


def _schedule(folder: Path) -> dict[str, Any]:
    """The configuration of the scheduler, which stands in a folder of its own or, in old pipelines, beside the rest."""
    own = folder / "scheduler" / "scheduler_config.json"
    schedule = _read(own if own.is_file() else folder / "scheduler_config.json")
    name = schedule.get("_class_name", "a scheduler without a name")
    if "beta_schedule" not in schedule or "num_train_timesteps" not in schedule:
        raise HarnessError(f"{name} has no schedule of betas; DDPM, DDIM and their like can be used. {_REMEDY}")
    if schedule.get("thresholding"):
        raise HarnessError(f"this {name} uses dynamic thresholding, which is not supported")
    return schedule


def _prediction(schedule: Mapping[str, Any]) -> Prediction:
    kind = schedule.get("prediction_type", "epsilon")
    if kind not in ("epsilon", "v_prediction", "sample"):
        raise HarnessError(f"the network predicts {kind!r}; epsilon, v_prediction and sample can be used")
    prediction: Prediction = kind
    return prediction


def _clip_range(schedule: Mapping[str, Any], clip: bool | None) -> float | None:
    # The library's own default where a scheduler that knows the setting leaves it out.
    clips = schedule.get("_class_name") in ("DDPMScheduler", "DDIMScheduler")
    wanted = schedule.get("clip_sample", clips) if clip is None else clip
    return float(schedule.get("clip_sample_range", 1.0)) if wanted else None


def _alphas_cumprod(schedule: Mapping[str, Any]) -> Tensor:
    """The cumulated alphas `[steps]`, float64, as the library computes them."""
    scheduler = attribute_of("diffusers", "DDPMScheduler")
    try:
        made = scheduler(**{name: schedule[name] for name in _SCHEDULE if name in schedule})
    except NotImplementedError as error:
        raise HarnessError(f"the schedule of betas {schedule['beta_schedule']!r} is not known to diffusers") from error
    alphas: Tensor = made.alphas_cumprod
    return alphas.double()


def _check_pipeline(folder: Path, where: Path) -> None:
    """Check that the network is where it should be. Raises HarnessError for a pipeline without a U-Net."""
    index = folder / "model_index.json"
    if (where / "config.json").is_file() or not index.is_file():
        return
    pipeline = _read(index)
    parts = [name for name, kind in pipeline.items() if isinstance(kind, list) and any(kind)]
    raise HarnessError(
        f"the pipeline {pipeline.get('_class_name')} has no folder 'unet'; it has {', '.join(parts) or 'no parts'}. "
        f"Only pipelines with a UNet2DModel, which works on pixels, can be used. {_REMEDY}"
    )


def _unet(folder: Path) -> Any:
    where = folder / "unet" if (folder / "unet").is_dir() else folder
    _check_pipeline(folder, where)
    about = _read(where / "config.json")
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
