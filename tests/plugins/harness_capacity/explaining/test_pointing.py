"""Maps beside known causes, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from harness.api import Examples, InvalidOutput
from harness_capacity.explaining.pointing import known_causes, pointed

IMAGES = torch.zeros(2, 3, 2, 2)


def causes(cause: Any, inputs: torch.Tensor = IMAGES) -> torch.Tensor:
    data = Examples(["a", "b"], {"cause": cause})
    return known_causes(cause, data, inputs)


def test_a_cause_is_marked_by_pixel_by_channel_or_by_element() -> None:
    by_pixel = np.array([[[1, 0], [0, 0]], [[0, 0], [1, 1]]], dtype=bool)
    expected = [[True, False, False, False], [False, False, True, True]]
    assert causes(by_pixel).tolist() == expected
    assert causes(by_pixel[:, None]).tolist() == expected
    assert causes(np.repeat(by_pixel[:, None], 3, axis=1)).tolist() == expected
    assert causes(by_pixel.reshape(2, 4), torch.zeros(2, 4)).tolist() == expected


def test_causes_that_cannot_be_meant() -> None:
    with pytest.raises(InvalidOutput, match=r"`cause` has shape \[2, 3, 3\]"):
        causes(np.ones((2, 3, 3), dtype=bool))
    with pytest.raises(InvalidOutput, match="`cause` of example 'b' marks nothing"):
        causes(np.array([[[1, 0], [0, 0]], [[0, 0], [0, 0]]], dtype=bool))


def test_hits_share_ties_and_mass_counts_what_is_positive() -> None:
    important = torch.tensor([[3.0, 3.0, -5.0, 1.0], [0.0, 1.0, 2.0, 1.0], [-1.0, -2.0, -3.0, -4.0]])
    cause = torch.tensor([[True, False, True, False], [False, False, True, True], [True, False, False, False]])
    found = {name: values.tolist() for name, values in pointed(important, cause).items()}
    assert found["pointing"] == [0.5, 1.0, 1.0]
    assert found["cause_mass"] == pytest.approx([3 / 7, 3 / 4, 0.0])
    assert found["cause_share"] == [0.5, 0.5, 0.25]
