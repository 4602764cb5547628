"""Protocols and inputs of attacks; `harness.api.attacks` has the toolkit to build them."""

from harness.contract.protocols import Attack as Attack
from harness.contract.protocols import Averaging as Averaging
from harness.contract.protocols import GradientAccess as GradientAccess
from harness.contract.protocols import LabelledInputs as LabelledInputs
from harness.contract.protocols import Norm as Norm
from harness.contract.protocols import Pooled as Pooled
from harness.contract.protocols import ScoreAccess as ScoreAccess
from harness.contract.protocols import Threat as Threat
from harness.contract.protocols import Viewed as Viewed
from harness.contract.protocols import WithSurrogate as WithSurrogate
