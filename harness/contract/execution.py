"""How a model's passes are executed: in which precision, compiled or not, in which memory format."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Precision = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True, slots=True)
class Execution:
    """Options that make a model faster without changing what it is; the default is plain float32.

    Attributes:
        precision: of convolutions and matrix products, by torch's autocast; weights, normalisation of the inputs and
            logits stay float32. Half precision is part of the comparability key: it measures another function.
        compile: with torch.compile.
        channels_last: keep images and kernels with their channels last, which convolutions are often faster in.
        tf32: let a GPU round the inputs of float32 convolutions and matrix products to 10 bits of mantissa, in all that
            the cell computes, forward and backward. Part of the comparability key where it is a GPU.
    """

    precision: Precision = "float32"
    compile: bool = False
    channels_last: bool = False
    tf32: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether all options have their defaults."""
        return self == Execution()

    def to_json(self) -> dict[str, Any]:
        """The options as a JSON object; TF32 only where it is asked for, so that older keys and seeds stay."""
        return {name: value for name, value in asdict(self).items() if value or name != "tf32"}

    def __str__(self) -> str:
        words: list[str] = [self.precision] if self.precision != "float32" else []
        words += ["TF32"] if self.tf32 else []
        words += ["compiled"] if self.compile else []
        return ", ".join([*words, *(["channels last"] if self.channels_last else [])])
