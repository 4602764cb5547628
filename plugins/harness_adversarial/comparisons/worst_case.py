"""The worst case over attacks: the robust accuracy that a defender may report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.api import Estimate, MeasuredCell, Row, Status, Threat, proportion
from harness_adversarial.metrics.smallest_distances import all_but_attack, grouped, threat_of

_TOLERANCE = 1e-6


class WorstCase:
    """Per model and threat: robust accuracy where an example counts only if it survives every attack.

    For each norm and each budget that some attack of the experiment has, an example counts as robust only if
    none of the attacks with that norm and at most that budget found a point within the budget that fools the
    model. Minimum-norm attacks take part at every budget, with the distances they found.
    """

    def rows(self, cells: Sequence[MeasuredCell]) -> Iterable[Row]:
        """One row per model, data, seed, norm and budget."""
        for group in grouped(cells, lambda cell: all_but_attack(cell.row)):
            yield from _rows_of(group)


def _rows_of(cells: Sequence[MeasuredCell]) -> Iterator[Row]:
    attacked = [(c, threat_of(c.row.protocol)) for c in cells if c.row.labels.get("attack", "none") != "none"]
    unknown = [cell for cell, threat in attacked if threat is None and cell.row.status is not Status.SKIPPED]
    known = [(cell, threat) for cell, threat in attacked if threat is not None and threat.norm is not None]
    for norm, targeted in sorted({(threat.norm, threat.targeted) for _, threat in known}, key=str):
        family = [(cell, t) for cell, t in known if (t.norm, t.targeted) == (norm, targeted)]
        for eps in sorted({t.eps for _, t in family if t.eps is not None and not t.minimal}):
            members = [cell for cell, t in family if t.minimal or (t.eps is not None and t.eps <= eps * (1 + 1e-9))]
            yield _worst(members, unknown, Threat(norm, eps, targeted))


def _worst(members: Sequence[MeasuredCell], unknown: Sequence[MeasuredCell], threat: Threat) -> Row:
    first = members[0].row
    broken = [cell for cell in [*members, *unknown] if not cell.row.status.is_measured]
    attacks = sorted(str(cell.row.components.get("attack")) for cell in members)
    protocol = {"threat": asdict(threat), "attacks": attacks}
    what: dict[str, Any] = {
        "comparability": {**first.comparability, "protocol": protocol},
        "facts": {"display": {"threat": str(threat)}},
    }
    labels = {**first.labels, "attack": "worst case"}
    if broken:
        names = ", ".join(cell.row.labels["attack"] for cell in broken[:3])
        reason = f"{len(broken)} of {len(members) + len(unknown)} attacks gave no result: {names}"
        estimates = {"robust_accuracy": Estimate.undefined(reason)}
        return Row(first.experiment, labels, first.seed, Status.INVALID, reason, estimates, **what)
    survived = _survivors(members, threat)
    # A weak attack beside a strong one does no harm; where the strongest is in doubt, so is the row.
    left = [int(_survivors([cell], threat).sum()) for cell in members]
    strongest = [cell.row for cell, count in zip(members, left, strict=True) if count == min(left)]
    doubtful = strongest if all(row.status is Status.SUSPECT for row in strongest) else []
    return Row(
        experiment=first.experiment,
        labels=labels,
        seed=first.seed,
        status=Status.SUSPECT if doubtful else Status.OK,
        reason=f"strongest attack suspect: {_with_signs(doubtful[0])}" if doubtful else "",
        estimates={"robust_accuracy": proportion(int(survived.sum()), len(survived))},
        n=len(survived),
        cost={"passes": sum(cell.row.cost.get("passes", 0.0) for cell in members)},
        seconds=sum(cell.row.seconds or 0.0 for cell in members),
        components={**first.components, "attack": attacks},
        **what,
    )


def _with_signs(row: Row) -> str:
    """The label of an attack with the names of its signs of failure."""
    signs = dict.fromkeys(doubt.partition(":")[0] for doubt in row.reason.split("; "))
    return f"{row.labels['attack']} ({', '.join(signs)})"


def _survivors(members: Sequence[MeasuredCell], threat: Threat) -> npt.NDArray[np.bool_]:
    """Whether no attack found a point within the threat that fools the model, for each example."""
    ids: list[str] | None = None
    survived: npt.NDArray[np.bool_] | None = None
    for cell in members:
        records = cell.records()
        if ids is not None and list(records["id"]) != ids:
            raise ValueError("the attacks were run on different examples")
        ids = list(records["id"])
        prediction = records["adversarial_prediction"]
        hit = prediction == records["target"] if threat.targeted else prediction != records["label"]
        within = records[str(threat.norm)] <= (threat.eps or 0.0) + _TOLERANCE
        fooled = records["correct"] & hit & within
        alive = records["correct"] & ~fooled
        survived = alive if survived is None else survived & alive
    assert survived is not None
    return survived
