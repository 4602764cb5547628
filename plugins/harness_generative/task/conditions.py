"""Conditions: what each sample is asked to show, by the rows of the reference data or as given samples say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from harness.api import Conditional, Context, Dataset, GivenSamples, InvalidOutput, NotApplicable

Asked = Literal["prompts", "classes", "nothing"]
UNKNOWN = "not known"
"""What samples made elsewhere were asked for, where they do not say."""
_SHOWN = 5
_COLUMNS: dict[str, str] = {"prompts": "prompts", "classes": "labels"}


@dataclass(frozen=True)
class Conditions:
    """The conditions of each sample.

    Attributes:
        asked_for: "prompts", "classes" or "nothing", or `UNKNOWN` for samples made elsewhere.
        values: classes or prompts as the model takes them; None if it is asked for nothing.
        texts: in words, or None.
        classes: `[n]` the class that is asked for, or None.
        groups: group columns of the reference rows that were asked for.
    """

    asked_for: str
    values: Sequence[Any] | None
    texts: list[str | None]
    classes: list[int | None]
    groups: dict[str, list[Any]]

    @classmethod
    def nothing(cls, n: int, asked_for: str = "nothing") -> Conditions:
        """The conditions of n samples that are drawn unconditionally."""
        return cls(asked_for, None, [None] * n, [None] * n, {})

    @classmethod
    def of(cls, model: object, data: Dataset, n: int, ask_for: Asked | None = None) -> Conditions:
        """The conditions of n samples, row by row of the reference data.

        Args:
            model: asked only if it is `Conditional`; `GivenSamples` say themselves what they were asked for.
            data: prompts where it has a column `prompts`, else classes where it has `labels`.
            n: how many; the rows are gone through again where there are more.
            ask_for: what else to ask for.

        Raises:
            InvalidOutput: the data lack what is to be asked for, or the names of its classes.
            NotApplicable: a model without conditions is to be asked.
        """
        rows = [i % len(data.ids) for i in range(n)]
        columns = data.take(rows)
        if isinstance(model, GivenSamples):
            return _given(model, data, n, columns)
        asked = _choice(columns, ask_for)
        if not isinstance(model, Conditional):
            _check_unasked(asked, ask_for)
            return cls.nothing(n)
        if asked == "nothing":
            return cls.nothing(n)
        labels = [int(label) for label in columns["labels"]] if "labels" in columns else None
        groups = {f"group.{name}": [column[i] for i in rows] for name, column in data.groups.items()}
        if asked == "prompts":
            prompts = [str(prompt) for prompt in columns["prompts"]]
            return cls(asked, prompts, list(prompts), [None] * n if labels is None else list(labels), groups)
        names, labels = _class_names(data), labels or []
        return cls(asked, labels, [str(names[label]) for label in labels], list(labels), groups)

    def encoded(self, model: Any, rows: Sequence[int], ctx: Context) -> Tensor | None:
        """The conditions of these samples as the model encodes them; None if it is asked for nothing.

        Raises:
            NotApplicable: the model does not take such conditions.
            InvalidOutput: it encodes them as something else than one row for each.
        """
        if self.values is None:
            return None
        values = [self.values[i] for i in rows]
        try:
            encoded = model.encode_conditions(values)
        except (TypeError, ValueError) as error:
            raise NotApplicable(
                f"the model cannot encode {self.asked_for} such as {values[0]!r}: {error}; set `ask_for` of the task "
                "to what it can be asked for"
            ) from error
        if not isinstance(encoded, Tensor) or len(encoded) != len(values):
            raise InvalidOutput(f"the model encoded {len(values)} conditions as {type(encoded).__name__}, not [n, ...]")
        return encoded.to(ctx.device)


def _choice(columns: Any, ask_for: Asked | None) -> Asked:
    """What a model that can be asked is asked for."""
    if ask_for is None:
        return "prompts" if "prompts" in columns else "classes" if "labels" in columns else "nothing"
    if ask_for != "nothing" and _COLUMNS[ask_for] not in columns:
        raise InvalidOutput(
            f"`ask_for: {ask_for}` needs a column {_COLUMNS[ask_for]!r}; the reference data have {', '.join(columns)}"
        )
    return ask_for


def _check_unasked(asked: Asked, ask_for: Asked | None) -> None:
    """Check that a model without conditions may be drawn from: data of prompts are no data for it."""
    if asked == "prompts" or (ask_for is not None and asked != "nothing"):
        raise NotApplicable(
            f"the reference data ask for {asked}, and this model takes none (it has no `encode_conditions`); "
            "set `ask_for: nothing` of the task to draw it unconditionally"
        )


def _given(model: GivenSamples, data: Dataset, n: int, columns: Any) -> Conditions:
    labels = model.given_conditions(range(n))
    if "prompts" in columns and "inputs" not in columns:
        return _in_order(data, n, columns)
    if labels is None:
        askable = any(name in columns for name in _COLUMNS.values())
        return Conditions.nothing(n, UNKNOWN if askable else "nothing")
    if "classes" not in data.facts:
        return Conditions.nothing(n)
    names = [str(name) for name in data.facts["classes"]]
    numbers = [_number_of(label, names, row) for row, label in enumerate(labels)]
    return Conditions("classes", None, [names[number] for number in numbers], list(numbers), {})


def _in_order(data: Dataset, n: int, columns: Any) -> Conditions:
    """Samples made elsewhere for a list of prompts without a reference, in its order. Raises InvalidOutput."""
    if n != len(data.ids):
        raise InvalidOutput(
            f"{n} samples were given for {len(data.ids)} prompts; give one for each in their order, or say how many "
            "`images` there are for each prompt"
        )
    prompts = [str(prompt) for prompt in columns["prompts"]]
    groups = {f"group.{name}": list(column) for name, column in data.groups.items()}
    return Conditions("prompts", prompts, list(prompts), [None] * n, groups)


def _number_of(label: int | str, names: Sequence[str], row: int) -> int:
    """The number of a class that a given sample was made for. Raises InvalidOutput if the data have no such class."""
    if isinstance(label, str) and label in names:
        return names.index(label)
    if not isinstance(label, str) and 0 <= label < len(names):
        return int(label)
    classes = f"0 to {len(names) - 1}" if not isinstance(label, str) else ", ".join(names[:_SHOWN])
    raise InvalidOutput(
        f"sample-{row:05d} was made for class {label}, but the reference data have {len(names)} "
        f"classes, {classes}; give the samples labels of these classes, or none"
    )


def _class_names(data: Dataset) -> Sequence[Any]:
    names: Sequence[Any] = data.facts.get("classes", ())
    if not len(names):
        raise InvalidOutput("samples are asked for classes, but the reference data lack the fact 'classes'")
    return names
