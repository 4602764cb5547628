"""Protocols of classifiers and regression models."""

from harness.contract.models import Certificate as Certificate
from harness.contract.models import Certified as Certified
from harness.contract.models import Classifier as Classifier
from harness.contract.models import Described as Described
from harness.contract.models import Differentiable as Differentiable
from harness.contract.models import NamedClasses as NamedClasses
from harness.contract.models import Prediction as Prediction
from harness.contract.models import Regressor as Regressor
from harness.contract.models import SetPredictor as SetPredictor
from harness.contract.models import Trainable as Trainable
from harness.contract.models import Uncertain as Uncertain
