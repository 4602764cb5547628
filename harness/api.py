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

from harness import figures
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
from harness.contract.parameters import ComponentOf, ImportPath, Location, Uncounted, Variants
from harness.contract.protocols import (
    Aggregate,
    Attack,
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
)
from harness.contract.records import Records
from harness.contract.rows import MeasuredCell, Row, Status
from harness.hooks import hookimpl
from harness.hub_folders import published_folder
from harness.instruments.broadcasting import per_example
from harness.instruments.margins import logit_margin
from harness.pinned_files import PinnedFile, default_folder, read_pinned
from harness.results.gaps import GapTest, permutation_p, permuted_counts, permuted_gap
from harness.results.neighbours import DistanceBlock, nearest, within_radii
from harness.results.paired import holm
from harness.results.stats import (
    bootstrap,
    mean,
    newcombe,
    normal_quantile,
    proportion,
    ratio_of_sums,
    square_and_add,
    wilson,
)
from harness.statistics.clustered_sums import ClusteredSums
from harness.statistics.partition import Partition
from harness.tasks.distances import distance

__all__ = [
    "Aggregate",
    "Attack",
    "Cell",
    "CellReporter",
    "Certificate",
    "Certified",
    "Chat",
    "Classifier",
    "ClusteredSums",
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
    "Partition",
    "PerExample",
    "PinnedFile",
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
    "bootstrap",
    "default_folder",
    "distance",
    "figures",
    "holm",
    "hookimpl",
    "logit_margin",
    "mean",
    "nearest",
    "newcombe",
    "normal_quantile",
    "per_example",
    "permutation_p",
    "permuted_counts",
    "permuted_gap",
    "proportion",
    "published_folder",
    "ratio_of_sums",
    "read_pinned",
    "square_and_add",
    "wilson",
    "within_radii",
]
