"""Which attacks of torchattacks change their verdicts where no decision of the model changed.

Run with `pytest -s tests/anchors/test_torchattacks_conformance.py` to see the report.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pytest
from tabulate import tabulate

from harness_adversarial.attacks.torchattacks_adapter import TorchAttack, library_attacks
from harness_vision.digits import digits
from metamorphic import PLAIN, RENAMED, Change, differing, verdicts

CHANGES: Mapping[str, Change] = {
    "logits x 100": Change(scale=100),
    "logits - 50": Change(shift=-50),
    "classes permuted": Change(classes=RENAMED),
    "examples permuted": Change(reversed=True),
}
SETTINGS: Mapping[str, dict[str, Any]] = {
    "CW": {"steps": 15, "lr": 0.1, "c": 10},
    "DeepFool": {"steps": 5},
    "FAB": {"steps": 10},
    "Pixle": {"max_iterations": 3, "restarts": 3},
    "SPSA": {"nb_iter": 2, "nb_sample": 16},
    "Square": {"n_queries": 50},
}
"""Few steps, for the sake of time."""
NOT_TRIED = {"PIFGSM", "PIFGSMPP", "TIFGSM", "EADEN", "EADL1", "SparseFool"}
"""Kernels for three channels; points outside the box, which the core refuses; and too slow."""
ON_PROBABILITIES = [
    *("APGD", "BIM", "DIFGSM", "EOTPGD", "FFGSM", "FGSM", "MIFGSM", "NIFGSM", "OnePixel", "PGD", "PGDL2", "PGDRS"),
    *("PGDRSL2", "RFGSM", "SINIFGSM", "TPGD", "UPGD", "VMIFGSM", "VNIFGSM"),
]
"""Maximise a loss of probabilities, so that another temperature is another attack: not a fault, but to be known."""
BY_PLACE = ["EOTPGD", "FFGSM", "GN", "OnePixel", "PGD", "RFGSM", "Square", "TPGD"]
"""Draw their random numbers for a batch, so that the verdict on an example depends on who is before it."""
FAULTS = {("CW", "logits - 50"), ("Jitter", "logits - 50"), ("JSMA", "classes permuted")}
"""CW masks logits by multiplying with 0, Jitter divides by the largest, JSMA aims at the class after the true one."""


@pytest.mark.extended
def test_the_report_of_what_fails_where() -> None:
    source = digits("test")
    failed: dict[str, dict[str, int]] = {}
    for name in sorted(set(library_attacks()) - NOT_TRIED):
        own = SETTINGS.get(name, {})
        if "eps" in inspect.signature(library_attacks()[name]).parameters:
            own = {**own, "eps": 0.2 if TorchAttack(name).threat.norm == "l2" else 0.05}
        plain = verdicts(TorchAttack(name, **own), source, 20, PLAIN)
        failed[name] = {
            what: len(differing(plain, verdicts(TorchAttack(name, **own), source, 20, change)))
            for what, change in CHANGES.items()
        }
    print("\nVerdicts of 20 that change:\n" + tabulate([{"attack": name, **of} for name, of in failed.items()], "keys"))
    found = {(name, what) for name, of in failed.items() for what, count in of.items() if count}
    expected = {(name, "logits x 100") for name in ON_PROBABILITIES} | {
        (name, "examples permuted") for name in BY_PLACE
    }
    assert found == expected | FAULTS
