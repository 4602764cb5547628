"""A pipeline of the diffusers library as it is, with its own scheduler, steps and guidance."""

from __future__ import annotations

import copy
import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Len
from torch import Tensor, nn

from harness.api import HarnessError, InvalidOutput, MissingData, NotApplicable, Uncounted, cause_of, published_folder
from harness.api.instruments import check_finite_weights
from harness_generative.models.noise_schedules import read_config
from harness_generative.optional_libraries import attribute_of

Precision = Literal["float32", "float16", "bfloat16"]

INDEX = "model_index.json"
PATTERNS = ("*.json", "*/*.json", "*/*.txt", "*/*.model", "*/*.safetensors")
_WEIGHTS = ("*.safetensors", "*.bin")
_ASKED_BY = ("prompt", "class_labels")
_SEED_NUMBERS, _SEED_BYTES = 4, 8


class Pipeline(nn.Module):
    """Any diffusers pipeline that makes images of prompts, of classes, or of nothing: Stable Diffusion, DiT, FLUX.

    In a suite:

        suite: text-to-image
        task: {use: generate, with: {text_judge: {use: clip_judge, with: {folder: clip}}}}
        data: {use: prompts, with: {path: prompts.txt, images: 4}}
        models: [{use: pipeline, with: {folder: stable-diffusion, steps: 30, guidance: 7.5}}]
        samplers: [one_shot]
        metrics: [clip_score, nfe, seconds_per_sample]

    The pipeline runs as its folder says, with its own scheduler, text encoders and decoder. Each image has a generator
    of its own, seeded by the noise that the core draws for it, so that it does not depend on the batch. Passes are
    counted at the network, guidance as two. `diffusers` instead takes only network and noise schedule, for the samplers
    here.

    Args:
        folder: the pipeline's folder as `save_pretrained` writes it; its content is part of the identity of the model.
        hub: instead, its id on the Hugging Face hub.
        revision: on the hub; name a commit, so that it is the same model tomorrow.
        steps: of its scheduler; by default as the pipeline has it.
        guidance: its guidance scale; by default as the pipeline has it.
        negative: what images must not show, of pipelines that take a negative prompt.
        dtype: the precision of its weights.
        size: height and width of the images; by default as the pipeline has it.
        download: fetch it from the hub if it is not in the cache.

    Raises:
        MissingData: it is not on this machine, with the way to get it, or lacks a part, by its name.
        HarnessError: it cannot be loaded, or does not take what is said here.
    """

    latent_shape: Sequence[int] = (_SEED_NUMBERS,)

    def __init__(
        self,
        folder: Path | None = None,
        hub: str | None = None,
        revision: str = "main",
        steps: Annotated[int, Ge(1)] | None = None,
        guidance: Annotated[float, Ge(0)] | None = None,
        negative: str | None = None,
        dtype: Precision = "float32",
        size: Annotated[list[Annotated[int, Ge(1)]], Len(2, 2)] | None = None,
        download: Annotated[bool, Uncounted()] = True,
    ) -> None:
        super().__init__()
        where = published_folder(folder, hub, revision, PATTERNS, holds=(INDEX,), download=download)
        check_parts(where)
        self._pipeline = load_pipeline(where, dtype)
        # Registered here too, so that they move to the device and count in the identity of the model.
        self.parts = nn.ModuleDict(
            {name: part for name, part in self._pipeline.components.items() if isinstance(part, nn.Module)}
        )
        for name, part in self.parts.items():
            check_finite_weights(part, f"{where / name}")
        height, width = size or (None, None)
        wanted = {
            "num_inference_steps": steps,
            "guidance_scale": guidance,
            "negative_prompt": negative,
            "height": height,
            "width": width,
        }
        self._options = {name: value for name, value in wanted.items() if value is not None}
        self._takes = inspect.signature(self._pipeline.__call__).parameters
        self._asked_by = next((name for name in _ASKED_BY if name in self._takes), None)
        _check_call(self._pipeline, self._takes, self._options, self._asked_by)
        if self._asked_by is not None:
            # Only a model that can be asked has the method; that is how the core tells.
            self.encode_conditions: Callable[[Sequence[Any]], Tensor] = self._encoded

    def generate(self, noise: Tensor, conditions: Tensor | None) -> Tensor:
        """Images `[n, C, H, W]` in [0, 1], of noise `[n, 4]` that seeds a generator for each.

        Raises:
            NotApplicable: a pipeline that must be asked is asked for nothing.
            InvalidOutput: it returned something else than an image for each.
        """
        if conditions is None and self._must_be_asked:
            raise NotApplicable(
                f"{type(self._pipeline).__name__} makes images of {self._asked_by}, and is asked for nothing"
            )
        asked: dict[str, Any] = {"batch_size": len(noise)} if "batch_size" in self._takes else {}
        if conditions is not None and self._asked_by is not None:
            asked[self._asked_by] = _texts(conditions) if self._asked_by == "prompt" else conditions.tolist()
        options: dict[str, Any] = dict(self._options)
        if "negative_prompt" in options:
            options["negative_prompt"] = [options["negative_prompt"]] * len(noise)
        # A call changes the scheduler and more, and the next one must start from the same.
        pipeline = copy.copy(self._pipeline)
        pipeline.scheduler = copy.deepcopy(self._pipeline.scheduler)
        pipeline.set_progress_bar_config(disable=True)
        generators = [torch.Generator().manual_seed(_seed(row)) for row in noise]
        images = pipeline(**asked, **options, generator=generators, output_type="np").images
        made = torch.from_numpy(images).permute(0, 3, 1, 2).float()
        if len(made) != len(noise):
            raise InvalidOutput(f"the pipeline made {len(made)} images where {len(noise)} were asked for")
        return made.to(noise.device)

    @property
    def _must_be_asked(self) -> bool:
        # Prompts have a default in signatures of the library, since their embeddings may be given instead.
        asked_by = self._asked_by
        return asked_by == "prompt" or (
            asked_by is not None and self._takes[asked_by].default is inspect.Parameter.empty
        )

    def _encoded(self, conditions: Sequence[Any]) -> Tensor:
        """Prompts as the bytes of their text `[n, length]`, padded with 0, or classes `[n]`. Raises NotApplicable."""
        wants_texts = self._asked_by == "prompt"
        if any(isinstance(each, str) != wants_texts for each in conditions):
            kind = type(self._pipeline).__name__
            raise NotApplicable(f"{kind} can be asked for {'prompts' if wants_texts else 'classes'} only")
        if not wants_texts:
            return torch.tensor([int(each) for each in conditions])
        contents = [str(each).replace("\0", " ").encode() for each in conditions]
        length = max(map(len, contents))
        return torch.tensor([list(content.ljust(length, b"\0")) for content in contents], dtype=torch.uint8)


