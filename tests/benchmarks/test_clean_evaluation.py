"""Clean evaluation of a folder of images against a bare loop over a torch DataLoader: processor time, as a ratio.

Run with `make benchmarks`. The network takes less time than decoding, so that nothing hides the overhead. Both decode
with Pillow and ask the same network in batches of 64; the cell also checks inputs, asks twice and makes records.
Nothing here is asserted of timings.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from harness.api import Context
from harness_classification.classify import Classify
from harness_vision.files.image_folder import image_folder

BATCH, SIDE, ROUNDS = 64, 224, 3


class Files(Dataset[tuple[Tensor, int]]):
    """The files of two class folders, as the documentation of torch reads them."""

    def __init__(self, folder: Path) -> None:
        self.paths = sorted(folder.rglob("*.jpg"))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        with Image.open(self.paths[row]) as image:
            pixels = np.asarray(image.convert("RGB"), np.float32) / 255
        return torch.from_numpy(pixels.transpose(2, 0, 1).copy()), int(self.paths[row].parent.name == "dog")


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 7, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 2)
    ).eval()


@torch.no_grad()
def bare_loop(model: nn.Module, folder: Path) -> float:
    """The accuracy."""
    loader = DataLoader(Files(folder), batch_size=BATCH)
    right = [(model(inputs).argmax(dim=1) == labels).sum() for inputs, labels in loader]
    return float(sum(right)) / len(loader.dataset)  # type: ignore[arg-type]


def cpu_seconds(run: Callable[[], Any]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def test_clean_evaluation_against_a_data_loader(benchmark: Any, tmp_path: Path) -> None:
    n = 1024 if benchmark.enabled else 8
    rng = np.random.default_rng(0)
    for i in range(n):
        path = tmp_path / ("cat", "dog")[i % 2] / f"{i}.jpg"
        path.parent.mkdir(exist_ok=True)
        smooth = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((SIDE, SIDE))
        smooth.save(path, quality=90)
    model, data = network(), image_folder(tmp_path)

    def cell() -> float:
        records = Classify().run(model, data, None, Context(batch_size=BATCH)).records
        return float(np.mean(records["correct"]))

    assert cell() == bare_loop(model, tmp_path)
    rounds = ROUNDS if benchmark.enabled else 1
    seconds = [(cpu_seconds(lambda: bare_loop(model, tmp_path)), cpu_seconds(cell)) for _ in range(rounds)]
    bare, ours = (min(side) for side in zip(*seconds, strict=True))
    benchmark.extra_info.update(n=n, cpu_ratio=ours / bare)
    print(f"\n{n} images: {ours:.2f} of {bare:.2f} s of the processor, {ours / bare:.3f} x a bare loop")
    benchmark.pedantic(cell, rounds=1)
