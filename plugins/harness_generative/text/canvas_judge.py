"""The judge of digit canvases: reads the number of digits, and each digit, independently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import affine_grid, cross_entropy, grid_sample, log_softmax

from harness.api import Context, Dataset
from harness_generative.text.digit_canvas import HEIGHT, LEFT, MIDDLE, RIGHT, SIDE, WIDTH
from harness_generative.text.meanings import DIGITS, MEANINGS

_BATCH = 64
_PEAK_LEARNING_RATE = 4e-3
_TURN, _SCALE, _SHIFT = 0.15, 0.1, 0.12


class CanvasJudge(nn.Module):
    """Reads which digits stand where on a digit canvas: P(meaning) = P(count) P(left | count) P(right | count).

    The places of a canvas are read one by one with the same network, so a pair of digits that never stood together in
    training is judged as well as any other. Canvases for training are composed anew in each batch, of turned, scaled
    and shifted digits that are cut out of the training canvases, each distinct digit counting once.

    Args:
        width: channels of the first convolution; the others have twice as many.
        epochs: passes over the distinct digits.
    """

    def __init__(self, width: Annotated[int, Ge(1)] = 16, epochs: Annotated[int, Ge(1)] = 60) -> None:
        super().__init__()
        self._epochs = epochs
        self.counter = nn.Sequential(nn.Flatten(), nn.Linear(HEIGHT * WIDTH, 32), nn.ReLU(), nn.Linear(32, 2))
        self.reader = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(2 * width * 4, 64),
            nn.ReLU(),
            nn.Linear(64, len(DIGITS)),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Log-probabilities `[n, 110]` of the meanings, which are logits too, of canvases `[n, 1, 8, 16]` in [0, 1]."""
        one, two = log_softmax(self.counter(inputs), dim=1).split(1, dim=1)
        places = torch.cat([inputs[..., columns] for columns in (LEFT, MIDDLE, RIGHT)])
        left, middle, right = log_softmax(self.reader(places), dim=1).chunk(3)
        pairs = two[:, :, None] + left[:, :, None] + right[:, None, :]
        return torch.cat([one + middle, pairs.flatten(1)], dim=1)

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Fit to the digits on the canvases of the training split."""
        digits, labels = (values.to(ctx.device) for values in cut_out(data("train")))
        generator = ctx.generator("training")
        batches = -(-len(digits) // _BATCH)
        optimizer = torch.optim.Adam(self.parameters(), lr=_PEAK_LEARNING_RATE, weight_decay=1e-5)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, _PEAK_LEARNING_RATE, total_steps=self._epochs * batches
        )
        for epoch in range(self._epochs):
            for rows in torch.randperm(len(digits), generator=generator).to(ctx.device).split(_BATCH):
                seen = distorted(digits[rows], generator)
                others = distorted(digits[rows.roll(1)], generator)
                optimizer.zero_grad()
                loss = cross_entropy(self.reader(seen), labels[rows]) + self._miscounted(seen, others)
                loss.backward()
                optimizer.step()
                schedule.step()
            ctx.progress(epoch + 1, self._epochs)
        self.eval()

    def _miscounted(self, digits: Tensor, others: Tensor) -> Tensor:
        """The loss of the counter on canvases of one digit and on canvases of two."""
        canvases = digits.new_zeros(2, len(digits), 1, HEIGHT, WIDTH)
        canvases[0, ..., MIDDLE] = digits
        canvases[1, ..., LEFT], canvases[1, ..., RIGHT] = digits, others
        count = torch.arange(2, device=digits.device).repeat_interleave(len(digits))
        return cross_entropy(self.counter(canvases.flatten(0, 1)), count)


def cut_out(data: Dataset) -> tuple[Tensor, Tensor]:
    """The distinct digits on canvases, `[n, 1, 8, 8]`, and their classes, `[n]`."""
    columns = data.take(range(len(data.ids)))
    inputs, meanings = np.asarray(columns["inputs"]), [MEANINGS[label] for label in columns["labels"]]
    distinct: dict[bytes, tuple[np.ndarray, int]] = {}
    for canvas, meaning in zip(inputs, meanings, strict=True):
        if meaning.right is None:
            pieces = [(canvas[..., MIDDLE], meaning.left)]
        else:
            pieces = [(canvas[..., LEFT], meaning.left), (canvas[..., RIGHT], meaning.right)]
        for pixels, digit in pieces:
            distinct.setdefault(pixels.tobytes(), (pixels, digit))
    digits = torch.as_tensor(np.stack([pixels for pixels, _ in distinct.values()]))
    return digits, torch.tensor([digit for _, digit in distinct.values()])


def distorted(digits: Tensor, generator: torch.Generator) -> Tensor:
    """Digits `[n, 1, 8, 8]`, each rotated, scaled and shifted a little."""
    n = len(digits)
    turn = _TURN * torch.randn(n, generator=generator)
    scale = 1 + _SCALE * torch.randn(n, generator=generator)
    shift = _SHIFT * torch.randn(n, 2, generator=generator)
    matrix = (
        torch.stack([turn.cos(), -turn.sin(), turn.sin(), turn.cos()], dim=1).reshape(n, 2, 2) * scale[:, None, None]
    )
    where = affine_grid(
        torch.cat([matrix, shift[:, :, None]], dim=2).to(digits.device), [n, 1, SIDE, SIDE], align_corners=False
    )
    return grid_sample(digits, where, align_corners=False)
