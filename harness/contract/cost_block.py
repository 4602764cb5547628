"""The cost block of a row: what its model and its measurement took, as far as it is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class CostBlock:
    """What a model and its measurement took; None is not known, and part of no key.

    Attributes:
        parameters: numbers that the model learns: those of a torch module, else the floating-point numbers it stores.
        flops: floating-point operations for one example, a multiply-add as 2, in one call of the model.
        flops_call: the call that they are counted in and the shape of its input, e.g. "forward of [1, 3, 32, 32]".
        flops_reason: why they are not known, such as the modules that cannot be counted.
        training_seconds, training_joules, training_peak_memory: of the training of the model, and of the models it
            wraps, when its weights were made; the peak in bytes is the largest of them.
        joules: energy used while the task ran, without loading and training.
        energy_source: the counters that the joules were read from, and what to know of them; "no source" without any.
        peak_memory: bytes.
        memory_source: what those bytes are; "no source" where that cannot be told.
    """

    parameters: int | None = None
    flops: int | None = None
    flops_call: str = ""
    flops_reason: str = ""
    training_seconds: float | None = None
    training_joules: float | None = None
    training_peak_memory: int | None = None
    joules: float | None = None
    energy_source: str = ""
    peak_memory: int | None = None
    memory_source: str = ""

    def to_json(self) -> dict[str, Any]:
        """What is known of it, as a JSON object."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "")}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> CostBlock:
        """The inverse of `to_json`; what this version does not know is left out."""
        return cls(**{name: value for name, value in raw.items() if name in cls.__dataclass_fields__})
