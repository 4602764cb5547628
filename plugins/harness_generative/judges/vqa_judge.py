"""A visual question answering model of transformers as a judge of what images show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from harness.api import HarnessError, Uncounted, cause_of, published_folder
from harness.api.instruments import check_finite_weights
from harness_generative.features.image_preprocessing import three_channels
from harness_generative.optional_libraries import attribute_of

_PATTERNS = ("*.json", "*.txt", "*.model", "model*.safetensors*", "pytorch_model*.bin*")
_WHITE = 255


class VQAJudge(nn.Module):
    """Answers to questions about images, by a visual question answering model such as ViLT or BLIP.

    In a suite:

        suite: objects
        task: {use: generate, with: {answerer: {use: vqa, with: {folder: vilt-b32-finetuned-vqa}}}}
        data: {use: prompts, with: {path: evaluation_metadata.jsonl, images: 4, groups: [tag]}}
        models: [{use: pipeline, with: {folder: stable-diffusion}}]
        samplers: [one_shot]
        metrics: [object_accuracy]

    Images are given to the processor that was published with the model, in 8 bits.

    Args:
        folder: of the model with its processor, as `save_pretrained` writes it.
        hub: instead, its id on the Hugging Face hub.
        revision: on the hub; name a commit, so that it is the same model tomorrow.
        download: fetch it from the hub if it is not in the cache.

    Raises:
        MissingData: it is not on this machine, with the way to get it.
        HarnessError: it is another model, lacks its processor, or transformers cannot be imported.
    """

    def __init__(
        self,
        folder: Path | None = None,
        hub: str | None = None,
        revision: str = "main",
        download: Annotated[bool, Uncounted()] = True,
    ) -> None:
        super().__init__()
        weights = published_folder(folder, hub, revision, _PATTERNS, download=download)
        self.network, self._processor = _answering(weights)

    def answers(self, images: Tensor, questions: Sequence[str]) -> list[str]:
        """An answer about each image, of images `[n, 1 or 3, H, W]` in [0, 1] and n questions."""
        pixels = (three_channels(images) * _WHITE).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        inputs = self._processor(
            images=list(pixels), text=list(questions), padding=True, truncation=True, return_tensors="pt"
        ).to(images.device)
        if hasattr(self.network, "generate") and self.network.can_generate():
            tokens = self.network.generate(**inputs, do_sample=False)
            return [str(text).strip() for text in self._processor.batch_decode(tokens, skip_special_tokens=True)]
        names = self.network.config.id2label
        return [str(names[int(best)]) for best in self.network(**inputs).logits.argmax(dim=-1)]


def _answering(folder: Path) -> tuple[Any, Any]:
    """The network and its processor. Raises HarnessError."""
    kind = attribute_of("transformers", "AutoModelForVisualQuestionAnswering")
    processors = attribute_of("transformers", "AutoProcessor")
    try:
        network, about = kind.from_pretrained(folder, local_files_only=True, output_loading_info=True)
        processor = processors.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
        raise HarnessError(f"the answering model in {folder} cannot be loaded: {cause_of(error)}") from error
    missing = sorted(about["missing_keys"])
    if missing:
        raise HarnessError(f"the model in {folder} answers no questions: it lacks {', '.join(missing[:3])}")
    check_finite_weights(network, str(folder))
    return network.float().eval(), processor
