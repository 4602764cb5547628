"""Protocol and inputs of attribution methods, which say which parts of an input a model used."""

from harness.contract.attributions import Attribution as Attribution
from harness.contract.attributions import ExplainedInputs as ExplainedInputs
from harness.contract.attributions import Quantity as Quantity
