"""Digit classifiers whose weights ship."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.api import HarnessError
from harness_vision import shipped_digits as module
from harness_vision.digits import digits
from harness_vision.shipped_digits import RECIPES, shipped_digits


@pytest.mark.parametrize(("which", "least"), [("standard", 0.97), ("hardened", 0.95), ("linear", 0.94)])
def test_they_know_digits_and_are_not_trained(which: str, least: float) -> None:
    network = shipped_digits(which).eval()  # type: ignore[arg-type]
    assert not hasattr(network, "fit")
    data = digits("test")
    columns = data.take(range(len(data.ids)))
    with torch.no_grad():
        predicted = network(torch.as_tensor(columns["inputs"])).argmax(1)
    assert float((predicted == torch.as_tensor(columns["labels"])).float().mean()) >= least


def test_each_has_a_recipe_and_a_digest() -> None:
    assert (
        set(RECIPES) == set(module.SHA256) == {path.stem.removeprefix("digits_") for path in module.WEIGHTS.iterdir()}
    )


def test_a_damaged_or_missing_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WEIGHTS", tmp_path)
    with pytest.raises(HarnessError, match="cannot be read"):
        shipped_digits()
    (tmp_path / "digits_standard.safetensors").write_bytes(b"other")
    with pytest.raises(HarnessError, match="is not the file that ships"):
        shipped_digits()
