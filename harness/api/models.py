"""Protocols of classifiers and regression models."""

from harness.contract.protocols import Certificate as Certificate
from harness.contract.protocols import Certified as Certified
from harness.contract.protocols import Classifier as Classifier
from harness.contract.protocols import Described as Described
from harness.contract.protocols import Differentiable as Differentiable
from harness.contract.protocols import Prediction as Prediction
from harness.contract.protocols import Regressor as Regressor
from harness.contract.protocols import SetPredictor as SetPredictor
from harness.contract.protocols import Trainable as Trainable
from harness.contract.protocols import Uncertain as Uncertain
