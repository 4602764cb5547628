"""What tasks measure with: counted and frozen models, seeded library code, norms. Imports torch."""

from harness.instruments.counted_model import LANES, CountedModel, PassObserver
from harness.instruments.frozen_model import left_unchanged
from harness.instruments.norms import DISTANCES, distance
from harness.instruments.seeding import seeded, state_digest

__all__ = ["DISTANCES", "LANES", "CountedModel", "PassObserver", "distance", "left_unchanged", "seeded", "state_digest"]
