"""Which stage of an attack fooled each example, and whether one without gradients fooled more than is noise."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from harness.api import Attack, Staged

NO_STAGE = "none"
USUAL_SHARE = 0.002
"""Of the attacked examples that a stage without gradients may add: beyond it AutoAttack's reference code warns."""


def stage_of_each(attack: Attack, ids: Sequence[str], success: Sequence[bool | None]) -> list[str | None] | None:
    """The stage that fooled each of n examples, `NO_STAGE` for survivors and None for those that were not attacked.

    None at all for an attack without stages.
    """
    if not isinstance(attack, Staged):
        return None
    return [
        None if fooled is None else attack.fooled_by.get(name, NO_STAGE) if fooled else NO_STAGE
        for name, fooled in zip(ids, success, strict=True)
    ]


def late_finds(attack: Attack, fooled_by: Sequence[str | None] | None, attacked: int) -> str:
    """What stages without gradients fooled that those with them had not, in words; empty if that is noise.

    Noise is the usual share of the attacked examples, three standard deviations above it, and one more.
    """
    if fooled_by is None or not isinstance(attack, Staged):
        return ""
    counts = Counter(stage for stage in fooled_by if stage not in (None, NO_STAGE))
    late = sum(counts[stage] for stage in attack.without_gradients)
    usual = USUAL_SHARE * attacked
    if late <= usual + 3 * math.sqrt(usual) + 1:
        return ""
    before = ", ".join(f"{stage} {n}" for stage, n in counts.items() if stage not in attack.without_gradients) or "none"
    left = attacked - sum(counts.values()) + late
    return f"{' and '.join(attack.without_gradients)} fooled {late} of {left} survivors of the other stages ({before})"
