"""Digit classifiers whose weights ship with harness, so that reference tables come out again on every machine.

A network that is trained on first use differs between processors. `python -m harness_vision.shipped_digits` trains
these anew and prints their digests; then the tables under results/reference have to be made anew too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load, save_file
from torch import nn

from harness.api import Context, HarnessError
from harness.api.instruments import seeded
from harness_vision.digit_models import DigitCNN, DigitLinear
from harness_vision.digits import digits

Shipped = Literal["standard", "hardened", "linear"]
WEIGHTS = Path(__file__).parent / "weights"
RECIPES: Mapping[str, tuple[type[DigitCNN | DigitLinear], dict[str, Any]]] = {
    "standard": (DigitCNN, {}),
    "hardened": (DigitCNN, {"training": "adversarial", "eps": 0.2}),
    "linear": (DigitLinear, {}),
}
"""By name, the class and how it was trained."""
SHA256: Mapping[str, str] = {
    "standard": "626f13b0ca38392c87ff817cac30d31ba996ceff7aa8953d44c47044deaa0da1",
    "hardened": "125407273fb46446ec991d3a59bff03faba623d0db6ef1c6be62e0804f8a334c",
    "linear": "3c0e0e6d9dac6912b6eda22dbdf21cfd41b038fd8340b86d96e432674f26e6f1",
}
"""Of the files; in the code, so that other weights are another key."""


def shipped_digits(which: Shipped = "standard") -> nn.Module:
    """A digit classifier with weights that ship: the same numbers on every machine, and no training.

    Args:
        which: `standard` and `hardened` are `digit_cnn`, the latter trained against PGD within linf 0.2; `linear` is
            `digit_linear`.

    Raises:
        HarnessError: the file is missing or damaged.
    """
    file = WEIGHTS / f"digits_{which}.safetensors"
    try:
        content = file.read_bytes()
    except OSError as error:
        raise HarnessError(f"{file} cannot be read: {error.strerror}; install harness anew") from error
    if hashlib.sha256(content).hexdigest() != SHA256[which]:
        raise HarnessError(f"{file} is not the file that ships; install harness anew")
    make, recipe = RECIPES[which]
    network = make(**recipe).network
    network.load_state_dict({name: tensor.float() for name, tensor in load(content).items()})
    return network


def main() -> None:
    """Train all of them; half precision on disk keeps each file below 50 kB."""
    torch.set_num_threads(1)
    WEIGHTS.mkdir(exist_ok=True)
    for which, (make, recipe) in RECIPES.items():
        with seeded(0, "cpu"):
            model = make(**recipe)
            model.fit(lambda _: digits("train"), Context())
        file = WEIGHTS / f"digits_{which}.safetensors"
        save_file({name: tensor.half() for name, tensor in model.network.state_dict().items()}, file)
        print(f'    "{which}": "{hashlib.sha256(file.read_bytes()).hexdigest()}",')


if __name__ == "__main__":
    main()
