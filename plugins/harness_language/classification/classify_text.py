"""Classification of texts, clean and with noise: one record per text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.api import (
    Context,
    Dataset,
    InvalidOutput,
    NamedClasses,
    Outcome,
    TextAttack,
    TextBatch,
    TextClassifier,
    shown_facts,
)
from harness.api.instruments import left_unchanged, logit_margin, whole_labels
from harness_language.tasks.edit_distance import edited_share
from harness_language.tasks.score_text import rewritten

_OF_ATTACK = ("success", "robust", "edited", "candidates")
_ADVERSARIAL = tuple(f"adversarial_{what}" for what in ("prediction", "confidence", "margin", "loss"))
_SHOWN = 4


class ClassifyText:
    """Predict a class for every text (column `texts`), clean and, if there is an attack, with noise.

    Of several rewritten texts the one that is worst for the model counts. Texts that the model gets wrong without
    attack are not attacked.

    Data: columns `texts` and `labels` (positions of classes), maybe `groups`; the fact `classes`
    (their names).
    """

    columns: Sequence[str] = (
        *("id", "label", "outcome", "correct", "cut", "group.*"),
        *(f"clean_{what}" for what in ("prediction", "confidence", "margin", "loss")),
    )
    columns_with: Mapping[str, tuple[str, ...]] = {"attack": (*_OF_ATTACK, *_ADVERSARIAL)}

    def run(self, model: TextClassifier, data: Dataset, attack: TextAttack | None, ctx: Context) -> Outcome:
        """One record per text.

        Columns: id, label, outcome (clean_wrong, correct, fooled, robust), correct, cut (whether the text is longer
        than the model reads), clean_prediction, clean_confidence, clean_margin, clean_loss, group.<name>. Under attack
        also success, robust, adversarial_prediction and so on of the rewritten text, edited (the share of characters
        that were changed) and candidates. Without attack the array `logits` `[n, classes]` is kept.
        """
        texts, labels, classes = _examples(data)
        order = _order(model, classes)
        with left_unchanged(model):
            clean, cut = _logits(model, texts, order, ctx)
            correct = clean.argmax(dim=1) == labels
            columns: dict[str, Any] = {
                "id": list(data.ids),
                "label": labels.numpy(),
                "correct": correct.numpy(),
                "cut": cut,
                **_columns("clean", clean, labels),
                **{f"group.{name}": list(members) for name, members in data.groups.items()},
            }
            if attack is None:
                columns["outcome"] = np.where(correct.numpy(), "correct", "clean_wrong")
                artifacts = {"logits": clean.numpy()}
                return Outcome(columns, {"threat": None}, artifacts=artifacts, display=shown_facts(data))
            columns |= self._attacked(model, attack, texts, labels, clean, correct, order, data.ids, ctx)
        return Outcome(columns, {"threat": {"norm": None, "eps": None}}, display=shown_facts(data))

    def _attacked(
        self,
        model: TextClassifier,
        attack: TextAttack,
        texts: Sequence[str],
        labels: Tensor,
        clean: Tensor,
        correct: Tensor,
        order: Sequence[int] | None,
        ids: Sequence[str],
        ctx: Context,
    ) -> dict[str, Any]:
        """The columns that an attack adds."""
        rows = torch.nonzero(correct).flatten().tolist()
        batch = TextBatch([ids[row] for row in rows], [texts[row] for row in rows], [None] * len(rows))
        # Every task of texts passes its model through; noise does not look at it.
        candidates = rewritten(model, attack, batch, ctx)  # type: ignore[arg-type]
        flat = [text for each in candidates for text in each]
        scored, _ = _logits(model, flat, order, ctx) if flat else (clean[:0], [])
        worst = clean.clone()
        edited: list[float | None] = [None] * len(texts)
        number: list[int | None] = [None] * len(texts)
        start = 0
        for row, each in zip(rows, candidates, strict=True):
            own = scored[start : start + len(each)]
            chosen = int(logit_margin(own.double(), labels[row].expand(len(own))).argmin())
            worst[row], edited[row], number[row] = own[chosen], edited_share(texts[row], each[chosen]), len(each)
            start += len(each)
        fooled = correct & (worst.argmax(dim=1) != labels)
        success = [bool(fooled[row]) if correct[row] else None for row in range(len(texts))]
        outcome = np.where(fooled.numpy(), "fooled", np.where(correct.numpy(), "robust", "clean_wrong"))
        return {
            "outcome": outcome,
            "success": success,
            "robust": (correct & ~fooled).numpy(),
            "edited": edited,
            "candidates": number,
            **_columns("adversarial", worst, labels),
        }


def _examples(data: Dataset) -> tuple[list[str], Tensor, list[str]]:
    """Texts, labels and the names of the classes. Raises InvalidOutput."""
    columns = data.take(range(len(data.ids)))
    lacking = [f"column {name!r}" for name in ("texts", "labels") if name not in columns]
    lacking += ["fact 'classes'"] if "classes" not in data.facts else []
    if lacking:
        raise InvalidOutput(f"the dataset lacks {' and '.join(lacking)}, which classification of texts needs")
    wrong = next((i for i, text in enumerate(columns["texts"]) if not isinstance(text, str)), None)
    if wrong is not None:
        raise InvalidOutput(
            f"the text of example {data.ids[wrong]!r} is {type(columns['texts'][wrong]).__name__}, no text"
        )
    labels, classes = whole_labels(columns["labels"]), list(map(str, data.facts["classes"]))
    if int(labels.min()) < 0 or int(labels.max()) >= len(classes):
        raise InvalidOutput(
            f"labels go from {int(labels.min())} to {int(labels.max())}; there are {len(classes)} classes"
        )
    return list(columns["texts"]), labels, classes


def _order(model: TextClassifier, classes: Sequence[str]) -> list[int] | None:
    """Which output of the model is each class of the data, by its name; None where its classes have no names."""
    names = list(model.class_names or ()) if isinstance(model, NamedClasses) else []
    if not names:
        return None
    if sorted(names) != sorted(classes):
        shown = [", ".join(each[:_SHOWN]) + (", ..." if len(each) > _SHOWN else "") for each in (names, list(classes))]
        raise InvalidOutput(
            f"the model has {len(names)} classes ({shown[0]}), the data have {len(classes)} ({shown[1]}): give both "
            "the same names, or say with `classes:` of the model which are its own"
        )
    return [names.index(name) for name in classes]


def _logits(
    model: TextClassifier, texts: Sequence[str], order: Sequence[int] | None, ctx: Context
) -> tuple[Tensor, list[bool]]:
    """Logits in the order of the data, and which texts were cut. Raises InvalidOutput."""
    logits, cut = model.classify(texts, ctx.batch_size)
    if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != len(texts) or len(cut) != len(texts):
        raise InvalidOutput(f"the model returned no logits [{len(texts)}, classes]")
    if not bool(logits.isfinite().all()):
        raise InvalidOutput(f"{int((~logits.isfinite()).any(dim=1).sum())} of {len(texts)} outputs are not finite")
    return logits if order is None else logits[:, list(order)], list(cut)


def _columns(what: str, logits: Tensor, labels: Tensor) -> dict[str, Any]:
    exact = logits.double()
    return {
        f"{what}_prediction": exact.argmax(dim=1).numpy(),
        f"{what}_confidence": exact.softmax(dim=1).amax(dim=1).numpy(),
        f"{what}_margin": logit_margin(exact, labels).numpy(),
        f"{what}_loss": torch.nn.functional.cross_entropy(exact, labels, reduction="none").numpy(),
    }
