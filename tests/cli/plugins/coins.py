"""A plugin whose numbers are known: coins that fall heads up as often as they are told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np

from harness.api import Component, Context, Dataset, Estimate, Examples, Outcome, Records, hookimpl, proportion


@hookimpl
def harness_components() -> Iterable[Component]:
    return [
        Component("task", "toss", f"{__name__}:Toss", "Tosses a coin once for each of the data."),
        Component("dataset", "throws", f"{__name__}:throws", "So many throws."),
        Component("model", "coin", f"{__name__}:Coin", "A coin."),
        Component("attack", "wind", f"{__name__}:Wind", "Blows coins over."),
        Component("metric", "heads", f"{__name__}:Heads", "Share of heads."),
    ]


def throws(n: int = 10) -> Examples:
    """So many throws.

    Args:
        n: how many.
    """
    return Examples(
        [f"throw-{i}" for i in range(n)], {"number": np.arange(n)}, groups={"half": [i < n / 2 for i in range(n)]}
    )


class Coin:
    """A coin.

    Args:
        heads: how many of the first throws are heads.
        metal: what it is made of.
    """

    def __init__(self, heads: int, metal: Literal["gold", "tin"] = "tin") -> None:
        self.heads = heads

    def toss(self) -> None:
        return None


class Wind:
    """Blows coins over.

    Args:
        how: gently turns one head, hard breaks the cell, oddly leaves a doubt.
    """

    def __init__(self, how: Literal["gently", "hard", "oddly"] = "gently") -> None:
        self.how = how


class Toss:
    """Tosses a coin once for each of the data."""

    def run(self, model: Coin, data: Dataset, attack: Wind | None = None, *, ctx: Context) -> Outcome:
        print(f"tossing {len(data.ids)} times")
        how = attack.how if attack else ""
        if how == "hard":
            raise ValueError("the coin is [gone]")
        heads = np.arange(len(data.ids)) < model.heads - (how == "gently")
        ctx.progress(len(data.ids), len(data.ids))
        doubts = ("still air: no coin moved",) if how == "oddly" else ()
        return Outcome({"id": list(data.ids), "heads": heads}, {"wind": how}, {"passes": 1.0}, doubts=doubts)


class Heads:
    """Share of heads."""

    columns = ("heads",)
    direction = "max"
    unit = "fraction"

    def estimate(self, records: Records) -> Estimate:
        return proportion(int(records["heads"].sum()), len(records))