def check_parts(folder: Path) -> None:
    """Check that a pipeline's folder holds every part that its index names, and the weights of each network.

    Raises:
        MissingData: a part is not there, or has no weights, by its name.
        HarnessError: the index cannot be read, or names code of the pipeline's own.
    """
    index = read_config(folder / INDEX)
    parts = {name: kind for name, kind in index.items() if isinstance(kind, list) and any(kind)}
    if not isinstance(index.get("_class_name"), str):
        raise HarnessError(f"{folder / INDEX} names no pipeline of diffusers; one with code of its own is not run")
    for name, kind in parts.items():
        about = f"the pipeline {index['_class_name']} in {folder} lacks"
        part = folder / name
        if not part.is_dir() or not any(part.iterdir()):
            raise MissingData(f"{about} its part {name!r} ({kind[-1]}); save it anew, or copy the folder {name!r} too")
        if (part / "config.json").is_file() and not any(any(part.glob(pattern)) for pattern in _WEIGHTS):
            raise MissingData(f"{about} the weights of its part {name!r} ({kind[-1]}); copy {name}/*.safetensors too")


def load_pipeline(folder: Path, dtype: Precision) -> Any:
    """The pipeline in a folder. Raises HarnessError."""
    kind = attribute_of("diffusers", "DiffusionPipeline")
    # Parts that were saved as none, such as the third text encoder of Stable Diffusion 3, must be said to be none.
    absent = {
        name: None for name, part in read_config(folder / INDEX).items() if isinstance(part, list) and not any(part)
    }
    try:
        pipeline = kind.from_pretrained(folder, local_files_only=True, torch_dtype=getattr(torch, dtype), **absent)
        for name, part in pipeline.components.items():
            if name.startswith("text_encoder") and part is not None:
                _read_once(part)
    except (OSError, ValueError, RuntimeError, TypeError, AttributeError, ImportError, KeyError) as error:
        raise HarnessError(f"the pipeline in {folder} cannot be loaded: {cause_of(error)}") from error
    return pipeline


def _read_once(encoder: Any) -> None:
    """Have a text encoder read two tokens: at its first call transformers leaves hooks in it, which a cell must not."""
    with torch.no_grad():
        encoder(input_ids=torch.zeros((1, 2), dtype=torch.long), output_hidden_states=True)


def _check_call(pipeline: Any, takes: Mapping[str, Any], options: Mapping[str, Any], asked_by: str | None) -> None:
    """Check that a pipeline takes what it is to be given, and needs nothing else. Raises HarnessError."""
    name = type(pipeline).__name__
    unknown = [option for option in options if option not in takes]
    if unknown:
        raise HarnessError(f"{name} takes no {', '.join(unknown)}; leave it out")
    needed = [each for each, about in takes.items() if about.default is about.empty and about.kind.name[:3] != "VAR"]
    others = [each for each in needed if each != asked_by]
    if others:
        raise HarnessError(
            f"{name} needs {', '.join(others)}; pipelines that make images of prompts, classes or nothing can be used"
        )


def _texts(conditions: Tensor) -> list[str]:
    return [bytes(row.tolist()).rstrip(b"\0").decode() for row in conditions.cpu()]


def _seed(noise: Tensor) -> int:
    content = noise.detach().cpu().float().numpy().tobytes()
    return int.from_bytes(hashlib.sha256(content).digest()[:_SEED_BYTES], "big") >> 1
