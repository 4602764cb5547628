"""Language modelling: how well a model predicts text, clean and with noise. One record per document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

import numpy as np
from annotated_types import Ge

from harness.api import Context, Dataset, InvalidOutput, LanguageModel, NotApplicable, Outcome, TextAttack, TextBatch
from harness.api.instruments import left_unchanged, seeded
from harness_language.tasks.edit_distance import edited_share
from harness_language.tasks.likelihood import Window, log_likelihoods, precision_of, problems_of, unknown_token

_FIRST_IDS = 8
_COLUMNS = ("tokens", "bytes", "words", "nll", "windows", "first_ids", "unscored")
_COLUMNS_OF_ATTACK = ("edited", "candidates", "noise_nats")
# What metrics must know of the data: the limit of every model, and the group of documents that hang together.
_FACTS = ("entropy_rate", "clusters")


@dataclass(frozen=True)
class _Document:
    """A text to be scored: `tokens` with the start token, of which those from `first` on are scored."""

    text: str
    tokens: Sequence[int]
    first: int

    @property
    def scored(self) -> int:
        return len(self.tokens) - self.first


@dataclass(frozen=True)
class _Size:
    """The number of bytes and words of a text that are scored."""

    bytes: int
    words: int


@runtime_checkable
class Informed(Protocol):
    """Noise that can tell how unlikely its changes of a text were; of several draws the worst is no fair draw."""

    draws: int

    def information(self, clean: str, noisy: str) -> float:
        """-log of the probability of the changes, given the clean text, in nats."""


class Language:
    """Score every document of a corpus (column `texts`) by its likelihood, clean and noisy.

    A long document is read in windows: each token is scored once, with at least `window - stride` tokens before it
    where the document has them. What cannot be scored, such as an empty document or one that is no UTF-8, is a record
    without a likelihood and with the reason in `unscored`.

    Data: the column `texts` (text, or bytes of UTF-8), maybe `groups`.

    Args:
        window: how many tokens the model reads at most to predict the next one.
        stride: how many tokens each window after the first one scores; the smaller, the more context and the dearer.
        bos: what the first token of a document is predicted from: the tokenizer's start token, or nothing, in which
            case it is not scored.
    """

    columns: Sequence[str] = ("id", *_COLUMNS, "tokenizer", "group.*")
    columns_with: Mapping[str, tuple[str, ...]] = {"attack": _COLUMNS_OF_ATTACK}

    def __init__(
        self,
        window: Annotated[int, Ge(2)] = 256,
        stride: Annotated[int, Ge(1)] = 128,
        bos: Literal["start", "none"] = "start",
    ) -> None:
        if stride > window:
            raise NotApplicable(f"stride {stride} is larger than the window of {window}: tokens between would be lost")
        self._window, self._stride, self._bos = window, stride, bos

    def run(self, model: LanguageModel, data: Dataset, attack: TextAttack | None, ctx: Context) -> Outcome:
        """One record per document.

        Columns: id, tokens, bytes and words (all of what is scored), nll (in nats), windows, first_ids (the first
        tokens that the model read), unscored (why there is no likelihood), tokenizer, group.<name>; under attack also
        edited (the share of characters that were changed), candidates, and noise_nats (how unlikely the changes were,
        where the noise can tell and only one was drawn). Of several candidates the one with the most nats per byte
        counts. Where noise replaces characters, bytes are those of the clean text, so that letters that take more
        bytes do not make each of them cheaper.
        """
        self._check_model(model)
        texts, unreadable = _texts(data)
        with left_unchanged(model):
            candidates = rewritten(model, attack, TextBatch(list(data.ids), texts, [None] * len(texts)), ctx)
            documents = [[self._document(model, text) for text in each] for each in candidates]
            flat = [document for each in documents for document in each if isinstance(document, _Document)]
            scored = self._scored(model, flat, ctx)
        rows: list[dict[str, Any]] = []
        position = 0
        for row, rewrites in enumerate(documents):
            scorable = [document for document in rewrites if isinstance(document, _Document)]
            reason = unreadable[row] or next((document for document in rewrites if isinstance(document, str)), "")
            if reason:
                position += len(scorable)
                rows.append({"unscored": reason})
                continue
            nll = [float(-values.sum()) for values in scored[position : position + len(scorable)]]
            position += len(scorable)
            sizes = [_per_clean_byte(_scored_size(model, each), texts[row], each.text) for each in scorable]
            worst = int(np.argmax([value / size.bytes for value, size in zip(nll, sizes, strict=True)]))
            rows.append(self._row(scorable[worst], nll[worst], sizes[worst]))
            if attack is not None:
                edited = edited_share(texts[row], scorable[worst].text)
                rows[-1] |= {"edited": edited, "candidates": len(scorable)}
                rows[-1]["noise_nats"] = _information(attack, texts[row], [each.text for each in scorable])
        names = _COLUMNS if attack is None else (*_COLUMNS, *_COLUMNS_OF_ATTACK)
        columns: dict[str, Any] = {"id": list(data.ids), **{name: [row.get(name) for row in rows] for name in names}}
        groups = {f"group.{name}": list(column) for name, column in data.groups.items()}
        not_finite = [name for name, value in zip(data.ids, columns["nll"], strict=True) if not _is_finite(value)]
        if not_finite:
            columns["nll"] = [value if _is_finite(value) else None for value in columns["nll"]]
        return Outcome(
            {**columns, "tokenizer": [model.tokenizer] * len(data.ids), **groups},
            protocol={
                "window": self._window,
                "stride": self._stride,
                "bos": self._bos,
                "precision": precision_of(model),
                **{name: data.facts[name] for name in _FACTS if name in data.facts},
            },
            cost={"tokens_read": float(np.mean([sum(w.length for w in self._windows(d)) for d in flat] or [0]))},
            problems=problems_of(not_finite, len(data.ids), first="document "),
        )

    def _check_model(self, model: LanguageModel) -> None:
        if model.window is not None and self._window > model.window:
            raise NotApplicable(f"the model reads at most {model.window} tokens, the task's window is {self._window}")
        if self._bos == "start" and model.bos is None:
            raise NotApplicable("the tokenizer has no start token; with `bos: none` the first token is not scored")

    def _document(self, model: LanguageModel, text: str) -> _Document | str:
        """The document, or the reason why it cannot be scored."""
        if not text:
            return "empty"
        tokens = list(model.encode(text))
        if model.bos is not None and model.bos in tokens:
            return "the text holds the start token"
        if reason := unknown_token(model, tokens):
            return reason
        document = _Document(text, ([model.bos] if self._bos == "start" and model.bos is not None else []) + tokens, 1)
        return document if document.scored > 0 else "too short"

    def _windows(self, document: _Document) -> list[Window]:
        """Windows that score each token once."""
        tokens, end = document.tokens, min(len(document.tokens), self._window + 1)
        windows = [Window(tokens[:end], document.first)]
        while end < len(tokens):
            start, end = end, min(end + self._stride, len(tokens))
            before = max(0, end - self._window - 1)
            windows.append(Window(tokens[before:end], start - before))
        return windows

    def _row(self, document: _Document, nll: float, size: _Size) -> dict[str, Any]:
        """The record of a document, without what an attack adds."""
        return {
            "tokens": document.scored,
            "bytes": size.bytes,
            "words": size.words,
            "nll": nll,
            "windows": len(self._windows(document)),
            "first_ids": " ".join(str(token) for token in document.tokens[:_FIRST_IDS]),
        }

    def _scored(self, model: LanguageModel, documents: Sequence[_Document], ctx: Context) -> list[Any]:
        """The log-likelihood of every scored token of each document."""
        windows = [self._windows(document) for document in documents]
        scores = iter(log_likelihoods(model, [window for own in windows for window in own], ctx))
        return [np.concatenate([next(scores) for _ in own]) for own in windows]


def _texts(data: Dataset) -> tuple[list[str], list[str]]:
    """The texts, and for each the reason why it is not valid, or an empty string. Raises InvalidOutput."""
    columns = data.take(range(len(data.ids)))
    if "texts" not in columns:
        raise InvalidOutput(f"the dataset lacks the column 'texts'; it has {', '.join(columns)}")
    texts, reasons = [], []
    for text in columns["texts"]:
        try:
            decoded = text.decode() if isinstance(text, bytes) else str(text)
            decoded.encode()
        except UnicodeDecodeError as error:
            decoded, reason = "", f"no UTF-8 at byte {error.start}"
        except UnicodeEncodeError as error:
            # Half of a surrogate pair, as JSON can spell it.
            decoded, reason = "", f"no UTF-8 at character {error.start}"
        else:
            reason = ""
        texts.append(decoded)
        reasons.append(reason)
    return texts, reasons


def rewritten(model: LanguageModel, attack: TextAttack | None, batch: TextBatch, ctx: Context) -> list[list[str]]:
    """The texts that replace each text under attack. Raises InvalidOutput if the attack returns something else."""
    if attack is None:
        return [[text] for text in batch.texts]
    with seeded(ctx.derive_seed("attack"), ctx.device):
        returned = attack.rewrite(model, batch, ctx)
    name = type(attack).__name__
    if len(returned) != len(batch):
        raise InvalidOutput(f"attack {name} returned {len(returned)} lists of texts for {len(batch)} texts")
    for example, candidates in zip(batch.ids, returned, strict=True):
        if isinstance(candidates, str) or not candidates or not all(isinstance(text, str) for text in candidates):
            raise InvalidOutput(f"attack {name} must return one or more texts for {example!r}, not {candidates!r:.80}")
    return [list(candidates) for candidates in returned]


def _information(attack: TextAttack, clean: str, noisy: Sequence[str]) -> float | None:
    """How unlikely the changes were, in nats; None for an attack that cannot tell, or that chose among several."""
    if not isinstance(attack, Informed) or len(noisy) != 1 or attack.draws != 1:
        return None
    return attack.information(clean, noisy[0])


def _per_clean_byte(size: _Size, clean: str, noisy: str) -> _Size:
    """The size with the bytes of the clean text, where every character of the noisy one stands for one of it."""
    if len(clean) != len(noisy):
        return size
    return replace(size, bytes=size.bytes + len(clean.encode()) - len(noisy.encode()))


def _scored_size(model: LanguageModel, document: _Document) -> _Size:
    """The size of the scored part of the text: all but the tokens that are only read."""
    unscored = document.tokens[: document.first]
    if model.bos is not None and list(unscored) == [model.bos]:
        return _Size(len(document.text.encode()), len(document.text.split()))
    before = model.decode(unscored)
    if document.text.startswith(before):
        rest = document.text.removeprefix(before)
        return _Size(len(rest.encode()), len(rest.split()))
    # The first token ends within a character, of which each byte that is left is read as one U+FFFD.
    rest = model.decode(document.tokens[document.first :])
    clean = rest.lstrip("\ufffd")
    return _Size(len(rest) - len(clean) + len(clean.encode()), len(rest.split()))


def _is_finite(value: Any) -> bool:
    return value is None or bool(np.isfinite(value))
