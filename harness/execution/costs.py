"""The cost block of a cell: filled after its task has ended, so that counting slows nothing that is timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.contract.cells import Use
from harness.contract.cost_block import CostBlock
from harness.execution.build import Builder, Weights
from harness.execution.first_call import ModelCall
from harness.execution.spent import Spent
from harness.instruments.late_torch import is_module, is_tensor
from harness.instruments.seeding import seeded
from harness.isolation import Fault, isolated

if TYPE_CHECKING:
    from harness.instruments.flops import FlopCount

_NO_CALL = "not counted: no call of a torch module was seen"


def cost_block(
    model: object,
    use: Use | None,
    weights: Sequence[Weights],
    calls: Sequence[ModelCall],
    builder: Builder,
    spent: Spent,
) -> CostBlock:
    """Return the cost block of a cell.

    Args:
        model: its model; None if it has none.
        use: the component of the model.
        weights: the weights that were trained for the model and those that it wraps.
        calls: the first call that its task made of the model, if one was seen.
        builder: counts each model once.
        spent: what its task took.
    """
    block = CostBlock(
        joules=spent.joules,
        energy_source=spent.energy_source,
        peak_memory=spent.peak_memory,
        memory_source=spent.memory_source,
    )
    if model is None or use is None:
        return block
    block = replace(_with_training(block, weights), parameters=parameter_count(model))
    if not calls:
        return replace(block, flops_reason=_NO_CALL)
    key = (use.build_digest, tuple(each.key for each in weights), str(calls[0]), calls[0].shapes)
    if key not in builder.flops:
        builder.flops[key] = _counted(model, calls[0], builder.device)
    counted = builder.flops[key]
    return replace(block, flops=counted.total, flops_call=str(calls[0]), flops_reason=counted.reason)


def parameter_count(model: Any) -> int | None:
    """The parameters of a torch module; without any, the floating-point numbers of its state; None if it has none."""
    if is_module(model) and (n := sum(int(parameter.numel()) for parameter in model.parameters())):
        return n
    if not hasattr(model, "state_dict"):
        return None
    state = isolated(lambda: model.state_dict())
    if not isinstance(state, Mapping):
        return None
    return sum(value.numel() for value in state.values() if _is_float(value)) or None


def _is_float(value: Any) -> bool:
    return is_tensor(value) and bool(value.is_floating_point())


def _with_training(block: CostBlock, weights: Sequence[Weights]) -> CostBlock:
    if not weights:
        return block
    joules = [each.joules for each in weights if each.joules is not None]
    peaks = [each.peak_memory for each in weights if each.peak_memory is not None]
    return replace(
        block,
        training_seconds=sum(each.seconds for each in weights),
        training_joules=sum(joules) if len(joules) == len(weights) else None,
        training_peak_memory=max(peaks) if len(peaks) == len(weights) else None,
    )


def _counted(model: object, call: ModelCall, device: str) -> FlopCount:
    from harness.instruments.flops import FlopCount, count_flops

    def count() -> FlopCount:
        # Models may draw; what comes after must not see it.
        with seeded(0, device):
            return count_flops(lambda: call.repeat(model))

    counted = isolated(count)
    return FlopCount(None, (), f"not counted: {counted.reason}") if isinstance(counted, Fault) else counted
