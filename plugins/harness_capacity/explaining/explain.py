"""Explanations of a classifier: a map for each example, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import torch
from annotated_types import Ge

from harness.api import Attribution, Classifier, Context, Dataset, HarnessError, Outcome
from harness.api.instruments import CountedModel, left_unchanged, seeded
from harness_capacity.explaining.examples import Examples, Explained
from harness_capacity.explaining.maps import check_quantity
from harness_capacity.explaining.measures import Measures, Randomised, Settings, joined
from harness_capacity.explaining.randomised import randomised_copies
from harness_capacity.explaining.removal import Baseline

KEPT = 12
"""How many maps are kept as arrays, for pictures."""
BASELINES: tuple[Baseline, ...] = ("zero", "mean", "blur")


class Explain:
    """Explain the class that a model gives to each example by a map, and measure the map without knowing a right one.

    Deletion and insertion over several baselines, infidelity, sensitivity, the likeness to maps of the model with
    random weights, and, where the data have a column `cause`, whether the map points at it. Random parts, neighbours
    and weights depend on seed and example alone, so that all methods meet the same. Equal values of a map are ordered
    at random.

    Data: columns `inputs` and `labels` as `classify` wants them, maybe `cause` (where it lies in each
    input); the fact `classes`, maybe `box`.

    Args:
        explained: the class `predicted` by the model, or the `label`.
        baselines: what removed positions are replaced by: `zero`, the `mean` of all examples, or a `blur` of the image.
        steps: points of the curves of deletion and insertion.
        parts: random parts of each input that infidelity is measured with; 0 for none.
        neighbours: inputs around each example that sensitivity is measured with, each a whole map more; 0 for none.
        radius: how far these may lie from it in linf, in units of the width of the box.
        randomised: compare with maps of a model whose layers are `all` initialised again, or in a `cascade` from the
            top, or `none`.
    """

    def __init__(
        self,
        explained: Explained = "predicted",
        baselines: tuple[Baseline, ...] = BASELINES,
        steps: Annotated[int, Ge(1)] = 16,
        parts: Annotated[int, Ge(0)] = 32,
        neighbours: Annotated[int, Ge(0)] = 4,
        radius: Annotated[float, Ge(0)] = 0.02,
        randomised: Randomised = "all",
    ) -> None:
        if not baselines or len(set(baselines)) < len(baselines):
            raise HarnessError("explain: `baselines` names at least one baseline, and each once")
        self._settings = Settings(explained, tuple(baselines), steps, parts, neighbours, radius, randomised)

    def run(self, model: Classifier, data: Dataset, attribution: Attribution, ctx: Context) -> Outcome:
        """One record per example.

        Columns: id, label, correct, explained (the class), probability (of that class), deletion.<baseline> and
        insertion.<baseline> (areas), infidelity (not of a relevance, which has no unit), unexplained (infidelity as a
        share), sensitivity, similarity.all and, in a cascade, similarity.top <k> (rank correlation with the map of the
        model with random weights), pointing, cause_mass and cause_share (where the data have causes), forward_passes
        and backward_passes of the map, group.<name>. What is not defined is None. The arrays
        `explained_inputs`, `maps` and, of images, `causes` hold the first examples.
        """
        check_quantity(attribution)
        settings, classes = self._settings, len(data.facts.get("classes", ()))
        counted = CountedModel(model, classes, len(data.ids), ctx.device)
        with left_unchanged(counted), seeded(ctx.derive_seed("task"), ctx.device):
            examples = Examples.of(data, counted, settings.explained, ctx)
            copies = {} if settings.randomised == "none" else _copies(model, settings, classes, len(examples), ctx)
            measures = Measures(attribution, counted, copies, examples, settings, ctx)
            maps, parts, done = [], [], 0
            for rows in examples.chunks(ctx.chunk):
                of_chunk, columns = measures.measure(rows)
                maps.append(of_chunk[: max(0, KEPT - done)])
                parts.append(columns)
                done += len(rows)
                ctx.progress(done, len(examples))
        forward, backward = counted.forward_passes.total(), counted.backward_passes.total()
        records = {
            **_clean_columns(examples),
            **joined(parts),
            "forward_passes": forward.cpu().numpy(),
            "backward_passes": backward.cpu().numpy(),
            **{f"group.{name}": list(members) for name, members in data.groups.items()},
        }
        kept = torch.cat(maps) if maps else examples.inputs[:0]
        return Outcome(
            records,
            {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(settings).items()},
            {"passes": float((forward + backward).sum()) / max(1, len(examples))},
            {"maps": kept.cpu().numpy(), **_shown(examples)},
        )


def _shown(examples: Examples) -> dict[str, Any]:
    """The first inputs as arrays, and where they are images with a known cause, this."""
    shown = {"explained_inputs": examples.inputs[:KEPT].cpu().numpy()}
    if examples.cause is not None and examples.inputs.ndim == 4:
        shown["causes"] = examples.cause[:KEPT].reshape(-1, *examples.inputs.shape[2:]).cpu().numpy()
    return shown


def _copies(model: Any, settings: Settings, classes: int, n: int, ctx: Context) -> dict[str, CountedModel]:
    """The model with random weights, which are the same for every method under a seed."""
    made = randomised_copies(model, settings.randomised == "cascade", Context(ctx.device, ctx.seed))
    return {name: CountedModel(copy, classes, n, ctx.device).eval() for name, copy in made.items()}


def _clean_columns(examples: Examples) -> dict[str, Any]:
    return {
        "id": examples.ids,
        "label": examples.labels.cpu().numpy(),
        "correct": (examples.predictions == examples.labels).cpu().numpy(),
        "explained": examples.targets.cpu().numpy(),
        "probability": examples.probability.cpu().numpy(),
    }
