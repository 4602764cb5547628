"""A toolkit for attacks on classifiers: batch slots with refill, losses, norm balls, the best point of each example.

An attack with a loss of its own is a subclass of `ProjectedGradientDescent`; its parameters, restarts and norms come
with it, and an example costs no pass once it is fooled:

    from harness.api import Component, hookimpl
    from harness.api.attacks import ProjectedGradientDescent, logit_margin


    class SquaredMargin(ProjectedGradientDescent):
        '''PGD on the squared margin of what is still classified correctly.'''

        def objective(self, logits, labels, targets):
            return -logit_margin(logits, labels).clamp_min(0).square()


    @hookimpl
    def harness_components():
        target = f"{__name__}:SquaredMargin"
        return [Component("attack", "squared_margin", target, "PGD on a squared margin.", tasks={"classify"})]

What moves in another way gives a start and a move to `GradientAscent`; what keeps its state by slot, such as momentum,
is a `Search` on `BatchSlots` for `run_searches`; what keeps it by row of the pool is a function for `run_steps`; and
what seeks the smallest distance offers its points to `Closest`. An attack that does so has `pooled = True`, since it
is then given all examples at once. Shapes: n is the pool, m or a slot's `[n]` the batch; inputs are `[n, ...]`, logits
`[n, classes]`. Distances and budgets are in units of the inputs. Nothing here checks what an attack returns: the task
does, and reports an input outside the budget or the box as an invalid cell. Imports torch.
"""

from harness.attacks.ascents import Ascents, AscentSearch, BestSearch
from harness.attacks.batch_slots import BatchSlots, Search, SearchResult, run_searches, run_steps
from harness.attacks.closest import Bisections, Closest, cosine
from harness.attacks.completion_flags import CompletionFlags, on_device
from harness.attacks.gradient_ascent import GradientAscent, ProjectedGradientDescent
from harness.attacks.l1_ball import l1_length, project_l1, sparse_step
from harness.attacks.losses import (
    Loss,
    adversarial_loss,
    dlr,
    fooled_at,
    gradients,
    is_fooled,
    likeliest_others,
    likeliest_targets,
    log_odds,
    loss_gradient,
    mean_fooled,
    targeted_dlr,
    targets_of,
)
from harness.attacks.norm_balls import (
    DUAL,
    BallNorm,
    ConvexNorm,
    clipped,
    length,
    project,
    random_offset,
    random_points,
    random_start,
    steepest,
    unit,
)
from harness.attacks.row_subset import OnRows, row_batches, rows_of
from harness.instruments.broadcasting import per_example
from harness.instruments.margins import logit_margin

__all__ = [
    "DUAL",
    "AscentSearch",
    "Ascents",
    "BallNorm",
    "BatchSlots",
    "BestSearch",
    "Bisections",
    "Closest",
    "CompletionFlags",
    "ConvexNorm",
    "GradientAscent",
    "Loss",
    "OnRows",
    "ProjectedGradientDescent",
    "Search",
    "SearchResult",
    "adversarial_loss",
    "clipped",
    "cosine",
    "dlr",
    "fooled_at",
    "gradients",
    "is_fooled",
    "l1_length",
    "length",
    "likeliest_others",
    "likeliest_targets",
    "log_odds",
    "logit_margin",
    "loss_gradient",
    "mean_fooled",
    "on_device",
    "per_example",
    "project",
    "project_l1",
    "random_offset",
    "random_points",
    "random_start",
    "row_batches",
    "rows_of",
    "run_searches",
    "run_steps",
    "sparse_step",
    "steepest",
    "targeted_dlr",
    "targets_of",
    "unit",
]
