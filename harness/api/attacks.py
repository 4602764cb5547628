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
what seeks the smallest distance attacks the model that `Closest.watching` returns. An attack that does so has
`pooled = True`, since it is then given all examples at once. Shapes: n is the pool, m or a slot's `[n]` the batch;
inputs are `[n, ...]`, logits `[n, classes]`. Distances and budgets are in units of the inputs. Nothing here checks what
an attack returns: the task does, and reports an input outside the budget or the box as an invalid cell. Imports torch.
"""

from harness.attacks.ascents import Ascents as Ascents
from harness.attacks.ascents import AscentSearch as AscentSearch
from harness.attacks.ascents import BestSearch as BestSearch
from harness.attacks.batch_slots import BatchSlots as BatchSlots
from harness.attacks.batch_slots import Search as Search
from harness.attacks.batch_slots import SearchResult as SearchResult
from harness.attacks.batch_slots import run_searches as run_searches
from harness.attacks.batch_slots import run_steps as run_steps
from harness.attacks.closest import ROUND_OFF as ROUND_OFF
from harness.attacks.closest import Bisections as Bisections
from harness.attacks.closest import Closest as Closest
from harness.attacks.closest import firmly_fooled as firmly_fooled
from harness.attacks.completion_flags import CompletionFlags as CompletionFlags
from harness.attacks.completion_flags import on_device as on_device
from harness.attacks.gradient_ascent import GradientAscent as GradientAscent
from harness.attacks.gradient_ascent import ProjectedGradientDescent as ProjectedGradientDescent
from harness.attacks.l1_ball import project_l1 as project_l1
from harness.attacks.l1_ball import sparse_step as sparse_step
from harness.attacks.losses import Loss as Loss
from harness.attacks.losses import adversarial_loss as adversarial_loss
from harness.attacks.losses import dlr as dlr
from harness.attacks.losses import fooled_at as fooled_at
from harness.attacks.losses import gradients as gradients
from harness.attacks.losses import is_fooled as is_fooled
from harness.attacks.losses import likeliest_others as likeliest_others
from harness.attacks.losses import likeliest_targets as likeliest_targets
from harness.attacks.losses import log_odds as log_odds
from harness.attacks.losses import loss_gradient as loss_gradient
from harness.attacks.losses import mean_fooled as mean_fooled
from harness.attacks.losses import targeted_dlr as targeted_dlr
from harness.attacks.losses import targets_of as targets_of
from harness.attacks.norm_balls import DUAL as DUAL
from harness.attacks.norm_balls import BallNorm as BallNorm
from harness.attacks.norm_balls import ConvexNorm as ConvexNorm
from harness.attacks.norm_balls import clipped as clipped
from harness.attacks.norm_balls import length as length
from harness.attacks.norm_balls import project as project
from harness.attacks.norm_balls import random_offset as random_offset
from harness.attacks.norm_balls import random_points as random_points
from harness.attacks.norm_balls import random_start as random_start
from harness.attacks.norm_balls import steepest as steepest
from harness.attacks.norm_balls import unit as unit
from harness.attacks.row_subset import OnRows as OnRows
from harness.attacks.row_subset import row_batches as row_batches
from harness.attacks.row_subset import row_parts as row_parts
from harness.attacks.row_subset import rows_of as rows_of
from harness.attacks.schedules import cosine as cosine
from harness.instruments.broadcasting import per_example as per_example
from harness.instruments.margins import logit_margin as logit_margin
