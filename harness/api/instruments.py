"""Instruments of tasks: counted and frozen models, seeded library code, margins, norms. Imports torch."""

from harness.instruments.broadcasting import per_example as per_example
from harness.instruments.columns import column_tensor as column_tensor
from harness.instruments.columns import whole_labels as whole_labels
from harness.instruments.counted_model import LANES as LANES
from harness.instruments.counted_model import CountedModel as CountedModel
from harness.instruments.counted_model import PassObserver as PassObserver
from harness.instruments.finite_weights import check_finite_weights as check_finite_weights
from harness.instruments.flops import FlopCount as FlopCount
from harness.instruments.flops import count_flops as count_flops
from harness.instruments.frozen_model import left_unchanged as left_unchanged
from harness.instruments.frozen_model import tensors_left_unchanged as tensors_left_unchanged
from harness.instruments.margins import logit_margin as logit_margin
from harness.instruments.model_outputs import as_logits as as_logits
from harness.instruments.model_outputs import plain_outputs as plain_outputs
from harness.instruments.norms import DISTANCES as DISTANCES
from harness.instruments.norms import distance as distance
from harness.instruments.seeding import seeded as seeded
from harness.instruments.seeding import state_digest as state_digest
