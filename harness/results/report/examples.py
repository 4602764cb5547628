"""The hardest examples of attacked classifiers as pictures: clean, adversarial, and what was changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.contract.rows import Row
from harness.results.report.images import data_uri, difference_pixels, is_images, pixels, png
from harness.results.table import number, threat_text
from harness.store.records import RECORDS, read_records
from harness.store.run_folder import RunFolder

PER_ATTACK = 4
"""How many examples of an attack are shown at most."""
MOST_BYTES = 2_000_000
"""How many bytes of the page all examples may take."""
_BOXES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
_COLUMNS = ("id", "label", "clean_prediction", "adversarial_prediction", "adversarial_confidence")


@dataclass(frozen=True)
class Example:
    """One fooled example.

    Attributes:
        id: the id of the example.
        label, clean_prediction, adversarial_prediction: classes.
        target: the class that a targeted attack had to reach; empty otherwise.
        confidence: of the adversarial prediction.
        distance: how far it was moved, in the norm of the threat.
        clean, adversarial, difference: pictures as data URIs.
        largest: the change that has the full colour in the difference.
    """

    id: str
    label: str
    clean_prediction: str
    adversarial_prediction: str
    target: str
    confidence: str
    distance: str
    clean: str
    adversarial: str
    difference: str
    largest: str

    @property
    def size(self) -> int:
        """How many bytes its pictures take."""
        return len(self.clean) + len(self.adversarial) + len(self.difference)


@dataclass(frozen=True)
class AttackExamples:
    """The examples of one cell, the surest first."""

    attack: str
    threat: str
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class ModelExamples:
    """The examples of one model, by attack."""

    title: str
    attacks: tuple[AttackExamples, ...]

    @property
    def count(self) -> int:
        """How many examples there are."""
        return sum(len(attack.examples) for attack in self.attacks)


@dataclass(frozen=True)
class Gallery:
    """All examples of a run.

    Attributes:
        models: by model.
        low, high: the values that are black and white.
        left_out: how many more were kept by the run and did not fit.
    """

    models: tuple[ModelExamples, ...] = ()
    low: float = 0.0
    high: float = 1.0
    left_out: int = 0


@dataclass(frozen=True)
class _Kept:
    """What a cell kept of its hardest examples: `rows` `[k]`, and pictures `[k, channels, height, width]`."""

    row: Row
    rows: npt.NDArray[Any]
    clean: npt.NDArray[Any]
    adversarial: npt.NDArray[Any]
    columns: Mapping[str, list[Any]]


def gallery(folder: RunFolder, rows: Sequence[Row], most_bytes: int = MOST_BYTES) -> Gallery:
    """The examples of a run: the surest of every cell first, then the second, while they fit."""
    cells = [kept for row in rows if row.cell and (kept := _read(folder.cell(row.cell), row)) is not None]
    if not cells:
        return Gallery()
    low, high = _box(cells)
    drawn: list[list[Example]] = [[] for _ in cells]
    left = most_bytes
    left_out = 0
    for rank in range(PER_ATTACK):
        for position, cell in enumerate(cells):
            if rank >= len(cell.rows):
                continue
            example = _draw(cell, rank, low, high) if left > 0 else None
            if example is None or example.size > left:
                left, left_out = 0, left_out + 1
                continue
            drawn[position].append(example)
            left -= example.size
    return Gallery(_by_model(cells, drawn), low, high, left_out)


def _by_model(cells: Sequence[_Kept], drawn: Sequence[Sequence[Example]]) -> tuple[ModelExamples, ...]:
    experiments = {cell.row.experiment for cell in cells}
    seeds = {cell.row.seed for cell in cells}
    found: dict[str, ModelExamples] = {}
    for cell, examples in zip(cells, drawn, strict=True):
        if not examples:
            continue
        row = cell.row
        words = [row.experiment] if len(experiments) > 1 else []
        words += [row.labels.get("model", row.cell), *([f"seed {row.seed}"] if len(seeds) > 1 else [])]
        title = " / ".join(words)
        known = found.get(title, ModelExamples(title, ()))
        attack = AttackExamples(row.labels.get("attack", ""), threat_text(row), tuple(examples))
        found[title] = replace(known, attacks=(*known.attacks, attack))
    return tuple(found.values())


def _read(folder: Path, row: Row) -> _Kept | None:
    """What a cell kept; None if it kept nothing, or something that is no picture."""
    try:
        arrays = [
            np.load(folder / "artifacts" / f"hardest_{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in ("rows", "clean", "adversarial")
        ]
        if not (folder / RECORDS).is_file():
            return None
    except (OSError, ValueError):
        return None
    rows, clean, adversarial = arrays
    alike = clean.shape == adversarial.shape and rows.shape == clean.shape[:1] and rows.dtype.kind in "iu"
    if not alike or not is_images(clean) or not is_images(adversarial):
        return None
    records = read_records(folder, row.protocol)
    if any(name not in records for name in _COLUMNS) or not ((rows >= 0) & (rows < len(records))).all():
        return None
    wanted = [*_COLUMNS, _norm(row), *(["target"] if "target" in records else [])]
    chosen = records.table.select([name for name in wanted if name in records.table.column_names]).take(rows.tolist())
    return _Kept(row, rows, clean, adversarial, chosen.to_pydict())


def _norm(row: Row) -> str:
    """The norm of the threat; L2 where any change is allowed."""
    return str((row.protocol.get("threat") or {}).get("norm") or "l2")


def _box(cells: Sequence[_Kept]) -> tuple[float, float]:
    """The smallest usual box that holds all pictures, since the run does not say which the data have."""
    low = min(float(array.min()) for cell in cells for array in (cell.clean, cell.adversarial))
    high = max(float(array.max()) for cell in cells for array in (cell.clean, cell.adversarial))
    slack = 1e-3
    for box in _BOXES:
        if box[0] - slack <= low and high <= box[1] + slack:
            return box
    return low, high


def _draw(cell: _Kept, rank: int, low: float, high: float) -> Example:
    clean, adversarial = cell.clean[rank].astype(np.float64), cell.adversarial[rank].astype(np.float64)
    difference, largest = difference_pixels(adversarial - clean)
    values = {name: column[rank] for name, column in cell.columns.items()}
    norm = _norm(cell.row)
    return Example(
        id=str(values["id"]),
        label=str(values["label"]),
        clean_prediction=str(values["clean_prediction"]),
        adversarial_prediction=str(values["adversarial_prediction"]),
        target="" if values.get("target") is None else str(values["target"]),
        confidence=number(values["adversarial_confidence"], "fraction"),
        distance=f"{norm} {number(values.get(norm))}",
        clean=data_uri(png(pixels(clean, low, high))),
        adversarial=data_uri(png(pixels(adversarial, low, high))),
        difference=data_uri(png(difference)),
        largest=number(largest),
    )
