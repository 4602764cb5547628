"""The formats by name: each makes the files of a table, and says what it cannot hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.exporting.bencher import bencher_files
from harness.exporting.benchmarks import Benchmarks
from harness.exporting.every_eval_ever import every_eval_ever_files
from harness.exporting.hub_results import hub_files
from harness.exporting.latex_tables import latex_files
from harness.exporting.numbers import Source
from harness.exporting.one_line_each import csv_files
from harness.exporting.pytorch_hud import hud_files


@dataclass(frozen=True)
class Exported:
    """A table in another format.

    Attributes:
        files: name of a file to its text.
        left_out: a line on each number that the format cannot hold, or that has no value where it needs one.
    """

    files: Mapping[str, str]
    left_out: Sequence[str]


Writer = Callable[[Source, Benchmarks], tuple[Mapping[str, str], Sequence[str]]]
FORMATS: Mapping[str, Writer] = {
    "csv": csv_files,
    "latex": latex_files,
    "bmf": bencher_files,
    "hud": hud_files,
    "every-eval-ever": every_eval_ever_files,
    "hf-eval-results": hub_files,
}


def export(source: Source, layout: str, benchmarks: Benchmarks) -> Exported:
    """A table in one of `FORMATS`."""
    return Exported(*FORMATS[layout](source, benchmarks))
