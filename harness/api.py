"""All that a plugin may import from the core.

A plugin is a module with a hook that declares components:

    from harness.api import Component, hookimpl

    @hookimpl
    def harness_components():
        return [Component("attack", "corner", f"{__name__}:Corner", "Moves every pixel to a corner of the box.",
                          tasks={"classify"})]

Each component's target is a class or function. Its parameters, their types, defaults and documentation are
read from its signature and docstring; what it must be able to do stands in the protocols below.
"""

from harness.contract.cells import Cell, Use
from harness.contract.components import Component, Kind
from harness.contract.context import Context
from harness.contract.data import Dataset, Examples
from harness.contract.errors import HarnessError, InvalidOutput, MissingData, NotApplicable
from harness.contract.estimates import Estimate
from harness.contract.language import (
    Chat,
    Decoding,
    DifferentiableLanguageModel,
    Incremental,
    LanguageModel,
    TextAttack,
    TextBatch,
)
from harness.contract.parameters import ComponentOf, FormerSpelling, ImportPath, Location, Uncounted, Variants
from harness.contract.protocols import (
    Aggregate,
    Attack,
    Averaging,
    CellReporter,
    Certificate,
    Certified,
    Classifier,
    Conditional,
    Denoiser,
    Differentiable,
    Doubting,
    Extractor,
    GradientAccess,
    LabelledInputs,
    Metric,
    Norm,
    OneShot,
    Outcome,
    PerExample,
    Pooled,
    Prediction,
    Regressor,
    Reporter,
    SampleBatch,
    Sampler,
    ScoreAccess,
    SetPredictor,
    Summed,
    Task,
    Threat,
    Trainable,
    Uncertain,
    Viewed,
    WithSurrogate,
)
from harness.contract.records import Records
from harness.contract.rows import MeasuredCell, Row, Status
from harness.hooks import hookimpl
from harness.hub_folders import published_folder
from harness.pinned_files import PinnedFile, default_folder, read_pinned
from harness.results.gaps import GapTest, permuted_gap
from harness.results.neighbours import DistanceBlock, nearest, within_radii
from harness.results.stats import bootstrap, mean, proportion, ratio_of_sums, wilson

__all__ = [
    "Aggregate",
    "Attack",
    "Averaging",
    "Cell",
    "CellReporter",
    "Certificate",
    "Certified",
    "Chat",
    "Classifier",
    "Component",
    "ComponentOf",
    "Conditional",
    "Context",
    "Dataset",
    "Decoding",
    "Denoiser",
    "Differentiable",
    "DifferentiableLanguageModel",
    "DistanceBlock",
    "Doubting",
    "Estimate",
    "Examples",
    "Extractor",
    "FormerSpelling",
    "GapTest",
    "GradientAccess",
    "HarnessError",
    "ImportPath",
    "Incremental",
    "InvalidOutput",
    "Kind",
    "LabelledInputs",
    "LanguageModel",
    "Location",
    "MeasuredCell",
    "Metric",
    "MissingData",
    "Norm",
    "NotApplicable",
    "OneShot",
    "Outcome",
    "PerExample",
    "PinnedFile",
    "Pooled",
    "Prediction",
    "Records",
    "Regressor",
    "Reporter",
    "Row",
    "SampleBatch",
    "Sampler",
    "ScoreAccess",
    "SetPredictor",
    "Status",
    "Summed",
    "Task",
    "TextAttack",
    "TextBatch",
    "Threat",
    "Trainable",
    "Uncertain",
    "Uncounted",
    "Use",
    "Variants",
    "Viewed",
    "WithSurrogate",
    "bootstrap",
    "default_folder",
    "hookimpl",
    "mean",
    "nearest",
    "permuted_gap",
    "proportion",
    "published_folder",
    "ratio_of_sums",
    "read_pinned",
    "wilson",
    "within_radii",
]
