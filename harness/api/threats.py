"""Protocols and inputs of attacks; `harness.api.attacks` has the toolkit to build them."""

from harness.contract.models import Norm as Norm
from harness.contract.threats import Attack as Attack
from harness.contract.threats import Averaging as Averaging
from harness.contract.threats import GradientAccess as GradientAccess
from harness.contract.threats import LabelledInputs as LabelledInputs
from harness.contract.threats import Pooled as Pooled
from harness.contract.threats import ScoreAccess as ScoreAccess
from harness.contract.threats import Staged as Staged
from harness.contract.threats import Threat as Threat
from harness.contract.threats import Viewed as Viewed
from harness.contract.threats import WithSurrogate as WithSurrogate
