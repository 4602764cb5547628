"""Digit classifiers whose weights are committed, so that tests attack the same network on every processor.

A network that is trained on first use comes out differently elsewhere: the sums of a convolution are added in another
order with AVX-512 than with AVX2, and training makes other weights of the difference. `python tests/trained_digits.py`
trains them anew; then the tests that use them have to be looked through.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from harness.api import Context
from harness_vision.digit_models import DigitCNN
from harness_vision.digits import digits

WEIGHTS = Path(__file__).parent / "weights"
WIDTH = 8
TRAINED: dict[str, dict[str, Any]] = {
    "standard": {},
    "hardened": {"training": "adversarial", "eps": 0.2},
    "short": {"epochs": 8},
}
"""By file, how each was trained; `short` has boundaries that are those of digits, and no more."""


def architecture() -> nn.Module:
    """Return the network without its recipe, which a suite would otherwise want to train."""
    return DigitCNN(width=WIDTH).network


def trained_cnn(name: str = "standard") -> DigitCNN:
    """Return a frozen digit CNN of the committed weights."""
    network = DigitCNN(width=WIDTH)
    network.network.load_state_dict(load_file(WEIGHTS / f"digit_cnn_{name}.safetensors"))
    return network.eval().requires_grad_(False)


def checkpoint_of(name: str) -> str:
    """Return the line of a suite that lists the same network as a model."""
    file = WEIGHTS / f"digit_cnn_{name}.safetensors"
    return f"{{use: checkpoint, as: {name}, with: {{architecture: 'trained_digits:architecture', weights: {file}}}}}"


def main() -> None:
    """Train all of them; half precision on disk keeps each file below 20 kB."""
    torch.set_num_threads(1)
    WEIGHTS.mkdir(exist_ok=True)
    for name, how in TRAINED.items():
        torch.manual_seed(0)
        network = DigitCNN(width=WIDTH, **how)
        network.fit(digits, Context())
        state = {key: tensor.half() for key, tensor in network.network.state_dict().items()}
        save_file(state, WEIGHTS / f"digit_cnn_{name}.safetensors")


if __name__ == "__main__":
    main()
