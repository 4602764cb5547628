"""The published greedy text of a trained checkpoint of llama2.c, character for character, and its likelihood."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.api import Context, Examples
from harness_language.models.llama2c import Llama2C
from harness_language.tasks.score_text import Language


@pytest.fixture(scope="module")
def folder(data_folder: Path) -> Path:
    place = data_folder / "language" / "stories260K"
    if not place.is_dir():
        pytest.skip(f"{place} is not there")
    return place


@pytest.fixture(scope="module")
def published(folder: Path) -> str:
    text = (folder / "stories260K.md").read_text(encoding="utf-8").split("-t 0.0\n")[1].split("\n```")[0]
    assert len(text) == 565
    return text


def test_the_greedy_text_is_the_published_one(folder: Path, published: str) -> None:
    """From the start token alone, 256 steps, as `run.c` does by default; each with the keys and values of the last."""
    model = Llama2C(folder).eval()
    tokens, past, new = [1], None, torch.tensor([[1]])
    with torch.inference_mode():
        for _ in range(256):
            states, past = model.extend(new, past)
            new = model.logits(states[:, -1]).argmax(dim=1, keepdim=True)
            tokens.append(int(new))
    assert model.decode(tokens) == published
    assert list(model.encode(published)) == tokens[1:]


def test_its_likelihood(folder: Path, published: str) -> None:
    task = Language(window=512, stride=512)
    records = task.run(Llama2C(folder), Examples(["story"], {"texts": [published]}), None, Context()).records
    assert records["tokens"] == [256]
    assert records["bytes"] == [565]
    assert records["nll"][0] / 256 == pytest.approx(0.4573, abs=5e-5)
