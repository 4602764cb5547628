"""The hardest examples of attacked classifiers as pictures: clean, adversarial, and the difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.api import MeasuredCell, Pixels, Row, Section, data_uri, pixels, png

PER_ATTACK = 4
"""How many examples of an attack are shown at most."""
MOST_BYTES = 2_000_000
"""How many bytes of the page all examples may take."""
_BOXES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
# Three stops of ColorBrewer's RdBu, which people with colour blindness can tell apart.
_LESS, _EQUAL, _MORE = (33, 102, 172), (247, 247, 247), (178, 24, 43)
_COLUMNS = ("id", "label", "clean_prediction", "adversarial_prediction", "adversarial_confidence")


@dataclass(frozen=True)
class Example:
    """One fooled example.

    Attributes:
        id: the id of the example.
        label, clean_prediction, adversarial_prediction: classes.
        target: the class that a targeted attack had to reach; empty otherwise.
        confidence: the confidence of the adversarial prediction.
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
        """How many bytes the pictures take."""
        return len(self.clean) + len(self.adversarial) + len(self.difference)


@dataclass(frozen=True)
class AttackExamples:
    """The examples of one cell, the most confident first."""

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
class _CellExamples:
    """The hardest examples stored by a cell: `rows` `[k]`, and pictures `[k, channels, height, width]`."""

    row: Row
    rows: npt.NDArray[Any]
    clean: npt.NDArray[Any]
    adversarial: npt.NDArray[Any]
    columns: Mapping[str, list[Any]]


def sections(cells: Sequence[MeasuredCell]) -> Iterator[Section]:
    """The section of the page, if any cell stored examples."""
    drawn = gallery(cells)
    if drawn.models:
        template, style = (Path(__file__).with_suffix(end).read_text(encoding="utf-8") for end in (".html.j2", ".css"))
        yield Section("Hardest examples", template, {"gallery": drawn}, style)


def gallery(measured: Sequence[MeasuredCell], most_bytes: int = MOST_BYTES) -> Gallery:
    """The examples of a run: the most confident of every cell first, then the second, while they fit."""
    cells = [examples for cell in measured if cell.row.protocol.get("threat") and (examples := _read(cell)) is not None]
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


def _by_model(cells: Sequence[_CellExamples], drawn: Sequence[Sequence[Example]]) -> tuple[ModelExamples, ...]:
    experiments = {cell.row.experiment for cell in cells}
    seeds = {cell.row.seed for cell in cells}
    models: dict[str, ModelExamples] = {}
    for cell, examples in zip(cells, drawn, strict=True):
        if not examples:
            continue
        row = cell.row
        words = [row.experiment] if len(experiments) > 1 else []
        words += [row.labels.get("model", row.cell), *([f"seed {row.seed}"] if len(seeds) > 1 else [])]
        title = " / ".join(words)
        model = models.get(title, ModelExamples(title, ()))
        attack = AttackExamples(row.labels.get("attack", ""), row.display.get("threat", ""), tuple(examples))
        models[title] = replace(model, attacks=(*model.attacks, attack))
    return tuple(models.values())


def _read(cell: MeasuredCell) -> _CellExamples | None:
    """The examples of a cell; None if it stored none, or something that is no picture."""
    row = cell.row
    try:
        records = cell.records()
        rows, clean, adversarial = (records.artifact(f"hardest_{name}") for name in ("rows", "clean", "adversarial"))
    except (KeyError, OSError, ValueError):
        return None
    alike = clean.shape == adversarial.shape and rows.shape == clean.shape[:1] and rows.dtype.kind in "iu"
    if not alike or not is_images(clean) or not is_images(adversarial):
        return None
    if any(name not in records for name in _COLUMNS) or not ((rows >= 0) & (rows < len(records))).all():
        return None
    wanted = [*_COLUMNS, _norm(row), *(["target"] if "target" in records else [])]
    chosen = records.table.select([name for name in wanted if name in records.table.column_names]).take(rows.tolist())
    return _CellExamples(row, rows, clean, adversarial, chosen.to_pydict())


def _norm(row: Row) -> str:
    """The norm of the threat; L2 where any change is allowed."""
    return str((row.protocol.get("threat") or {}).get("norm") or "l2")


def _box(cells: Sequence[_CellExamples]) -> tuple[float, float]:
    """The smallest usual box that holds all pictures, since a run does not store that of its data."""
    low = min(float(array.min()) for cell in cells for array in (cell.clean, cell.adversarial))
    high = max(float(array.max()) for cell in cells for array in (cell.clean, cell.adversarial))
    slack = 1e-3
    for box in _BOXES:
        if box[0] - slack <= low and high <= box[1] + slack:
            return box
    return low, high


def _draw(cell: _CellExamples, rank: int, low: float, high: float) -> Example:
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
        confidence=_number(values["adversarial_confidence"], ".3f"),
        distance=f"{norm} {_number(values.get(norm))}",
        clean=data_uri(png(pixels(clean, low, high))),
        adversarial=data_uri(png(pixels(adversarial, low, high))),
        difference=data_uri(png(difference)),
        largest=_number(largest),
    )


def _number(value: float | None, form: str = ".4g") -> str:
    return "–" if value is None else format(value, form)


def is_images(array: npt.NDArray[Any]) -> bool:
    """Whether an array is a stack of grey or RGB pictures `[k, channels, height, width]` of finite numbers."""
    return (
        array.ndim == 4
        and array.shape[1] in (1, 3)
        and min(array.shape[2:]) >= 2
        and np.issubdtype(array.dtype, np.floating)
        and bool(np.isfinite(array).all())
    )


def difference_pixels(difference: npt.NDArray[Any]) -> tuple[Pixels, float]:
    """A signed difference `[channels, height, width]` in diverging colours, and what the full colour stands for.

    Blue is less, red is more, white is the same. The largest change of any pixel has the full colour. Of several
    channels a pixel shows the one that changes most, since changes of opposite sign would cancel in their mean.
    """
    strongest = np.abs(difference).argmax(axis=0)
    signed = np.take_along_axis(difference, strongest[None], axis=0)[0].astype(np.float64)
    largest = float(np.abs(signed).max())
    share = signed / largest if largest else signed
    stops = np.array([_LESS, _EQUAL, _MORE], dtype=np.float64)
    channels = [np.interp(share, [-1.0, 0.0, 1.0], stops[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8), largest
