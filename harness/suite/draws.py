"""Random search: values of parameters drawn from a declared space, the same on every machine."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.contract.cells import Use, digest
from harness.suite.schema import DrawsEntry, RangeEntry
from harness.suite.variants import DRAW, short

_DRAW = re.compile(rf" {DRAW}=\d+(?= |$)")
_DIGITS = 4
_BITS = 52


def drawn_values(draws: DrawsEntry, component: str) -> Iterator[dict[str, Any]]:
    """Yield the parameters of each draw.

    A value follows from the seed, the names of component and parameter, and the number of the draw alone. So the first
    draws stay when `n` grows, and the values of one parameter stay when another joins the space. Numbers are rounded to
    4 significant digits (those of `uniform` to 4 of the width of the range), so that no last bit of a logarithm decides
    about a key.

    Args:
        draws: how many, and of which space.
        component: the name of the component, as recorded.
    """
    for draw in range(draws.n):
        yield {
            name: value_at(values, _uniform(draws.seed, component, name, draw)) for name, values in draws.space.items()
        }


def value_at(values: RangeEntry, share: float) -> Any:
    """Return the value below which this share of the distribution lies, `share` being in [0, 1)."""
    kind, ends = values.asked
    if kind == "choice":
        return ends[int(share * len(ends))]
    low, high = ends
    if kind in ("integer", "log_integer"):
        # Each whole number has the interval up to the next, so the last is as likely as its width says.
        position = _between(low, high + 1, share, logarithmic=kind == "log_integer")
        return min(max(math.floor(position), low), high)
    position = _between(low, high, share, logarithmic=kind == "log_uniform")
    scale = position if kind == "log_uniform" else high - low
    return min(max(round(position, _DIGITS - 1 - math.floor(math.log10(scale))), float(low)), float(high))


def drawn_parameters(components: Iterable[Iterable[Use | None]]) -> dict[str, dict[str, Any]]:
    """Return the parameters that were drawn for each draw, by its label: those in which draws of one entry differ.

    Args:
        components: those of every cell.
    """
    families: dict[str, dict[str, Use]] = {}
    for use in (use for of_cell in components for use in of_cell if use and _DRAW.search(use.label)):
        families.setdefault(_DRAW.sub("", use.label), {})[use.label] = use
    drawn = {}
    for family in families.values():
        values = {name: {short(use.parameters.get(name)) for use in family.values()} for name in _names(family)}
        for label, use in family.items():
            drawn[label] = {name: use.parameters[name] for name in values if len(values[name]) > 1}
    return {label: parameters for label, parameters in drawn.items() if parameters}


def _names(family: Mapping[str, Use]) -> list[str]:
    """The parameters that all have."""
    first, *others = family.values()
    return [name for name in first.parameters if all(name in use.parameters for use in others)]


def _between(low: float, high: float, share: float, *, logarithmic: bool) -> float:
    if logarithmic:
        return math.exp(_between(math.log(low), math.log(high), share, logarithmic=False))
    return low + share * (high - low)


def _uniform(seed: int, component: str, name: str, draw: int) -> float:
    """A number in [0, 1) that is drawn by hash."""
    bits = int(digest(["draws", seed, component, name, draw])[: _BITS // 4], 16)
    return float(bits / 2**_BITS)
