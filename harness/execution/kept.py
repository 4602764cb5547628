"""What a builder has made: whose instance it is, whether it is as it was made, and what is kept for the next cells.

Every component has instances of its own of what it wraps. So a wrapper that changes what it is given, by fine-tuning or
pruning it, changes nothing else. When the cell has ended, what is unchanged is kept, and given again to whoever needs
it, also out of a wrapper, which is then made anew: a large model lies in memory once, not once for each wrapper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.contract.components import Kind
from harness.execution.data_digest import data_facts, held_facts
from harness.instruments.object_state import ATTRIBUTES, ObjectState, in_words
from harness.isolation import Fault, isolated

Key = tuple[str, int]
"""The identity of a component and the seed that it was made under."""

MAX_KEPT = 8
_KEPT_KINDS: tuple[Kind, ...] = ("model", "dataset", "extractor", "task")
"""All others are cheap to make, and are made anew for each cell."""


@dataclass
class Built:
    """A component as it was made.

    Attributes:
        key: what it is.
        kind: its kind.
        label: what messages call it.
        thing: the component.
        weights: the stored weights that it and its parts were given.
        parts: the components that it was given, which are its own.
        is_measured: whether it is a component of the cell itself, and not only data that a model was fitted to.
        state: how it was when it was made; of a dataset the digests of its examples.
    """

    key: Key
    kind: Kind
    label: str
    thing: Any
    weights: tuple[Any, ...] = ()
    parts: tuple[Built, ...] = ()
    is_measured: bool = False
    state: ObjectState | Mapping[str, Any] = field(init=False)
    _held: Mapping[str, Any] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.state = self._state()
        self._held = held_facts(self.thing) if self.kind == "dataset" else None

    def _state(self) -> ObjectState | Mapping[str, Any]:
        return data_facts(self.thing) if self.kind == "dataset" else ObjectState.of(self.thing)

    def _held_now(self) -> Mapping[str, Any]:
        return held_facts(self.thing) or {}

    @property
    def digests(self) -> Mapping[str, Any]:
        """The digests of the examples of a dataset; empty for any other component."""
        return {} if isinstance(self.state, ObjectState) else self.state

    def changes(self) -> dict[str, list[str]]:
        """What differs from when it was made: the places by kind."""
        now = isolated(self._state if self._held is None else self._held_now)
        if isinstance(now, Fault):
            return {f"what cannot be read any more, {now.reason}": []}
        if isinstance(self.state, ObjectState) and isinstance(now, ObjectState):
            return self.state.changes(now)
        return {} if now == (self.state if self._held is None else self._held) else {"examples": []}

    def named(self) -> str:
        """Its kind and label."""
        return f"{self.kind} {self.label}"

    def within(self) -> list[Built]:
        """It, its parts, and theirs."""
        return [self, *(deeper for part in self.parts for deeper in part.within())]


class KeptComponents:
    """The components of the cell that runs, and those of earlier cells that are still as they were made."""

    def __init__(self) -> None:
        self._used: list[Built] = []
        self._free: list[Built] = []

    def used(self, key: Key) -> Built | None:
        """The component of the cell itself, or of one of its components, with this key."""
        own = [built for built in self._used if built.key == key]
        return next(iter(own or [deep for built in self._used for deep in built.within() if deep.key == key]), None)

    def own(self, key: Key, make: Callable[[], Built]) -> Built:
        """The instance of the cell itself, the same at every call: used already, kept, or made."""
        built = next((built for built in self._used if built.key == key), None)
        if built is None:
            built = self.take(key) or make()
            self._used.append(built)
        return built

    def take(self, key: Key) -> Built | None:
        """Hand over an instance that no component of the cell has; None if none is kept as it was made."""
        for number, kept in enumerate(self._free):
            if any(deeper.key == key for deeper in kept.within()):
                # What wraps it goes, since nothing may be in two hands; the other parts stay.
                del self._free[number]
                self._free[number:number] = [] if kept.key == key else _unchanged(kept.parts)
                return kept if kept.key == key else self.take(key)
        return None

    def renew(self, built: Built) -> None:
        """Forget a component of the cell, since it was changed."""
        self._used = [each for each in self._used if each is not built]

    def end_cell(self) -> list[str]:
        """Keep what is as it was made; say in words what of the models, data and tasks of the cell was changed."""
        left = []
        for built in self._used:
            changed = built.changes() if built.kind in _KEPT_KINDS else {}
            # Attributes of its own, such as a counter, are a model's own affair: it is made anew, and no more.
            serious = {kind: places for kind, places in changed.items() if kind != ATTRIBUTES}
            if serious and built.is_measured:
                left.append(f"{built.named()}: {in_words(serious)}")
            built.is_measured = False
            is_kept = built.kind in _KEPT_KINDS and not changed
            self._free += [built] if is_kept else _unchanged(built.parts)
        self._used = []
        del self._free[:-MAX_KEPT]
        return left

    def forget(self) -> None:
        """Drop all, since a cell that went wrong may have changed it."""
        self._used, self._free = [], []


def _unchanged(parts: tuple[Built, ...]) -> list[Built]:
    """The parts that can be kept without what wraps them; of one that was changed, its own parts."""
    kept: list[Built] = []
    for part in parts:
        kept += [part] if part.kind in _KEPT_KINDS and not part.changes() else _unchanged(part.parts)
    return kept
