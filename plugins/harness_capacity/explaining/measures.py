"""What is measured of the maps of one method, a chunk of examples at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from torch import Tensor

from harness.api import Attribution, Context, ExplainedInputs
from harness.api.instruments import CountedModel, seeded
from harness_capacity.explaining.examples import Examples, Explained, all_logits
from harness_capacity.explaining.infidelity import drawn_parts, infidelity
from harness_capacity.explaining.maps import checked_map, importance, parts_of_logit, positions, ranks
from harness_capacity.explaining.pointing import pointed
from harness_capacity.explaining.randomised import rank_correlation
from harness_capacity.explaining.removal import Baseline, baseline_inputs, removal_areas

Randomised = Literal["none", "all", "cascade"]
CURVES = ("deletion", "insertion")
Values = dict[str, tuple[Tensor, Tensor | None]]
"""Name of a record column to its values `[m]`, and where they are defined; None for everywhere."""


@dataclass(frozen=True)
class Settings:
    """What is measured; as the parameters of the task say it."""

    explained: Explained
    baselines: tuple[Baseline, ...]
    steps: Annotated[int, Ge(1)]
    parts: Annotated[int, Ge(0)]
    neighbours: Annotated[int, Ge(0)]
    radius: float
    randomised: Randomised


class Measures:
    """Makes the maps of a method and measures them.

    Args:
        method: the method.
        model: the model that it explains.
        copies: models with random weights, by how much of each is random.
        examples: what is explained.
        settings: what is measured.
        ctx: the context of the method.
    """

    def __init__(
        self,
        method: Attribution,
        model: CountedModel,
        copies: Mapping[str, CountedModel],
        examples: Examples,
        settings: Settings,
        ctx: Context,
    ) -> None:
        self._method, self._model, self._copies = method, model, copies
        self._examples, self._settings, self._ctx = examples, settings, ctx
        # What all methods share, such as random parts, is drawn outside the scope of this one.
        self._shared = replace(ctx, scope=())
        self._mean = examples.inputs.mean(dim=0)
        self._chunk = 0

    def measure(self, rows: Tensor) -> tuple[Tensor, Values]:
        """The maps of the examples at these positions, and the record columns that follow from them."""
        self._chunk += 1
        batch = self._examples.batch(rows)
        with self._model.attacked_batch(rows, 1):
            maps = self._maps(self._model, batch)
        important = importance(maps, self._method)
        columns = {
            **self._removal(batch, important),
            **self._infidelity(batch, maps),
            **self._sensitivity(batch, maps),
            **self._similarity(batch, important),
        }
        if self._examples.cause is not None:
            inside = pointed(important, self._examples.cause[rows])
            columns |= {name: (values, None) for name, values in inside.items()}
        return maps, columns

    def _maps(self, model: CountedModel, batch: ExplainedInputs) -> Tensor:
        own = replace(batch, inputs=batch.inputs.clone(), targets=batch.targets.clone())
        with seeded(self._ctx.derive_seed("chunk", self._chunk), self._ctx.device):
            returned = self._method.attribute(model, own, self._ctx)
        model.eval().requires_grad_(False)
        return checked_map(returned, batch, self._method)

    def _removal(self, batch: ExplainedInputs, important: Tensor) -> Values:
        places = ranks(important, self._shared.uniform(batch.ids, (positions(batch.inputs),), "ties"))
        columns: Values = {}
        for name in self._settings.baselines:
            baseline = baseline_inputs(name, batch.inputs, self._mean)
            areas = removal_areas(self._logits, batch.inputs, baseline, batch.targets, places, self._settings.steps)
            columns |= {f"{curve}.{name}": (area, None) for curve, area in zip(CURVES, areas, strict=True)}
        return columns

    def _infidelity(self, batch: ExplainedInputs, maps: Tensor) -> Values:
        if not self._settings.parts:
            return {}
        parts = drawn_parts(batch.ids, batch.inputs, self._settings.parts, self._shared)
        said = parts_of_logit(maps, self._method, batch.inputs)
        raw, share, defined = infidelity(self._logits, batch.inputs, batch.targets, parts, said)
        has_unit = torch.full_like(defined, self._method.quantity != "relevance")
        return {"infidelity": (raw, has_unit), "unexplained": (share, defined)}

    def _sensitivity(self, batch: ExplainedInputs, maps: Tensor) -> Values:
        """The largest relative change of the map among neighbours (Yeh 2019, definition 3.1)."""
        draws, examples = self._settings.neighbours, self._examples
        if not draws:
            return {}
        reach = self._settings.radius * (examples.high - examples.low)
        drawn = self._shared.uniform(batch.ids, (draws, *batch.inputs.shape[1:]), "neighbours")
        length = maps.flatten(1).norm(dim=1).double()
        largest = torch.zeros_like(length)
        for draw in range(draws):
            moved = (batch.inputs + (2 * drawn[:, draw] - 1) * reach).clamp(examples.low, examples.high)
            change = self._maps(self._model, replace(batch, inputs=moved)) - maps
            largest = torch.maximum(largest, change.flatten(1).norm(dim=1).double())
        return {"sensitivity": (largest / length.where(length > 0, 1.0), length > 0)}

    def _similarity(self, batch: ExplainedInputs, important: Tensor) -> Values:
        of_copies = {name: importance(self._maps(copy, batch), self._method) for name, copy in self._copies.items()}
        return {f"similarity.{name}": rank_correlation(important, other) for name, other in of_copies.items()}

    def _logits(self, inputs: Tensor) -> Tensor:
        return all_logits(self._model, inputs, self._ctx)


def joined(chunks: Sequence[Values]) -> dict[str, Any]:
    """The columns of all chunks as record columns, None where a value is not defined."""
    return {name: _column([chunk[name] for chunk in chunks]) for name in (chunks[0] if chunks else ())}


def _column(parts: Sequence[tuple[Tensor, Tensor | None]]) -> Any:
    values = torch.cat([part for part, _ in parts]).double().cpu()
    known = torch.cat([torch.ones_like(part, dtype=torch.bool) if mask is None else mask for part, mask in parts]).cpu()
    if bool(known.all()):
        return values.numpy()
    return [value if is_known else None for value, is_known in zip(values.tolist(), known.tolist(), strict=True)]
