"""The network of a latent diffusers pipeline as a denoiser D(x; sigma) that every sampler here can use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from harness.api import HarnessError, NotApplicable, Uncounted, published_folder
from harness.api.instruments import check_finite_weights
from harness_generative.models.noise_schedules import schedule_of
from harness_generative.models.pipeline import INDEX, PATTERNS, check_parts, load_pipeline

_KINDS = ("UNet2DConditionModel", "DiTTransformer2DModel", "Transformer2DModel", "SD3Transformer2DModel")
_REMEDY = "Use `pipeline`, which runs any pipeline as it is"


class LatentDiffusers(nn.Module):
    """The network of a latent pipeline (Stable Diffusion 1 to 3, DiT) with its schedule, encoders and decoder.

    In a suite:

        suite: latent
        task: {use: generate, with: {text_judge: {use: clip_judge, with: {folder: clip}}}}
        data: {use: prompts, with: {path: prompts.txt, images: 4}}
        models: [{use: latent_diffusers, with: {folder: stable-diffusion}}]
        samplers: [{use: heun, with: {steps: 18, guidance: 5.0}}]
        metrics: [clip_score, nfe]

    Sampling runs in the latents of the pipeline's autoencoder, in the units in which its network was trained. What was
    trained by flow matching becomes a denoiser too, so that samplers are compared on one network. `pipeline` runs the
    pipeline with its own scheduler instead.

    Args:
        folder: the pipeline's folder as `save_pretrained` writes it; its content is part of the identity of the model.
        hub: instead, its id on the Hugging Face hub.
        revision: on the hub; name a commit, so that it is the same model tomorrow.
        download: fetch it from the hub if it is not in the cache.

    Raises:
        MissingData: it is not on this machine, with the way to get it, or lacks a part, by its name.
        HarnessError: the pipeline is of another kind, or cannot be loaded.
    """

    empty_prompt: Tensor

    def __init__(
        self,
        folder: Path | None = None,
        hub: str | None = None,
        revision: str = "main",
        download: Annotated[bool, Uncounted()] = True,
    ) -> None:
        super().__init__()
        where = published_folder(folder, hub, revision, PATTERNS, holds=(INDEX,), download=download)
        check_parts(where)
        self._pipeline = load_pipeline(where, "float32")
        parts = self._pipeline.components
        self.network, self.decoder = _network(parts), parts.get("vae")
        if not hasattr(self.decoder, "decode"):
            raise HarnessError(
                f"{type(self._pipeline).__name__} has no autoencoder 'vae', so it is no latent one. {_REMEDY}"
            )
        self.encoders = nn.ModuleDict(
            {name: part for name, part in parts.items() if name.startswith("text_encoder") and part}
        )
        for name, part in (("network", self.network), ("vae", self.decoder), *self.encoders.items()):
            check_finite_weights(part, f"{where} ({name})")
        self.schedule = schedule_of(where, None, _REMEDY)
        self.sigma_range = self.schedule.sigma_range
        about = self.network.config
        self.latent_shape: Sequence[int] = (about.in_channels, about.sample_size, about.sample_size)
        self._tokens: tuple[int, int] | None = None
        self._null_class: int | None = None if self.encoders else about.num_embeds_ada_norm
        if self.encoders:
            # What no prompt is encoded as, which guidance needs at every step.
            self.register_buffer("empty_prompt", self._texts([""]))
        self.encode_conditions: Callable[[Sequence[Any]], Tensor] = self._texts if self.encoders else self._classes

    def denoise(self, x: Tensor, sigma: Tensor, conditions: Tensor | None) -> Tensor:
        """D(x; sigma) `[n, C, H, W]` of latents; without conditions for the empty prompt, or for the class of none."""
        seen, step = self.schedule.seen(x, sigma), self.schedule.step_of(sigma)
        if conditions is None:
            conditions = self._unasked(x)
        out = (
            self.network(hidden_states=seen, timestep=step, **self._named(conditions))
            if self._is_transformer
            else (self.network(seen, step, **self._named(conditions)))
        )
        # A network that also predicts its variance has twice the channels.
        return self.schedule.denoised(x, sigma, out.sample[:, : x.shape[1]])

    def decode(self, x: Tensor) -> Tensor:
        """Images in [0, 1] of latents."""
        scale, shift = self._units
        images: Tensor = self.decoder.decode(x / scale + shift).sample
        return ((images + 1) / 2).clamp(0, 1)

    def encode(self, inputs: Tensor) -> Tensor:
        """Latents of images in [0, 1]: the mode of what the autoencoder says of them."""
        scale, shift = self._units
        latents: Tensor = self.decoder.encode(2 * inputs - 1).latent_dist.mode()
        return (latents - shift) * scale

    @property
    def _units(self) -> tuple[float, float]:
        about = self.decoder.config
        return float(about.scaling_factor), float(getattr(about, "shift_factor", None) or 0.0)

    @property
    def _is_transformer(self) -> bool:
        return not type(self.network).__name__.startswith("UNet")

    @property
    def _is_pooled(self) -> bool:
        return type(self.network).__name__.startswith("SD3")

    def _classes(self, conditions: Sequence[Any]) -> Tensor:
        """Classes as `[n]` int64. Raises NotApplicable."""
        classes = self._null_class or 0
        wrong = [c for c in conditions if isinstance(c, str) or not 0 <= int(c) < classes]
        if wrong:
            raise NotApplicable(f"this model can be asked for classes 0 to {classes - 1}, not for {wrong[0]!r}")
        return torch.tensor([int(c) for c in conditions], device=self.network.device)

    def _texts(self, conditions: Sequence[Any]) -> Tensor:
        """Prompts as what the text encoders make of them, `[n, numbers]`. Raises NotApplicable."""
        wrong = [each for each in conditions if not isinstance(each, str)]
        if wrong:
            raise NotApplicable(f"this model can be asked for prompts, not for {wrong[0]!r}")
        how: dict[str, Any] = {"device": self.network.device, "num_images_per_prompt": 1}
        if self._is_pooled:
            how |= {"prompt_2": None, "prompt_3": None}
        with torch.no_grad():
            encoded = self._pipeline.encode_prompt(list(conditions), do_classifier_free_guidance=False, **how)
        tokens = encoded[0].float()
        self._tokens = (tokens.shape[1], tokens.shape[2])
        return torch.cat([tokens.flatten(1), encoded[2].float()], 1) if self._is_pooled else tokens.flatten(1)

    def _unasked(self, x: Tensor) -> Tensor:
        if self._null_class is not None:
            return torch.full((len(x),), self._null_class, device=x.device)
        return self.empty_prompt.expand(len(x), -1)

    def _named(self, conditions: Tensor) -> dict[str, Tensor]:
        """The arguments of the network that encoded conditions are."""
        if self._tokens is None or conditions.dim() == 1:
            return {"class_labels": conditions}
        length, width = self._tokens
        tokens = conditions[:, : length * width].unflatten(1, (length, width))
        pooled = {"pooled_projections": conditions[:, length * width :]} if self._is_pooled else {}
        return {"encoder_hidden_states": tokens, **pooled}


def _network(parts: dict[str, Any]) -> Any:
    """The denoising network among the parts. Raises HarnessError."""
    network = parts.get("unet") or parts.get("transformer")
    kind = type(network).__name__
    if network is None or kind not in _KINDS:
        raise HarnessError(f"the network is a {kind}; {', '.join(_KINDS)} can be used. {_REMEDY}")
    if getattr(network.config, "addition_embed_type", None) is not None:
        raise HarnessError(f"the network is asked for sizes and more beside the prompt, as SDXL is. {_REMEDY}")
    return network
