"""One look for the pictures of reporters: a palette, panels, one legend, and files. Used by its own name."""

from harness.figures import DASHES as DASHES
from harness.figures import MARKERS as MARKERS
from harness.figures import PALE as PALE
from harness.figures import PALETTE as PALETTE
from harness.figures import empty_figure as empty_figure
from harness.figures import faint_grid as faint_grid
from harness.figures import legend as legend
from harness.figures import line_style as line_style
from harness.figures import panels as panels
from harness.figures import png as png
from harness.figures import save as save
from harness.figures.label_placement import Label as Label
from harness.figures.label_placement import Line as Line
from harness.figures.label_placement import place_labels as place_labels
from harness.figures.pareto import Better as Better
from harness.figures.pareto import front_steps as front_steps
from harness.figures.pareto import log_cost_axis as log_cost_axis
from harness.figures.pareto import log_if_wide as log_if_wide
from harness.figures.pareto import pareto_front as pareto_front
