"""What must not change a verdict of a native attack: the batch size, and another way to say the same logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pytest

from harness.api import Attack, Examples
from harness_adversarial import harness_components
from harness_adversarial.attacks.apgd import APGD, APGDTargeted
from harness_adversarial.attacks.auto_attack import AutoAttack
from harness_adversarial.attacks.carlini_wagner import CarliniWagner
from harness_adversarial.attacks.ddn import DDN
from harness_adversarial.attacks.deepfool import DeepFool
from harness_adversarial.attacks.eot_pgd import EotPGD
from harness_adversarial.attacks.fab import FABTargeted
from harness_adversarial.attacks.fmn import FMN
from harness_adversarial.attacks.gradient_attacks import BIM, FGSM, PGD
from harness_adversarial.attacks.hopskipjump import HopSkipJump
from harness_adversarial.attacks.noise import UniformNoise
from harness_adversarial.attacks.patch import Patch
from harness_adversarial.attacks.pgd_curve import PGDCurve
from harness_adversarial.attacks.physical import EOTPhysical
from harness_adversarial.attacks.spatial import RotationTranslation
from harness_adversarial.attacks.square import Square
from harness_adversarial.attacks.transfer import Transfer
from harness_vision.digits import digits
from metamorphic import PLAIN, RENAMED, Change, Network, differing, verdicts

LINF, L2, L1, SOME = 0.04, 0.2, 0.6, 12


def transfer(change: Change) -> Transfer:
    """From the model itself, which is told its classes as the model is."""
    return Transfer(Network(change).eval(), LINF, steps=4, loss="margin")


ATTACKS: Mapping[str, Callable[[], Attack]] = {
    "fgsm": partial(FGSM, LINF, loss="margin"),
    "pgd": partial(PGD, LINF, steps=4, restarts=2, loss="margin"),
    "pgd l2": partial(PGD, L2, "l2", steps=4, loss="margin"),
    "pgd l1": partial(PGD, L1, "l1", steps=4, loss="margin"),
    "pgd_curve": partial(PGDCurve, [LINF, LINF / 2], steps=4, loss="margin"),
    "apgd": partial(APGD, LINF, loss="dlr", steps=6),
    "apgd l1": partial(APGD, L1, "l1", loss="dlr", steps=12),
    "apgd l2": partial(APGD, L2, "l2", loss="dlr", steps=6),
    "apgd_targeted": partial(APGDTargeted, LINF, targets=2, steps=5),
    "apgd_targeted l1": partial(APGDTargeted, L1, "l1", targets=2, steps=12),
    "apgd_targeted l2": partial(APGDTargeted, L2, "l2", targets=2, steps=5),
    "eot_pgd": partial(EotPGD, LINF, steps=3, draws=2, loss="margin"),
    "fab_targeted": partial(FABTargeted, LINF, targets=2, steps=5),
    "fab_targeted l2": partial(FABTargeted, L2, "l2", targets=2, steps=5),
    "square": partial(Square, LINF, queries=20),
    "square l2": partial(Square, L2, "l2", queries=20),
    "auto_attack": partial(AutoAttack, LINF, steps=4, targets=2, queries=10),
    "auto_attack l2": partial(AutoAttack, L2, "l2", steps=4, targets=2, queries=10),
    "auto_attack rand": partial(AutoAttack, LINF, version="rand", steps=4, eot=2),
    "noise": partial(UniformNoise, 0.2, draws=3),
    "ddn": partial(DDN, steps=8, bisections=2),
    "fmn": partial(FMN, "linf", steps=8, bisections=2),
    "deepfool": partial(DeepFool, steps=15, bisections=2),
    "carlini_wagner": partial(CarliniWagner, steps=8, searches=3, weight=1, bisections=2),
    "hopskipjump": partial(HopSkipJump, iterations=1, samples=8, starts=3, bisections=4),
    "eot_physical": partial(EOTPhysical, 0.1, steps=2, samples=2, views=3, targeted=False, loss="margin"),
    "patch": partial(Patch, 3, steps=3, restarts=2, loss="margin"),
    "rotation_translation": partial(RotationTranslation, 30, 3, 0.1, 2),
    "transfer": partial(transfer, PLAIN),
}
CROSS_ENTROPY: Mapping[str, Callable[[], Attack]] = {
    "fgsm": partial(FGSM, LINF),
    "bim": partial(BIM, LINF, steps=4),
    "pgd": partial(PGD, LINF, steps=4),
    "apgd": partial(APGD, LINF, steps=6),
}
"""Of these no temperature is the right one: see the last test."""
DEPENDS_ON_SCALE = ("auto_attack", "auto_attack l2", "auto_attack rand", "carlini_wagner", "deepfool")
"""What is found, not whether: AutoAttack begins with cross-entropy, C&W weighs logits against distance, and
DeepFool adds 1e-6 to a margin."""


@pytest.fixture(scope="module")
def source() -> Examples:
    return digits("test")


def test_every_native_attack_is_tried() -> None:
    names = {component.name for component in harness_components() if component.kind == "attack"}
    tried = {name.split()[0] for name in (*ATTACKS, *CROSS_ENTROPY)}
    assert tried == names - {"torchattacks"}


@pytest.mark.parametrize("name", [*ATTACKS, *(f"{name} cross-entropy" for name in CROSS_ENTROPY)])
def test_verdicts_are_the_same_to_the_bit_for_every_batch_size(name: str, source: Examples) -> None:
    """So are the distances and margins, and it does not matter either who else is attacked."""
    attack = ATTACKS.get(name) or CROSS_ENTROPY[name.split()[0]]
    whole = verdicts(attack(), source, 66, batch_size=66)
    assert verdicts(attack(), source, 66, batch_size=64) == whole
    for batch_size in (1, 7):
        some = verdicts(attack(), source, 9, batch_size=batch_size)
        assert some == {name: whole[name] for name in some}


@pytest.mark.parametrize("name", ATTACKS)
def test_the_same_decisions_said_otherwise_get_the_same_verdicts(name: str, source: Examples) -> None:
    """A factor of 128 is exact, so not a bit may differ; with the others examples on the boundary may."""
    plain = verdicts(ATTACKS[name](), source, SOME)
    assert any(verdict.fooled for verdict in plain.values())
    exact, scaled, renamed = (
        verdicts(transfer(change) if name == "transfer" else ATTACKS[name](), source, SOME, change)
        for change in (Change(scale=128, reversed=True), Change(scale=100), Change(shift=-50, classes=RENAMED))
    )
    assert differing(plain, exact) == differing(plain, scaled) == differing(plain, renamed) == []
    if name not in DEPENDS_ON_SCALE:
        assert exact == plain


@pytest.mark.parametrize("name", CROSS_ENTROPY)
def test_cross_entropy_keeps_its_verdicts_but_for_the_scale(name: str, source: Examples) -> None:
    """Scaled logits are another temperature, so another loss: no attack on cross-entropy can be free of it.

    What can be asked is that a scale hides nothing. APGD climbs log odds, whose gradient does not vanish where
    cross-entropy's does in float32; with FGSM, BIM and PGD the indicator `zero_gradients` says so, and their
    `loss: margin` (APGD's `loss: dlr`) is free of the scale.
    """
    attack = CROSS_ENTROPY[name]
    plain = verdicts(attack(), source, SOME)
    renamed = verdicts(attack(), source, SOME, Change(shift=-50, classes=RENAMED, reversed=True))
    assert differing(plain, renamed) == []
    scaled = verdicts(attack(), source, SOME, Change(scale=100))
    assert differing(plain, scaled) != []
    confident = verdicts(attack(), source, SOME, Change(scale=100_000))
    fooled, fooled_when_confident = (sum(v.fooled for v in found.values()) for found in (plain, confident))
    assert fooled_when_confident >= fooled if name == "apgd" else fooled_when_confident < fooled / 2
