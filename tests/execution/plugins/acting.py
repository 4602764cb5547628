"""A plugin whose cells are quick and do what their parameters say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from harness.api import Component, Context, Dataset, Examples, InvalidOutput, NotApplicable, Outcome, hookimpl


@hookimpl
def harness_components() -> Iterable[Component]:
    return [
        Component("task", "act", f"{__name__}:Act", "Does what it is told."),
        Component("dataset", "numbers", f"{__name__}:numbers", "The numbers from 0."),
        Component("dataset", "broken", f"{__name__}:Broken", "Data that break a rule."),
        Component("model", "drawn", f"{__name__}:Drawn", "Draws its weight when it is made."),
        Component("model", "fitted", f"{__name__}:Fitted", "Adds up what it is fitted to."),
        Component("model", "threaded", f"{__name__}:Threaded", "Counts threads."),
        Component("model", "several", f"{__name__}:Several", "Holds other models."),
        Component("attack", "asking", f"{__name__}:Asking", "Needs a model with a gift."),
    ]


def numbers(
    n: int = 4,
    add: float = 0.0,
    last: float = 0.0,
    groups: str = "",
    column: str = "number",
    fact: str = "",
    split: str = "test",
) -> Examples:
    """The numbers from 0, from 10 for training.

    Args:
        n: how many.
        add: added to each.
        last: added to the last.
        groups: a letter for each example; one group column called `letter`, or what stands before a colon.
        column: what the numbers are called.
        fact: a fact of the data.
        split: which part.
    """
    name, _, letters = groups.rpartition(":")
    values = np.arange(n, dtype=np.float64) + add + (10 if split == "train" else 0)
    values[-1] += last
    return Examples(
        [f"{split}-{i}" for i in range(n)],
        {column: values},
        groups={name or "letter": list(letters)} if letters else {},
        facts={"fact": fact} if fact else {},
    )


class Broken:
    """Data that break a rule.

    Args:
        how: which.
    """

    groups: Mapping[str, Any] = {}

    def __init__(self, how: str) -> None:
        if how != "no ids":
            self.ids = {"empty": [], "twice": ["a", "a"], "numbers": [1, 2]}.get(how, ["a"])
        self.facts = {"count of classes": {"classes": 10}, "text of classes": {"classes": "ab"}}.get(how, {})

    def take(self, indices: Any) -> Mapping[str, Any]:
        return {}


class Drawn(nn.Module):
    """Draws its weight when it is made.

    Args:
        facts: what it says of itself.
    """

    def __init__(self, facts: str = "") -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(1))
        self.facts: Any = {"said": float("nan")} if facts == "nan" else {"said": facts} if facts else {}


class Fitted(Drawn):
    """Adds up what it is fitted to.

    Args:
        to: the split.
        factor: of the sum.
    """

    fits = 0

    def __init__(self, to: str = "train", factor: float = 1.0) -> None:
        super().__init__()
        self.to_split, self.factor = to, factor
        self.register_buffer("total", torch.zeros(1, dtype=torch.float64))

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        type(self).fits += 1
        assert self.training
        assert self.weight.requires_grad
        part = data(self.to_split)
        self.total.fill_(self.factor * float(part.take(range(len(part.ids)))["number"].sum()))
        ctx.progress(1, 1)


class Threaded(Drawn):
    """Learns how many threads torch has while it is made and while it is fitted."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("counts", torch.tensor([torch.get_num_threads(), 0]))

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Count again."""
        self.counts[1] = torch.get_num_threads()


class Several(nn.Module):
    """Holds other models; built by hand, since what it takes is said by its use."""

    def __init__(self, models: Any) -> None:
        super().__init__()
        self.models = models


class Gifted(Protocol):
    """Has a gift."""

    def gift(self) -> None: ...


class Asking:
    """Needs a model with a gift."""

    def perturb(self, model: Gifted) -> None:
        return None


class Act:
    """Does what it is told.

    Args:
        how: what.
    """

    def __init__(self, how: str = "") -> None:
        self.how = how

    def run(self, data: Dataset, model: object | None = None, attack: object | None = None, *, ctx: Context) -> Outcome:
        print(f"acting: {self.how}")
        ctx.progress(1, 2)
        values = data.take(range(len(data.ids)))
        drawn = ctx.uniform(data.ids, (), "value").double().numpy()
        records = {"id": list(data.ids), "value": next(iter(values.values())) + drawn}
        match self.how:
            case "raise":
                raise ValueError("a bug of\nthe plugin")
            case "memory":
                raise MemoryError
            case "invalid":
                raise InvalidOutput("broke a rule")
            case "not applicable":
                raise NotApplicable("does not fit")
            case "no outcome":
                return records  # type: ignore[return-value]
            case "problem":
                return Outcome(records, problems=("one", "two"), doubts=("three: it",))
            case "doubt":
                return Outcome(records, doubts=("three: it", "four: it"))
            case "cost":
                return Outcome(records, cost={"effort": np.float32(1.5)})  # type: ignore[dict-item]
            case "cost n" | "cost status" | "cost model" | "cost total_high" | "cost cost_flops":
                return Outcome(records, cost={self.how.split()[1]: 1.0})
            case "half":
                return Outcome({name: column[:2] for name, column in records.items()})
            case "half and says":
                half = {name: column[:2] for name, column in records.items()}
                return Outcome(half, missing={"too long": data.ids[2:3], "too short": data.ids[3:]})
            case "half and says some":
                half = {name: column[:2] for name, column in records.items()}
                return Outcome(half, missing={"too long": data.ids[2:3]})
            case "all and says":
                return Outcome(records, missing={"too long": data.ids[:1]})
            case "others":
                return Outcome({**records, "id": [f"other-{name}" for name in data.ids]})
            case "more":
                return Outcome({"id": [*data.ids, "more"]})
            case "another order":
                return Outcome({name: column[::-1] for name, column in records.items()})
            case "samples":
                self.records_of = "samples"
                return Outcome({"id": ["sample-0"]})
            case "bad cost":
                return Outcome(records, cost={"effort": float("inf")})
            case "artifacts":
                return Outcome(records, artifacts={"grid": np.arange(3), "note.txt": b"hello"})
            case "bad artifact":
                return Outcome(records, artifacts={"../grid": np.arange(3)})
            case "nan":
                return Outcome({**records, "value": np.full(len(data.ids), np.nan)})
            case "scratch":
                (ctx.scratch / "note").write_text("temporary")
            case "fitted to":
                found = {name: list(part.ids) for name, part in ctx.fitted_to().items()}
                return Outcome(records, protocol={"fitted to": found})
            case "child":
                child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
                return Outcome({**records, "pid": [child.pid] * len(data.ids)})
            case "stdin":
                return Outcome({**records, "read": [sys.stdin.read()] * len(data.ids)})
            case "process":
                return Outcome({**records, "pid": [os.getpid()] * len(data.ids)})
            case "killed":
                os.kill(os.getpid(), signal.SIGKILL)
        return Outcome(records)
