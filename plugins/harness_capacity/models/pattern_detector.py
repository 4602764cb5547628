"""A network whose weights are written down: it sees planted patterns and nothing else."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness_capacity.data.planted_pattern import PATTERNS


class PatternDetector(nn.Module):
    """A convolution that knows the patterns of `planted_pattern`, and a sum over all places: nothing is trained.

    A filter is +1 on a pattern and -1 beside it; a unit is active only where it matches all but `slack` pixels. So the
    cause of every prediction is known by construction, and a map that points elsewhere is wrong.

    Args:
        slack: how much of the pattern's sum may be missing, in pixels.
        gain: the logit of a whole pattern.
    """

    def __init__(self, slack: float = 1.0, gain: float = 8.0) -> None:
        super().__init__()
        patterns = torch.as_tensor(PATTERNS)[:, None]
        self.detect = nn.Conv2d(1, len(patterns), 3, padding=1)
        self.active = nn.ReLU()
        self.detect.weight = nn.Parameter(2 * patterns - 1)
        self.detect.bias = nn.Parameter(slack - patterns.sum(dim=(1, 2, 3)))
        self.requires_grad_(False)
        self._gain = gain / slack

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `[n, 3]` of images `[n, 1, H, W]` in [0, 1]."""
        logits: Tensor = self._gain * self.active(self.detect(inputs)).sum(dim=(2, 3))
        return logits
