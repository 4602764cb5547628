"""Metric of attacks of several stages: what each stage fooled of those that the stages before it left."""

from __future__ import annotations

from harness.api import Estimate, Records, proportion


class StageShare:
    """Share of the attacked examples that one stage of an attack fooled, the stages before it having failed.

    The shares of all stages sum to the attack success rate. AutoAttack's last stage, `square`, takes no gradients:
    what it adds beyond a few in a thousand hints at masked gradients (Croce & Hein 2020, arXiv:2003.01690).

    Args:
        stage: its name, such as `apgd-ce`, `apgd-t`, `fab-t` or `square` of `auto_attack`.
    """

    columns = ("success",)
    direction = "none"
    unit = "fraction"

    def __init__(self, stage: str = "square") -> None:
        self._stage = stage

    def estimate(self, records: Records) -> Estimate:
        """A proportion of the attacked examples."""
        if "fooled_by" not in records:
            return Estimate.not_applicable("the attack has no stages", n=len(records))
        stages = [stage for stage in records.table.column("fooled_by").to_pylist() if stage is not None]
        return proportion(stages.count(self._stage), len(stages))
