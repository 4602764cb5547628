"""The certificate of a run: which of its cells were measured again, in another way, and whether they came out equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import NoneType
from typing import Any, Literal

from harness.contract.errors import InvalidOutput, UsageError
from harness.contract.shapes import check_shape
from harness.store.record_differences import RecordDifferences
from harness.store.run_folder import RunFolder
from harness.store.schema import SCHEMA

CERTIFICATE = "certificate.json"
CertifiedAs = Literal["equal to the bit", "equal within round-off", "not equal", "not measured again"]
VERDICTS: tuple[CertifiedAs, ...] = ("equal to the bit", "equal within round-off", "not equal", "not measured again")
_MAX_EXAMPLES = 20
_NUMBER_OR_NONE = (int, float, NoneType)
_SHAPE: Mapping[str, Any] = {
    **dict.fromkeys(("run", "date", "how"), str),
    "measured": int,
    "cells": [
        {**dict.fromkeys(("cell", "name", "verdict", "reason"), str), "n": int, "n_differing": int, "n_beyond": int}
        | {"examples": [str], "columns": {str: _NUMBER_OR_NONE}, "largest": _NUMBER_OR_NONE}
    ],
}


@dataclass(frozen=True)
class CertifiedCell:
    """A cell that was measured again.

    Attributes:
        cell, name: its id, and its labels as tables print them.
        verdict: how the second measurement came out.
        reason: why it was not measured again, or cannot be compared.
        n: its number of examples.
        n_differing, n_beyond: how many differ in any bit, and how many by more than round-off.
        examples: ids of the first of them, those beyond round-off if there are any.
        columns: the columns that differ, each with its largest difference; None for what is no number.
        largest: the largest difference of two numbers; None if no number differs.
    """

    cell: str
    name: str
    verdict: CertifiedAs
    reason: str = ""
    n: int = 0
    n_differing: int = 0
    n_beyond: int = 0
    examples: Sequence[str] = ()
    columns: Mapping[str, float | None] | None = None
    largest: float | None = None

    @classmethod
    def of(cls, cell: str, name: str, found: RecordDifferences) -> CertifiedCell:
        """Return the verdict on two measurements of a cell."""
        verdict = VERDICTS[2 if found.mismatch or found.beyond else 1 if found.examples else 0]
        examples = (found.beyond or found.examples)[:_MAX_EXAMPLES]
        counts = (found.n, len(found.examples), len(found.beyond))
        return cls(cell, name, verdict, found.mismatch, *counts, examples, found.columns, found.largest)

    def __str__(self) -> str:
        text = f"{self.name}: {self.verdict}"
        if self.n_differing:
            which = ", ".join(self.examples[:3]) + (", ..." if self.n_differing > 3 else "")
            text += f"; {self.n_differing} of {self.n} examples differ ({which}) in {', '.join(self.columns or ())}"
        if self.largest is not None:
            text += f", by at most {self.largest:.2g}"
        return f"{text}: {self.reason}" if self.reason else text


@dataclass(frozen=True)
class Certificate:
    """What came of measuring a sample of the cells of a run again.

    Attributes:
        run: its id.
        date: UTC, ISO 8601.
        how: what was another way, e.g. "in batches of 63 instead of 128, in new workers, in reverse order".
        measured: number of measured cells of the run, which the sample is of.
        cells: the sample.
    """

    run: str
    date: str
    how: str
    measured: int
    cells: Sequence[CertifiedCell]

    def count(self, verdict: CertifiedAs) -> int:
        """Return how many cells of the sample have this verdict."""
        return sum(each.verdict == verdict for each in self.cells)

    @property
    def largest(self) -> float | None:
        """The largest difference of two numbers in the sample."""
        return max((each.largest for each in self.cells if each.largest is not None), default=None)

    @property
    def sentence(self) -> str:
        """It in one sentence, for the footer of a table."""
        counted = Counter(each.verdict for each in self.cells)
        verdicts = [f"{counted[verdict]} {verdict}" for verdict in VERDICTS if counted[verdict]]
        largest = "" if self.largest is None else f" (largest difference {self.largest:.2g})"
        wrong = [each.name for each in self.cells if each.verdict == "not equal"]
        named = f"; not equal: {', '.join(wrong[:3])}{' ...' if len(wrong) > 3 else ''}" if wrong else ""
        again = len(self.cells) - counted["not measured again"]
        sample = f"{again} of {self.measured} cells measured again {self.how}"
        said = "verified" if again else "not verified"
        return f"{said} on {self.date[:10]}: {sample}: {', '.join(verdicts)}{largest}{named}"

    def write(self, folder: RunFolder) -> None:
        """Store it in the folder of its run. Raises StoreError if that cannot be written."""
        folder.write_json(CERTIFICATE, {"schema": SCHEMA, **asdict(self)})


def read_certificate(folder: RunFolder) -> Certificate | None:
    """Return the certificate of a run; None if it was never verified.

    Raises:
        UsageError: it is damaged, or that of another run.
    """
    if not (folder.path / CERTIFICATE).is_file():
        return None
    raw = folder.read_json(CERTIFICATE)
    try:
        check_shape(raw, _SHAPE, CERTIFICATE)
        cells = [CertifiedCell(**cell) for cell in raw["cells"]]
        if wrong := next((cell.verdict for cell in cells if cell.verdict not in VERDICTS), None):
            raise InvalidOutput(f"{wrong!r} is no verdict")
        certificate = Certificate(raw["run"], raw["date"], raw["how"], raw["measured"], cells)
    except (InvalidOutput, LookupError, TypeError) as error:
        raise UsageError(f"{folder.path / CERTIFICATE} is damaged: {error}; verify the run again") from None
    if certificate.run != folder.run_id:
        raise UsageError(f"{folder.path / CERTIFICATE} is the certificate of run {certificate.run!r}, not of this one")
    return certificate


def certificate_text(folder: RunFolder) -> str:
    """Return what a footer says of the certificate of a run, also of one that is damaged; empty without one."""
    try:
        certificate = read_certificate(folder)
    except UsageError as error:
        return f"not verified: {error}"
    return "" if certificate is None else certificate.sentence
