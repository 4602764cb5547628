"""Instruments of tasks: counted and frozen models, seeded library code, margins, norms. Imports torch."""

from harness.instruments.broadcasting import per_example
from harness.instruments.counted_model import LANES, CountedModel, PassObserver
from harness.instruments.frozen_model import left_unchanged
from harness.instruments.margins import logit_margin
from harness.instruments.norms import DISTANCES, distance
from harness.instruments.seeding import seeded, state_digest

__all__ = [
    "DISTANCES",
    "LANES",
    "CountedModel",
    "PassObserver",
    "distance",
    "left_unchanged",
    "logit_margin",
    "per_example",
    "seeded",
    "state_digest",
]
