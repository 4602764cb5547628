"""The variants of an entry: what is swept, what is drawn, and how labels tell them apart."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.contract.cells import Use
from harness.suite.located import Path_
from harness.suite.patterns import float_in_label

DRAW = "draw"
"""What labels call the number of a draw."""


@dataclass(frozen=True)
class Variant:
    """A value, such as a component, and what tells it from its siblings.

    Attributes:
        value: the value.
        words: what varies, by the names of the parameters on the way with dots between, to its short text.
    """

    value: Any
    words: Mapping[str, str] = field(default_factory=dict)

    def under(self, name: str) -> Variant:
        """The variant as a part of a component: in the parameter `name`."""
        return Variant(self.value, {f"{name}.{path}": text for path, text in self.words.items()})


@dataclass(frozen=True)
class Choice:
    """The parameters that an entry gives, in one combination of what is swept and drawn.

    Attributes:
        given: all of them.
        swept, drawn: the names of those that are swept and drawn.
        draw: the number of the draw; None without draws.
    """

    given: Mapping[str, Any]
    swept: tuple[str, ...] = ()
    drawn: tuple[str, ...] = ()
    draw: int | None = None

    def place(self, name: str) -> Path_:
        """Where a parameter stands in its entry."""
        return ("draws", "from", name) if name in self.drawn else ("sweep" if name in self.swept else "with", name)

    def words(self, values: Mapping[str, Any], variant: str) -> dict[str, str]:
        """What tells this choice from the others; the parameter `variant` is left out, since it stands elsewhere."""
        words = {name: short(values[name]) for name in self.swept if name != variant}
        return words if self.draw is None else {**words, DRAW: str(self.draw)}


def choices(
    parameters: Mapping[str, Any], sweep: Mapping[str, Sequence[Any]], draws: Sequence[Mapping[str, Any] | None]
) -> Iterator[Choice]:
    """Yield every combination of the values of a sweep with every draw; [None] stands for no draws."""
    for values in itertools.product(*sweep.values()):
        swept = dict(zip(sweep, values, strict=True))
        for number, drawn in enumerate(draws):
            given = {**parameters, **swept, **(drawn or {})}
            yield Choice(given, tuple(swept), tuple(drawn or ()), None if drawn is None else number)


def product_of(options: Mapping[str, Sequence[Variant]]) -> Iterator[Variant]:
    """Yield every combination of the values of parameters, as a mapping of names to values."""
    for combination in itertools.product(*options.values()):
        words = {path: text for variant in combination for path, text in variant.words.items()}
        yield Variant({name: variant.value for name, variant in zip(options, combination, strict=True)}, words)


def labelled(base: str, words: Mapping[str, str]) -> str:
    """Return a label with what varies, such as "mlp width=64 n=100".

    A parameter of a part is called by its own name, and by the whole path where two would be called alike.
    """
    times = Counter(path.rpartition(".")[2] for path in words)
    names = {path: name if times[name := path.rpartition(".")[2]] == 1 else path for path in words}
    return " ".join([base, *(f"{names[path]}={text}" for path, text in words.items())])


def short(value: Any) -> str:
    """Return a value as labels have it: numbers shortly, components by their labels."""
    if isinstance(value, Use):
        return value.label
    return float_in_label(value) if isinstance(value, float) else str(value)
