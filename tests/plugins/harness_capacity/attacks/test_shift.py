"""Images moved by whole pixels, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from harness.api import Context, InvalidOutput, LabelledInputs
from harness_capacity.attacks.shift import Shift

IMAGE = torch.arange(1, 10, dtype=torch.float32).reshape(1, 1, 3, 3) / 10


def batch(n: int = 1, image: Tensor = IMAGE, low: float = 0.0) -> LabelledInputs:
    return LabelledInputs([f"e{i}" for i in range(n)], image.repeat(n, 1, 1, 1), torch.zeros(n).long(), None, low, 1.0)


def moved(shift: Shift, low: float = 0.0) -> list[list[float]]:
    made: Tensor = shift.perturb(None, batch(low=low), Context())[0, 0]  # type: ignore[arg-type]
    return [[round(10 * value) for value in row] for row in made.tolist()]


@pytest.mark.parametrize(
    ("direction", "rolled", "padded"),
    [
        ("right", [[3, 1, 2], [6, 4, 5], [9, 7, 8]], [[0, 1, 2], [0, 4, 5], [0, 7, 8]]),
        ("left", [[2, 3, 1], [5, 6, 4], [8, 9, 7]], [[2, 3, 0], [5, 6, 0], [8, 9, 0]]),
        ("down", [[7, 8, 9], [1, 2, 3], [4, 5, 6]], [[0, 0, 0], [1, 2, 3], [4, 5, 6]]),
        ("up", [[4, 5, 6], [7, 8, 9], [1, 2, 3]], [[4, 5, 6], [7, 8, 9], [0, 0, 0]]),
    ],
)
def test_one_pixel_in_each_direction(direction: str, rolled: list[list[float]], padded: list[list[float]]) -> None:
    assert moved(Shift(1, "roll", direction)) == rolled  # type: ignore[arg-type]
    assert moved(Shift(1, "pad", direction)) == padded  # type: ignore[arg-type]


def test_padding_is_the_lowest_value_of_the_box_and_no_shift_changes_nothing() -> None:
    assert moved(Shift(2, "pad", "right"), low=-1.0)[0] == [-10, -10, 1]
    assert torch.equal(Shift(0, "pad").perturb(None, batch(), Context()), IMAGE)  # type: ignore[arg-type]


def test_the_drawn_direction_belongs_to_the_example() -> None:
    whole = Shift(1).perturb(None, batch(40), Context(seed=1))  # type: ignore[arg-type]
    few = batch(40)
    part = LabelledInputs(few.ids[10:20], few.inputs[10:20], few.labels[10:20], None, 0.0, 1.0)
    assert torch.equal(Shift(1).perturb(None, part, Context(seed=1)), whole[10:20])  # type: ignore[arg-type]
    assert len({tuple(image.flatten().tolist()) for image in whole}) == 4


class Corner:
    """Takes an image for class 1 if its upper left pixel is 0.4, as after moving up by one."""

    def __call__(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        hit = (inputs[:, 0, 0, 0] - 0.4).abs() < 1e-6
        return torch.stack([~hit, hit], dim=1).float()


def test_the_worst_is_the_one_that_fools_the_model() -> None:
    made = Shift(1, "roll", "worst").perturb(Corner(), batch(3), Context(batch_size=2))  # type: ignore[arg-type]
    assert torch.allclose(made[2, 0, 0], torch.tensor([0.4, 0.5, 0.6]))


@pytest.mark.parametrize(
    ("pixels", "image", "message"),
    [(3, IMAGE, "3 pixels moves all of an image of 3"), (1, IMAGE.flatten(1), r"images \[n, C, H, W\]")],
)
def test_what_cannot_be_moved(pixels: int, image: Tensor, message: str) -> None:
    given = LabelledInputs(["e"], image, torch.zeros(1).long(), None, 0.0, 1.0)
    with pytest.raises(InvalidOutput, match=message):
        Shift(pixels).perturb(None, given, Context())  # type: ignore[arg-type]
