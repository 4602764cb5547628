"""What the tests of methods wrap: small networks and data of any number of classes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from harness.api import Dataset, Examples


def blobs(n: int, seed: int, name: str, classes: int = 3, spread: float = 1.0) -> Examples:
    """Points around the corners of a triangle."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    angles = 2 * np.pi * labels / classes
    inputs = np.stack([np.cos(angles), np.sin(angles)], 1) + spread * 0.5 * rng.standard_normal((n, 2))
    columns = {"inputs": inputs.astype(np.float32), "labels": labels.astype(np.int64)}
    return Examples([f"{name}-{i}" for i in range(n)], columns, facts={"classes": list("abc"[:classes])})


def splits(**sizes: int) -> Callable[[str], Dataset]:
    """Data by split; a split that is not there is a KeyError, as it is for datasets."""
    made = {name: blobs(n, 10 + i, name) for i, (name, n) in enumerate(sizes.items())}
    return lambda name: made[name]


class Network(nn.Module):
    """A layer, perhaps dropout, and a linear layer; untrained."""

    def __init__(self, seed: int = 0, dropout: float = 0.0, width: int = 8, scale: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.scale = scale
        self.layers = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 3))
        self.eval().requires_grad_(False)

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.layers(inputs)
        return logits * self.scale if self.scale != 1 else logits


def trained(dropout: float = 0.0, steps: int = 200) -> Network:
    """Fitted to 60 points."""
    network, data = Network(dropout=dropout), blobs(60, 1, "train")
    network.requires_grad_(True)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    for _ in range(steps):
        optimizer.zero_grad()
        logits = network(torch.as_tensor(data.columns["inputs"]))
        nn.functional.cross_entropy(logits, torch.as_tensor(data.columns["labels"])).backward()
        optimizer.step()
    network.requires_grad_(False)
    return network


def points(data: Dataset) -> Tensor:
    return torch.as_tensor(data.take(range(len(data.ids)))["inputs"])
