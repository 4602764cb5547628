"""Generated images that lie nowhere: a dataset as large as one likes, and the peak of memory of a cell of it.

Run as a program: it prints, as JSON, the peak of the memory of this process in MiB, and a hash of the records.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.api import Attack, Context, Dataset, Outcome
from harness_adversarial.attacks.gradient_attacks import PGD
from harness_classification import windows
from harness_classification.classify import Classify
from harness_uncertainty.data.corrupted import Corrupted

CLASSES = 10


class StreamedImages:
    """Images `[3, side, side]` in [0, 1], each cut from one random picture at a place of its own.

    Args:
        n: how many.
        side: height and width of each.
    """

    def __init__(self, n: int, side: int) -> None:
        self._side = side
        self._network = OneConvolution()
        self._picture = np.random.default_rng(0).random((3, side + 64, side + 64), dtype=np.float32)
        self.ids: Sequence[str] = [f"image-{i}" for i in range(n)]
        self.groups: Mapping[str, Sequence[Any]] = {}
        self.facts: Mapping[str, Any] = {"classes": [str(c) for c in range(CLASSES)], "box": [0.0, 1.0]}

    def take(self, indices: Sequence[int]) -> Mapping[str, Any]:
        """The columns `inputs` and `labels`."""
        inputs = np.empty((len(indices), 3, self._side, self._side), np.float32)
        for image, i in zip(inputs, indices, strict=True):
            image[:] = self._picture[:, i % 61 : i % 61 + self._side, i % 53 : i % 53 + self._side]
        # Classes that the network below is right about, but for every tenth image.
        with torch.no_grad():
            labels = self._network(torch.from_numpy(inputs)).argmax(dim=1).numpy()
        return {"inputs": inputs, "labels": np.where(np.array(indices) % 10 == 0, (labels + 1) % CLASSES, labels)}


class OneConvolution(nn.Module):
    """A network of one convolution, the mean over places, and random weights."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.convolution = nn.Conv2d(3, CLASSES, 8, stride=8)
        for parameter in self.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.convolution(inputs).relu().mean(dim=(2, 3))


def outcome_of(kind: str, n: int, side: int, batch_size: int) -> Outcome:
    """The cell: `clean`, `corrupted`, or `attacked` by PGD of two steps; most answers count as right."""
    data: Dataset = StreamedImages(n, side)
    attack: Attack | None = PGD(1 / 255, steps=2) if kind == "attacked" else None
    if kind == "corrupted":
        data = Corrupted(data, "brightness", 2)
    return Classify().run(OneConvolution().eval(), data, attack, Context(batch_size=batch_size))


def peak() -> float:
    """The peak of the memory of this process in MiB; not ru_maxrss, which begins with the peak of the parent."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def main() -> None:
    """Measure one cell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("clean", "corrupted", "attacked"))
    parser.add_argument("n", type=int)
    parser.add_argument("side", type=int)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--window-kib", type=int, help="of the inputs of a window, by default those of the task")
    options = parser.parse_args()
    if options.window_kib:
        windows.CLEAN_BYTES = windows.ATTACK_BYTES = 1024 * options.window_kib
    records = outcome_of(options.kind, options.n, options.side, options.batch_size).records
    text = json.dumps({name: np.asarray(values).tolist() for name, values in records.items()})
    json.dump({"mib": peak(), "records": hashlib.sha256(text.encode()).hexdigest()}, sys.stdout)


if __name__ == "__main__":
    main()
