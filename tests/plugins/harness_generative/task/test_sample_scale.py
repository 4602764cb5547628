"""Samples that were stored on another scale than they are read on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from harness import Run
from harness.api import Status
from harness.testing import run_suite
from harness_generative.models.given_samples import FromSamples
from harness_generative.task.sample_scale import scale_doubts

SEVENTEEN = np.arange(4 * 6 * 6).reshape(4, 6, 6) % 17
BRIGHT = torch.tensor([[0.0, 1.0]])


def doubts(path: Path, reference: torch.Tensor = BRIGHT, data_levels: int | None = None, **how: Any) -> tuple[str, ...]:
    model = FromSamples(path, **how)
    facts = {} if data_levels is None else {"levels": data_levels}
    return scale_doubts(model, model.given(range(len(model))), float(reference.max()), facts)


@pytest.mark.parametrize(
    ("array", "levels", "data_levels", "advice"),
    [
        ((SEVENTEEN > 8).astype(np.uint8), 256, None, "1 of 255, give `levels: 2`"),
        ((SEVENTEEN > 8).astype(np.uint8), 256, 17, "1 of 255, give `levels: 2`"),
        (SEVENTEEN.astype(np.uint8), 256, 17, "16 of 255, give `levels: 17`"),
        (SEVENTEEN.astype(np.uint8), 256, None, "16 of 255, give `levels: 32`"),
        ((SEVENTEEN * 7).astype(np.uint8), 256, None, "112 of 255, give `levels: 128`"),
        ((SEVENTEEN * 15).astype(np.uint16), 65536, None, "240 of 65535, give `levels: 256`"),
        (SEVENTEEN / np.float32(16 * 255), 256, None, "0.00392 of 1, they may have been divided by their white twice"),
        (SEVENTEEN * 0, 256, None, "0 of 255, all are black"),
    ],
)
def test_the_reason_names_the_levels_that_fit(
    tmp_path: Path, array: Any, levels: int, data_levels: int | None, advice: str
) -> None:
    np.save(tmp_path / "a.npy", array)
    (doubt,) = doubts(tmp_path / "a.npy", data_levels=data_levels, levels=levels)
    assert doubt == (
        f"samples far below white: the largest value of all samples is {advice} (the data reach 100% of white)"
    )


@pytest.mark.parametrize(
    ("mode", "factor", "stored"), [("L", 1, "16 of 255, save images with 255 as white"), ("I;16", 15, "240 of 65535")]
)
def test_images_in_a_folder(tmp_path: Path, mode: str, factor: int, stored: str) -> None:
    kind = {"L": np.uint8, "I;16": np.uint16}[mode]
    for number, image in enumerate(SEVENTEEN):
        Image.fromarray((image * factor).astype(kind)).save(tmp_path / f"{number}.png")
    (doubt,) = doubts(tmp_path, data_levels=17, white=65535.0 if mode == "I;16" else None)
    assert f"the largest value of all samples is {stored}" in doubt
    assert f"or an array, with `levels: {17 if factor == 1 else 256}`" in doubt


def test_samples_on_the_right_scale_raise_no_doubt(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", SEVENTEEN)
    assert doubts(tmp_path / "a.npy", levels=17) == ()
    # Not reached by every sample, and by dark data no more than by the samples.
    np.save(tmp_path / "a.npy", SEVENTEEN // 2 + 1)
    assert doubts(tmp_path / "a.npy", levels=17) == ()
    np.save(tmp_path / "a.npy", SEVENTEEN.astype(np.uint8))
    assert doubts(tmp_path / "a.npy", torch.tensor([[0.0, 0.1]])) == ()


def test_generated_samples_are_not_asked() -> None:
    assert scale_doubts(object(), torch.zeros(3, 2), 1.0, {}) == ()


def test_the_row_is_suspect(tmp_path: Path) -> None:
    def row(levels: int) -> Any:
        suite = f"""
suite: scale
task: {{use: generate, with: {{features: [pixel_pca]}}}}
data: {{use: digits, with: {{split: held_out}}, limit: 40}}
models: [{{use: from_samples, with: {{path: {tmp_path / "a.npy"}, levels: {levels}}}}}]
samplers: [one_shot]
metrics: [fid_proxy]
"""
        run: Run = run_suite(suite, tmp_path / f"runs{levels}")
        return run.rows[0]

    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 17, (40, 8, 8), dtype=np.uint8))
    assert row(17).status is Status.OK
    assert row(256).status is Status.SUSPECT
    assert "the largest value of all samples is 16 of 255, give `levels: 17`" in row(256).reason
