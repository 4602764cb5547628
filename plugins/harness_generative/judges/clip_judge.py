"""CLIP as a judge of how well images agree with texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from torch import Tensor, nn
from torch.nn.functional import normalize

from harness.api import HarnessError, Uncounted, cause_of, published_folder
from harness.api.instruments import check_finite_weights
from harness_generative.features.image_preprocessing import Frame, Preprocessing
from harness_generative.optional_libraries import attribute_of

_PATTERNS = ("*.json", "*.txt", "model*.safetensors*", "pytorch_model*.bin*")


class CLIPJudge(nn.Module):
    """Cosine of the embeddings of image and text by a CLIP (Radford et al. 2021, arXiv:2103.00020) of transformers.

    In a suite:

        suite: prompted
        task: {use: generate, with: {text_judge: {use: clip_judge, with: {folder: clip-vit-base-patch32}}}}
        data: {use: prompts, with: {path: prompts.txt}}
        models: [{use: from_samples, with: {path: images-of-prompts}}]
        samplers: [one_shot]
        metrics: [clip_score]

    Images are resized as in `clip` of the extractors, not rounded to 8 bits; texts longer than the network reads are
    cut off. Published scores mostly are those of openai/clip-vit-base-patch32 with the centre of each image.

    Args:
        folder: of the model with its tokenizer, as `save_pretrained` writes it.
        hub: instead, its id on the Hugging Face hub.
        revision: on the hub; name a commit, so that it is the same model tomorrow.
        frame: `centre` cuts the centre of an image out as the published preprocessing does, `whole` fits all of it in.
        download: fetch it from the hub if it is not in the cache.

    Raises:
        MissingData: it is not on this machine, with the way to get it.
        HarnessError: it is another model, lacks its tokenizer, or transformers cannot be imported.
    """

    def __init__(
        self,
        folder: Path | None = None,
        hub: str | None = None,
        revision: str = "main",
        frame: Frame = "centre",
        download: Annotated[bool, Uncounted()] = True,
    ) -> None:
        super().__init__()
        weights = published_folder(folder, hub, revision, _PATTERNS, download=download)
        self._frame: Frame = frame
        self._preprocessing = Preprocessing.of(weights)
        self.network, self._tokenizer = _clip(weights)

    def agreement(self, images: Tensor, texts: Sequence[str]) -> Tensor:
        """Cosines `[n]` of images `[n, 1 or 3, H, W]` in [0, 1] and n texts."""
        pixels = self._preprocessing.apply(images, self._frame)
        tokens = self._tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt").to(pixels.device)
        out = self.network(pixel_values=pixels, input_ids=tokens.input_ids, attention_mask=tokens.attention_mask)
        return (normalize(out.image_embeds.float(), dim=1) * normalize(out.text_embeds.float(), dim=1)).sum(dim=1)


def _clip(folder: Path) -> tuple[Any, Any]:
    """The network and its tokenizer. Raises HarnessError."""
    kind, tokenizers = attribute_of("transformers", "CLIPModel"), attribute_of("transformers", "AutoTokenizer")
    try:
        network, about = kind.from_pretrained(folder, local_files_only=True, output_loading_info=True)
        tokenizer = tokenizers.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        raise HarnessError(f"the CLIP in {folder} cannot be loaded: {cause_of(error)}") from error
    missing = sorted(about["missing_keys"])
    if missing:
        raise HarnessError(f"the model in {folder} is no CLIP: it lacks {', '.join(missing[:3])}")
    check_finite_weights(network, str(folder))
    tokenizer.model_max_length = min(tokenizer.model_max_length, network.config.text_config.max_position_embeddings)
    return network.float().eval(), tokenizer
