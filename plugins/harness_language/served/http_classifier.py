"""Classifiers of texts behind a server of any kind that takes JSON and gives scores of classes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Gt

from harness.api import HarnessError, Location, Uncounted, UsageError
from harness_language.served.failures import Broken
from harness_language.served.keys import checked_url
from harness_language.served.persistence import Patience
from harness_language.served.service import Answer, Request, Service

if TYPE_CHECKING:
    from torch import Tensor

_LEAST = 1e-12
"""A class without a probability has this one, since logits are finite."""


class HTTPClassifier:
    """A classifier of texts behind a server, which is sent one text at a time and answers with a score for each class.

    The scores are a list of numbers in the order of `classes`, or a list of objects with `label` and `score`, as
    servers of the transformers library give them; either may be the only item of a list. Answers are kept on the disk,
    and the key of a server is bound to its host by the user's configuration, as for `openai_compatible`.

    Args:
        url: the address that texts are sent to.
        classes: the names of the classes.
        version: what you know of the version of the model; raise it to have all asked anew.
        field: the field of a request that holds the text.
        outputs: where the scores stand in an answer: names of fields parted by dots; by default it is the scores.
        scores: whether they are "probabilities" or "logits".
        parameters: further fields of each request.
        connections: how many requests to make at a time.
        deadline: seconds until an answer must be there.
        retries: how often to ask again where the server fails.
        patience: seconds to go on without any answer, while a server throttles or is away.
        cache: the folder of kept answers; by default one in the user's cache.
    """

    def __init__(
        self,
        url: str,
        classes: Sequence[str],
        version: str = "",
        field: str = "inputs",
        outputs: str = "",
        scores: Literal["probabilities", "logits"] = "probabilities",
        parameters: dict[str, Any] | None = None,
        connections: Annotated[int, Ge(1), Uncounted()] = 16,
        deadline: Annotated[float, Gt(0), Uncounted()] = 120.0,
        retries: Annotated[int, Ge(0), Uncounted()] = 6,
        patience: Annotated[float, Gt(0), Uncounted()] = 600.0,
        cache: Location | None = None,
    ) -> None:
        if len(set(classes)) != len(classes) or len(classes) < 2:
            raise UsageError(f"`classes` must be two or more different names, not {list(classes)}")
        self.class_names: Sequence[str] | None = list(classes)
        self._classes, self._field, self._scores = list(classes), field, scores
        self._outputs = outputs.split(".") if outputs else []
        self._parameters = dict(parameters or {})
        self._service = Service(
            checked_url(url),
            {"version": version},
            "classifier",
            connections,
            deadline,
            Patience(retries, patience),
            Path(cache) if cache else None,
        )

    def classify(self, texts: Sequence[str], batch_size: int) -> tuple[Tensor, Sequence[bool]]:
        """Logits `[n, classes]`; what the server cuts is not known.

        Raises:
            HarnessError: the server gives no scores for a text.
        """
        import torch

        logits = torch.zeros(len(texts), len(self._classes))
        requests = (Request({**self._parameters, self._field: text}) for text in texts)
        for number, answer in self._service.ask(requests, self._read):
            if answer.refused:
                raise HarnessError(f"text {number + 1} has no class: {answer.refused}")
            logits[number] = torch.tensor(self._logits(answer.content))
        return logits, [False] * len(texts)

    def _read(self, raw: Any) -> Answer:
        """The scores of the classes, in their order. Raises Broken."""
        for name in self._outputs:
            raw = raw.get(name) if isinstance(raw, dict) else None
        if isinstance(raw, list) and len(raw) == 1 and isinstance(raw[0], list):
            raw = raw[0]
        if isinstance(raw, list) and raw and all(isinstance(each, dict) for each in raw):
            raw = self._by_label(raw)
        if not isinstance(raw, list) or len(raw) != len(self._classes) or not all(map(_is_number, raw)):
            raise Broken(f"the server gave {str(raw)!r:.80} in place of {len(self._classes)} scores")
        if self._scores == "probabilities" and not all(-1e-6 <= score <= 1 + 1e-6 for score in raw):
            raise Broken(f"the server gave scores that are no probabilities ({raw}); say `scores: logits`"[:200])
        return Answer([float(score) for score in raw])

    def _by_label(self, scored: Sequence[Mapping[str, Any]]) -> list[Any]:
        scores = {str(each.get("label")): each.get("score") for each in scored}
        if set(scores) != set(self._classes):
            raise Broken(f"the server knows the classes {', '.join(sorted(scores))}; `classes` must name these"[:200])
        return [scores[name] for name in self._classes]

    def _logits(self, scores: Sequence[float]) -> list[float]:
        if self._scores == "logits":
            return list(scores)
        return [math.log(max(score, _LEAST)) for score in scores]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
