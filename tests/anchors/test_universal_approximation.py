"""What a ReLU network of a given width can represent, against the closed form of linear interpolation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness import Run

SUITE = """
suite: approximation
task: regress
data: {use: function, with: {name: sine}}
models: [{use: relu_interpolant, as: constructed, sweep: {width: [8, 16, 32, 64]}}]
metrics: [sup_error]
aggregates: [{use: size_needed, with: {metric: sup_error, at_most: 0.005}}]
"""


def closed_form(pieces: int) -> float:
    """The largest error of the polygon through sin(2 pi x) at k / n, at the stationary point of the worst piece.

    On a piece of half-length a around the phase c the chord has the slope cos(c) sin(a) / a, so the error is extreme
    where cos(phase) is that slope. The worst piece touches the crest.
    """
    half = np.pi / pieces
    slope = np.cos(np.pi / 2 - half) * np.sin(half) / half
    phase = np.arccos(slope)
    chord = np.sin(np.pi / 2 - 2 * half) + slope * (phase - (np.pi / 2 - 2 * half))
    return float(np.sin(phase) - chord)


def test_the_closed_form_is_the_published_bound() -> None:
    found = [closed_form(n) for n in (8, 16, 32, 64)]
    assert found == pytest.approx([0.0704, 0.0189, 0.0048, 0.0012], abs=6e-5)
    assert all(error <= np.pi**2 / 2 / n**2 for error, n in zip(found, (8, 16, 32, 64), strict=True))


def test_the_constructed_network_reaches_it_at_every_width(run: Callable[..., Run]) -> None:
    done = run(SUITE)
    for width in (8, 16, 32, 64):
        found = done.row(model=f"constructed width={width}").estimates["sup_error"].value
        # Between two of 1024 points the error differs from its maximum by at most (2 pi)^2 / 8 / 1024^2 < 5e-6.
        assert found == pytest.approx(closed_form(width), abs=5e-6)
    needed = next(row for row in done.rows if row.derived).estimates["width_best_seed"]
    assert (needed.value, needed.low) == (32, 16)
