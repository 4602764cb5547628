"""Every attack of the torchattacks library, discovered from the library itself.

The library is trusted with nothing: the core calls it on canonical chunks under a random state seeded by the
chunk, with parameters frozen and modes restored, counts its passes, and checks what it returns against the
threat declared here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, get_args

import torch
from annotated_types import Gt
from torch import Tensor

from harness.api import Context, GradientAccess, HarnessError, LabelledInputs, Norm, NotApplicable, Threat, Variants
from harness.api.attacks import BallNorm, Closest, per_example

if TYPE_CHECKING:
    from torchattacks.attack import Attack

_NORMS: Mapping[str, Norm] = {"Linf": "linf", "L2": "l2", "L1": "l1", "L0": "l0"}
_DISTANCE = re.compile(r"Distance Measure\s*:\s*(L\w+)")
# What the attacks that have a budget call it.
_BUDGET_PARAMETERS = ("eps", "max_epsilon", "pixels")
# How far points on the boundary are moved outwards, as shares of their distance.
_OUTWARDS = (1e-5, 1e-4, 1e-3)
# The library's own seeds and printing: the cell's seed and the cell's log take their place.
_HIDDEN_PARAMETERS = frozenset({"model", "seed", "verbose"})


def library_attacks() -> dict[str, type[Attack]]:
    """Name to class of every attack; wrappers of several are left out, since suites combine attacks themselves."""
    import torchattacks

    names = sorted(set(torchattacks.__all__) - set(torchattacks.__wrapper__))
    return {name: getattr(torchattacks, name) for name in names}


class TorchAttack:
    """Any attack of the torchattacks library by its class name, with its own parameters (Kim 2020).

    An attack for the smallest distance may end on the boundary to the last bit: of the points of DeepFool one in five
    fools alone and not in a batch, or the other way round. Such points are moved outwards, by at most a thousandth.

    Its norm is the one that its documentation declares (or its parameter `norm`), its budget is its parameter
    `eps` (`max_epsilon` of PIFGSM, `pixels` of OnePixel). An attack without either seeks the smallest perturbation.

    Some verdicts change where no decision of the model does (measured by the anchor `test_torchattacks_conformance`):
    those of CW and Jitter with a constant added to all logits, those of JSMA with the order of the classes, those on
    cross-entropy or probabilities with the scale of the logits, and of PGD, EOTPGD, FFGSM, RFGSM, TPGD, GN, OnePixel
    and Square with the order of the examples, since they draw their random numbers for a whole batch.

    Args:
        attack: the class in torchattacks.
        budget: for an attack without a budget of its own, the distance up to which a found point counts.
        targeted: move towards a target class instead of away from the true one.
    """

    def __init__(
        self, attack: str, budget: Annotated[float, Gt(0)] | None = None, targeted: bool = False, **parameters: Any
    ) -> None:
        self._class = library_attacks()[attack]
        self._parameters = parameters
        self.threat = _threat(self._class, parameters, budget, targeted)
        self.averages = int(_with_defaults(self._class, parameters).get("eot_iter") or 1) > 1

    @staticmethod
    def variants() -> Variants:
        """The parameters of each attack, from its own signature."""
        return Variants("attack", library_attacks(), _HIDDEN_PARAMETERS)

    def perturb(self, model: GradientAccess, batch: LabelledInputs, ctx: Context) -> Tensor:
        """Run the library's attack on one chunk.

        Raises:
            NotApplicable: the data is not in [0, 1], which the library takes for granted, or the attack cannot
                be targeted.
        """
        if (batch.low, batch.high) != (0.0, 1.0):
            raise NotApplicable(f"torchattacks works on [0, 1]; the data lies in [{batch.low:g}, {batch.high:g}]")
        attack = self._class(model, **self._parameters)
        attack.set_device(batch.inputs.device)
        if hasattr(attack, "seed"):
            attack.seed = ctx.derive_seed("library", *batch.ids[:1]) % 2**31
        if self.threat.targeted:
            if "targeted" not in attack.supported_mode:
                raise NotApplicable(f"torchattacks {self._class.__name__} cannot be targeted")
            attack.set_mode_targeted_by_label(quiet=True)
        labels = batch.labels if batch.targets is None else batch.targets
        adversarial: Tensor = attack(batch.inputs, labels)
        if self.threat.minimal and self.threat.norm in get_args(BallNorm):
            return _beyond_round_off(model, batch, adversarial.detach(), self.threat.norm)
        return adversarial.detach()


@torch.no_grad()
def _beyond_round_off(model: GradientAccess, batch: LabelledInputs, points: Tensor, norm: Any) -> Tensor:
    """The points `[n, ...]`; those that fool by no more than round-off are moved outwards until they fool firmly."""
    closest = Closest(batch, norm)
    rows = torch.arange(len(batch), device=points.device)
    firm = closest.note(rows, points, model(points, rows))
    for share in _OUTWARDS:
        ahead = (batch.inputs + (1 + share) * (points - batch.inputs)).clamp(batch.low, batch.high)
        firm |= closest.note(rows, ahead, model(ahead, rows))
    return torch.where(per_example(firm, points), closest.answer, points)


def _threat(kind: type[Attack], parameters: Mapping[str, Any], budget: float | None, targeted: bool) -> Threat:
    """The threat model that the library declares for an attack with these parameters."""
    parameters = _with_defaults(kind, parameters)
    declared = _DISTANCE.search(inspect.getdoc(kind) or "")
    name = parameters.get("norm") or (declared[1] if declared else None)
    if name is None:
        return Threat(None, None, targeted)
    own = next((parameters[name] for name in _BUDGET_PARAMETERS if name in parameters), None)
    if own is not None and budget is not None:
        raise NotApplicable(f"torchattacks {kind.__name__} has a budget of its own; leave `budget` out")
    if name not in _NORMS:
        raise HarnessError(f"torchattacks {kind.__name__} has no norm {name!r}; the library's are {', '.join(_NORMS)}")
    return Threat(_NORMS[name], budget if own is None else float(own), targeted, minimal=own is None)


def _with_defaults(kind: type[Attack], parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**{name: raw.default for name, raw in inspect.signature(kind).parameters.items()}, **parameters}
