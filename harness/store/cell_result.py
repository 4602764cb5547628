"""The result of a cell, as it is stored beside the records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any

from harness.contract.cells import digest
from harness.contract.checked_rows import ROW_SHAPE
from harness.contract.errors import InvalidOutput
from harness.contract.plain import plain_document
from harness.contract.rows import Status
from harness.contract.shapes import check_shape
from harness.environment_secrets import without_secrets
from harness.files import parse_json, read_plain
from harness.store.run_folder import RESULT
from harness.store.schema import SCHEMA, check_schema

_NUMBER_OR_NONE = (int, float, NoneType)
_SHAPE: Mapping[str, Any] = {
    **dict.fromkeys(("status", "reason", "device", "started", "traceback", "run"), str),
    "n": (int, NoneType),
    "cost": {str: (int, float)},
    "weights": [{"key": str, "digest": str, "seconds": (int, float)}],
    "comparability": ROW_SHAPE["comparability"],
    "facts": ROW_SHAPE["facts"],
    "seconds": _NUMBER_OR_NONE,
    "batch_size": int,
    "attempts": [{"status": str, "reason": str, "batch_size": int}],
    "loaded": dict,
}
_OF_WEIGHTS = {"key", "digest"}


@dataclass(frozen=True)
class CellResult:
    """How a cell ended and what it cost; stored beside its records.

    Attributes:
        status, reason: how it ended and why.
        n: how many records there are; None if there are none.
        cost: the cost as the task returned it.
        weights: key, digest and training time of every set of weights that was trained for it.
        comparability: what must be equal before two rows may be compared: task, data and protocol.
        facts: what the model says of itself, such as its published accuracy, and how it was run; part of no key.
        seconds: wall time of the task, without loading and training.
        device, batch_size: how it was run; the records do not depend on them.
        started: UTC time.
        traceback: of the exception, if one was raised.
        attempts: the attempts before this one: status, reason and batch size of each attempt.
        run: the run that measured it.
        loaded: the inputs of its key as the process that ran it had them; not stored, since they are those of the key.
    """

    status: Status
    reason: str = ""
    n: int | None = None
    cost: Mapping[str, float] = field(default_factory=dict)
    weights: Sequence[Mapping[str, Any]] = ()
    comparability: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    device: str = ""
    batch_size: int = 0
    started: str = ""
    traceback: str = ""
    attempts: Sequence[Mapping[str, Any]] = ()
    run: str = ""
    loaded: Mapping[str, Any] = field(default_factory=dict)

    @property
    def protocol(self) -> Mapping[str, Any]:
        """The part of the comparability that the task defines, e.g. the threat model."""
        protocol: Mapping[str, Any] = self.comparability.get("protocol", {})
        return protocol

    @property
    def stated_facts(self) -> dict[str, Any]:
        """The facts, with the digest of the weights that were trained for the cell; of several sets, one for all."""
        digests = sorted({str(each["digest"]) for each in self.weights})
        if not digests:
            return dict(self.facts)
        of_all = digests[0] if len(digests) == 1 else digest(digests)
        return {**self.facts, "weights": {"digest": of_all, "trained_here": True}}

    @classmethod
    def read(cls, folder: Path) -> CellResult:
        """The result stored in a folder. Raises UsageError if another version of harness wrote it."""
        return cls.from_json(_stored(folder))

    @classmethod
    def read_or_invalid(cls, folder: Path) -> CellResult:
        """The result stored in a folder; `invalid` if it is damaged. Raises UsageError as `read` does."""
        try:
            return cls.from_json(plain_document(_stored(folder), RESULT))
        except (InvalidOutput, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return cls(Status.INVALID, f"its {RESULT} is damaged")

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> CellResult:
        """The inverse of `dataclasses.asdict`, also after JSON.

        Raises:
            InvalidOutput: a field is not what it must be.
            ValueError, LookupError, TypeError: it is no result.
        """
        check_shape(raw, _SHAPE, "the result")
        if any(not used.keys() >= _OF_WEIGHTS for used in raw.get("weights", ())):
            raise InvalidOutput("the result: weights lack their key or digest")
        return cls(**{**raw, "status": Status(raw["status"])})

    def write(self, folder: Path) -> None:
        """Store the result in a folder."""
        stored = {name: value for name, value in asdict(self).items() if name != "loaded"}
        text = json.dumps({"schema": SCHEMA, **stored}, indent=1)
        (folder / RESULT).write_text(without_secrets(text), encoding="utf-8")


def _stored(folder: Path) -> dict[str, Any]:
    raw: dict[str, Any] = parse_json(read_plain(folder / RESULT))
    check_shape(raw, dict, RESULT)
    check_schema(folder / RESULT, raw.pop("schema", SCHEMA))
    return raw
