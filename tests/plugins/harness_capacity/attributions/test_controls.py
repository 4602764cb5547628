"""Controls know nothing of the model."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from harness.api import Context, ExplainedInputs, NotApplicable
from harness_capacity.attributions.controls import EdgeFilter, RandomMap

NO_MODEL: Any = None


def batch(*shape: int) -> ExplainedInputs:
    return ExplainedInputs([f"e{i}" for i in range(shape[0])], torch.zeros(shape), torch.zeros(shape[0]).long())


def test_a_random_map_is_drawn_by_example_one_channel_for_images() -> None:
    maps = RandomMap().attribute(NO_MODEL, batch(3, 2, 4, 5), Context())
    assert maps.shape == (3, 1, 4, 5)
    torch.testing.assert_close(RandomMap().attribute(NO_MODEL, batch(1, 2, 4, 5), Context())[0], maps[0])
    assert not torch.equal(maps[0], maps[1])
    assert RandomMap().attribute(NO_MODEL, batch(2, 7), Context()).shape == (2, 7)


def test_an_edge_has_the_size_of_its_slope_whatever_its_direction() -> None:
    image = torch.zeros(1, 1, 4, 4)
    image[..., 2:] = 1.0
    across = EdgeFilter().attribute(NO_MODEL, ExplainedInputs(["a"], image, torch.tensor([0])), Context())
    assert across[0, 0].tolist() == [[0.0, 4.0, 4.0, 0.0]] * 4
    down = EdgeFilter().attribute(NO_MODEL, ExplainedInputs(["a"], image.mT, torch.tensor([0])), Context())
    assert torch.equal(down, across.mT)
    with pytest.raises(NotApplicable, match="needs images"):
        EdgeFilter().attribute(NO_MODEL, batch(1, 4), Context())
