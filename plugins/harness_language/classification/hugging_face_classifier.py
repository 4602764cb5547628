"""Text classifiers of the transformers library, by folder or by id and commit on the hub, with their tokenizer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from annotated_types import Ge
from safetensors import SafetensorError
from torch import Tensor, nn

from harness.api import HarnessError, Uncounted, cause_of, pinned_folder

_PATTERNS = ("*.json", "*.safetensors", "*.model", "*.txt")
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
_UNNAMED = re.compile(r"LABEL_[0-9]+")
_LANES = 8
_STEP = 16
"""Texts are padded to a multiple of this many tokens, by their own length, so that no text depends on its batch."""
_SHOWN = 5


class HuggingFaceTextClassifier(nn.Module):
    """A network of transformers that gives logits of texts.

    Attributes:
        class_names: the names of its classes in order; None where it has none.

    Args:
        network: a `...ForSequenceClassification`.
        tokenizer: its tokenizer.
        window: the most tokens that it reads.
        names: the names of its classes.
    """

    def __init__(self, network: Any, tokenizer: Any, window: int, names: Sequence[str] | None) -> None:
        super().__init__()
        self.network = network
        self.class_names = None if names is None else list(names)
        self._tokenizer, self._window = tokenizer, window

    @torch.no_grad()
    def classify(self, texts: Sequence[str], batch_size: int) -> tuple[Tensor, Sequence[bool]]:
        """Logits `[n, classes]`, and whether each text was cut."""
        tokens = [self._tokenizer(text, truncation=False, verbose=False)["input_ids"] for text in texts]
        cut = [len(each) > self._window for each in tokens]
        tokens = [
            self._tokenizer(text, truncation=True, max_length=self._window)["input_ids"] if is_cut else each
            for text, each, is_cut in zip(texts, tokens, cut, strict=True)
        ]
        # On a CPU passes of one shape give each text the same bits, whatever it travels with.
        on_cpu = next(self.network.parameters()).device.type == "cpu"
        size = _LANES if on_cpu else max(batch_size, _LANES)
        logits = torch.empty((len(texts), self.network.config.num_labels))
        for length, rows in self._by_length(tokens).items():
            for start in range(0, len(rows), size):
                batch = rows[start : start + size]
                logits[batch] = self._answer([tokens[row] for row in batch], length)
        return logits, cut

    def _by_length(self, tokens: Sequence[Sequence[int]]) -> Mapping[int, list[int]]:
        """Padded length to the rows that get it."""
        rows: dict[int, list[int]] = {}
        for row, each in enumerate(tokens):
            length = min(self._window, max(_STEP, -(-len(each) // _STEP) * _STEP))
            rows.setdefault(length, []).append(row)
        return rows

    def _answer(self, tokens: Sequence[Sequence[int]], length: int) -> Tensor:
        padding = self._tokenizer.pad_token_id
        ids = torch.full((len(tokens) + -len(tokens) % _LANES, length), padding, dtype=torch.int64)
        mask = torch.zeros_like(ids)
        mask[:, 0] = 1
        for row, each in enumerate(tokens):
            ids[row, : len(each)] = torch.tensor(each, dtype=torch.int64)
            mask[row, : len(each)] = 1
        device = next(self.network.parameters()).device
        logits: Tensor = self.network(input_ids=ids.to(device), attention_mask=mask.to(device)).logits
        return logits[: len(tokens)].float().cpu()


def text_classifier(
    folder: Path | None = None,
    hub: str | None = None,
    revision: str | None = None,
    classes: list[str] | None = None,
    max_tokens: Annotated[int, Ge(1)] | None = None,
    download: Annotated[bool, Uncounted()] = True,
) -> HuggingFaceTextClassifier:
    """A text classifier of the transformers library with its tokenizer, by folder or hub id (extra language).

    Its classes are matched by name with those of the data; one that only numbers them (LABEL_0) is taken in its own
    order. A text longer than it reads is cut, and its record says so.

    Args:
        folder: the model with its tokenizer, as `save_pretrained` writes them.
        hub: instead, its id on the Hugging Face hub.
        revision: the commit on the hub, 40 hexadecimal digits.
        classes: what its classes are called, in its own order, where the data call them otherwise.
        max_tokens: the most tokens that it is given; by default what it can read.
        download: fetch it from the hub if it is not in the cache.

    Raises:
        HarnessError: it cannot be loaded, has no tokenizer or no limit, or has another number of classes.
        MissingData: it is not on this machine.
    """
    path = pinned_folder(folder, hub, revision, _PATTERNS, download=download)
    if not any(any(path.glob(pattern)) for pattern in _TOKENIZERS):
        # The library would make an empty one.
        raise HarnessError(f"{path} has no tokenizer ({', '.join(_TOKENIZERS)}); save it beside the model")
    network, tokenizer = _loaded(path)
    if tokenizer.pad_token_id is None:
        raise HarnessError(f"the tokenizer in {path} has no padding token, which reading several texts at once needs")
    names = [str(network.config.id2label[i]) for i in range(network.config.num_labels)]
    if classes is not None and len(classes) != len(names):
        raise HarnessError(f"`classes:` names {len(classes)}; the model has {len(names)}: {', '.join(names[:_SHOWN])}")
    own = None if all(map(_UNNAMED.fullmatch, names)) else names
    limits = (network.config.get_text_config().to_dict().get("max_position_embeddings"), tokenizer.model_max_length)
    window = min([int(limit) for limit in (*limits, max_tokens) if limit and limit < 1 << 20], default=None)
    if window is None:
        raise HarnessError(f"nothing says how many tokens the model in {path} reads; say `max_tokens: 512` or another")
    return HuggingFaceTextClassifier(network, tokenizer, window, classes or own)


def _loaded(path: Path) -> tuple[Any, Any]:
    how: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        network, told = AutoModelForSequenceClassification.from_pretrained(
            path, use_safetensors=True, output_loading_info=True, **how
        )
        tokenizer = AutoTokenizer.from_pretrained(path, **how)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        cause = cause_of(error)
        raise HarnessError(f"{path} cannot be loaded as a text classifier: {cause}") from error
    if missing := sorted(told["missing_keys"]):
        # The library draws them at random.
        raise HarnessError(f"{path} lacks weights of {type(network).__name__}, first {missing[0]}: is it fine-tuned?")
    return network, tokenizer
