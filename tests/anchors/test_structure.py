"""What structure says about shifts: exact invariance, none without it, and the price of a wrong belief."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness import Run

SUITE = """
suite: structure
task: classify
data: digits
models:
  - {use: structured_net, as: MLP, with: {structure: mlp, parameters: 5000, steps: 600}}
  - use: structured_net
    as: circular
    with: {structure: pooled_conv, parameters: 5000, steps: 600, learning_rate: 0.01, padding: circular}
  - use: structured_net
    as: permuted
    with: {structure: pooled_conv, parameters: 5000, steps: 600, learning_rate: 0.01, padding: circular, permuted: true}
attacks: [{use: shift, with: {direction: right}, sweep: {pixels: [0, 2]}}]
metrics: [accuracy, robust_accuracy, invariance_error]
"""


@pytest.mark.slow
def test_equal_parameters_and_unequal_knowledge(run: Callable[..., Run]) -> None:
    done = run(SUITE)

    def value(model: str, pixels: int, metric: str) -> float:
        return float(done.row(model=model, attack=f"shift pixels={pixels}").estimates[metric].value or 0.0)

    sizes = [row.facts["model"]["parameters"] for row in done.rows]
    assert max(sizes) <= 1.05 * 5000
    assert min(sizes) >= 0.95 * 5000
    # No shift changes nothing, for any model.
    assert all(value(model, 0, "invariance_error") == 0 for model in ("MLP", "circular", "permuted"))
    # Circular convolutions with a global maximum are invariant to rolling, up to round-off.
    assert value("circular", 2, "invariance_error") < 1e-5
    assert value("circular", 2, "robust_accuracy") == value("circular", 0, "accuracy") > 0.8
    # A network that assumes nothing has not learnt it from images that never move.
    assert value("MLP", 0, "accuracy") > 0.9
    assert value("MLP", 2, "robust_accuracy") < 0.35
    # The same convolutions on pixels in another order are invariant to something else.
    assert value("permuted", 2, "robust_accuracy") < 0.35
    assert value("permuted", 2, "invariance_error") > 1
