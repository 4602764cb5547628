"""A field of its own as a third party would bring it, written against `harness.api` alone.

Its task asks a model about noisy copies of every example. Like the tasks that come with harness it counts passes,
freezes the model, seeds library code that draws from global state, adds a column to tables and a section to the page of
a run. The plugin also observes the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from harness.api import (
    Cell,
    Classifier,
    Component,
    Context,
    Dataset,
    MeasuredCell,
    Outcome,
    PerExample,
    Row,
    Section,
    cell_title,
    data_uri,
    hookimpl,
    mean,
    pixels,
    png,
)
from harness.api.instruments import CountedModel, left_unchanged, seeded
from harness.api.results import Estimate, Records

SEEN: list[str] = []
"""What the observers of the plugin saw."""


@hookimpl
def harness_components() -> Iterable[Component]:
    return [
        Component("task", "votes", f"{__name__}:Votes", "Ask about noisy copies of every example."),
        Component("metric", "agreement", f"{__name__}:Agreement", "Share of equal votes.", tasks=frozenset({"votes"})),
        Component("model", "learns", f"{__name__}:Learns", "Changes while it is measured."),
        Component("model", "sums", f"{__name__}:Sums", "Ranks classes by fixed weights."),
    ]


class Sums(torch.nn.Module):
    """A linear model of digits with fixed weights."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(10, 64, generator=torch.Generator().manual_seed(0)))
        self.facts = {"origin": "made up"}

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.flatten(1) @ self.weight.T


class Learns(Sums):
    """The same, but it moves its weights at every pass."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.weight.data += 1e-3
        return super().forward(inputs)


def jitter(shape: tuple[int, ...]) -> torch.Tensor:
    """Stands for library code that draws from the global state of numpy."""
    return torch.from_numpy(np.random.normal(size=shape).astype(np.float32))


class Votes:
    """Ask a model about noisy copies of every example.

    Args:
        copies: of an example.
        sigma: standard deviation of the noise.
    """

    def __init__(self, copies: int = 3, sigma: float = 0.5) -> None:
        self._copies, self._sigma = copies, sigma

    def run(self, model: Classifier, data: Dataset, ctx: Context) -> Outcome:
        """One record per example: id, votes (for the class that most copies are given), picture_row."""
        inputs = torch.as_tensor(data.take(range(len(data.ids)))["inputs"])
        counted = CountedModel(model, len(data.facts["classes"]), len(inputs), ctx.device)
        answers = []
        with left_unchanged(counted), torch.no_grad(), seeded(ctx.derive_seed("copies"), ctx.device):
            for _ in range(self._copies):
                with counted.attacked_batch(torch.arange(len(inputs)), 1):
                    answers.append(counted(inputs + self._sigma * jitter(tuple(inputs.shape))).argmax(dim=1))
        given = torch.stack(answers)
        votes = torch.stack([(given == label).sum(dim=0) for label in range(10)]).amax(dim=0)
        least = votes.argsort(stable=True)[:2]
        return Outcome(
            records={"id": list(data.ids), "votes": votes.numpy(), "share": votes.numpy() / self._copies},
            protocol={"copies": self._copies, "sigma": self._sigma},
            cost={"passes": float(counted.forward_passes.total().mean())},
            display={"noise": f"σ = {self._sigma:g}"},
            artifacts={"least": inputs[least].numpy()},
        )


class Agreement(PerExample):
    """Share of the copies of an example that are given the class most of them are given, on average."""

    columns = ("share",)
    direction = "max"
    unit = "fraction"

    def per_example(self, records: Records) -> np.ndarray:
        return records["share"]

    def estimate(self, records: Records) -> Estimate:
        return mean(records["share"])


@hookimpl
def harness_page_sections(cells: Sequence[MeasuredCell]) -> Iterable[Section]:
    """Show the examples whose copies agree least."""
    shown = [
        (cell_title(cell.row), [data_uri(png(pixels(image, 0.0, 1.0))) for image in cell.records().artifact("least")])
        for cell in cells
        if cell.row.task == "third_party/votes"
    ]
    template = """
      {% for title, images in shown %}
      <figure class="vote"><figcaption>{{ title }} {{ note }}</figcaption>
      {% for image in images %}<img src="{{ image }}" alt="{{ title }}">{% endfor %}</figure>
      {% endfor %}"""
    if shown:
        yield Section("Least agreed", template, {"shown": shown, "note": "<b>&"}, ".vote { color: var(--soft); }")


@hookimpl
def harness_modify_cells(cells: list[Cell]) -> None:
    """Measure the cells in the order of their models' names."""
    cells.sort(key=lambda cell: cell.labels.get("model", ""))


@hookimpl
def harness_incompatible(cell: Cell) -> str | None:
    """Tell a cell that cannot work from the start."""
    return "no copies, no votes" if cell.task.parameters.get("copies") == 0 else None


@hookimpl
def harness_provenance() -> Mapping[str, Any]:
    return {"mood": "curious"}


@hookimpl
def harness_run_start(run_id: str, cells: Sequence[Cell]) -> None:
    SEEN.append(f"start {len(cells)}")


@hookimpl
def harness_cell_end(run_id: str, row: Row) -> None:
    SEEN.append(f"{row.labels.get('model')} {row.status}")


@hookimpl
def harness_run_end(run_id: str, rows: Sequence[Row], exit_code: int) -> None:
    SEEN.append(f"end {len(rows)} {exit_code}")
