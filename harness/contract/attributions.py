"""Attributions: maps that say which parts of an input a model used, and the protocol of methods that make them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from harness.contract.context import Context

if TYPE_CHECKING:
    from torch import Tensor

Quantity = Literal["contribution", "gradient", "relevance"]


@dataclass(frozen=True, slots=True)
class ExplainedInputs:
    """A batch of inputs with the class to explain for each, as attribution methods receive it.

    Attributes:
        ids: the example ids, length m. Every draw must be keyed by them: `ctx.normal(batch.ids, ...)`.
        inputs: `[m, ...]`, float32 within [low, high], on the device of the context.
        targets: `[m]`, int64, the class whose logit is explained.
        low, high: the box of the data.
    """

    ids: Sequence[str]
    inputs: Tensor
    targets: Tensor
    low: float = 0.0
    high: float = 1.0

    def __len__(self) -> int:
        return len(self.ids)


class Attribution(Protocol):
    """Says of each part of an input how much a model used it for the logit of a class.

    The core calls `attribute` in chunks whose size does not depend on the batch size, under a random state seeded by
    the chunk, with the model in eval mode and its parameters frozen; it counts the passes and checks what comes back.

    Attributes:
        quantity: what the numbers of a map are. `contribution`: parts of the logit, so that the sum over some elements
            is meant to be the change of the logit when these are set to 0. `gradient`: change of the logit per unit of
            the input. `relevance`: an order of importance without a unit.
    """

    @property
    def quantity(self) -> Quantity: ...

    def attribute(self, model: Any, batch: ExplainedInputs, ctx: Context) -> Tensor:
        """The maps of a batch.

        Annotate `model` as `ScoreAccess` or `GradientAccess`: that is how the plan knows what the method needs.

        Returns:
            `[m, ...]` of the shape of the inputs, or of images `[m, C, H, W]` one channel `[m, 1, H, W]`; a gradient
            has the shape of the inputs. Larger is more important, of a gradient by its size.

        Raises:
            NotApplicable: the model or the inputs are of a sort that the method is not made for.
        """
