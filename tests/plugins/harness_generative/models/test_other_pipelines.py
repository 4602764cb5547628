"""Pipelines that are no pixel-space U-Net: refused in words, before anything of the library is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.api import HarnessError
from harness_generative.models.diffusers_adapter import DiffusersModel


def test_a_pipeline_without_a_unet_is_named_with_what_can_be_done(tmp_path: Path) -> None:
    (tmp_path / "scheduler").mkdir()
    schedule = {"_class_name": "DDIMScheduler", "beta_schedule": "linear", "num_train_timesteps": 1000}
    (tmp_path / "scheduler" / "scheduler_config.json").write_text(json.dumps(schedule))
    parts = {"transformer": ["diffusers", "DiTTransformer2DModel"], "vae": ["diffusers", "AutoencoderKL"]}
    unused = {"safety_checker": [None, None], "_diffusers_version": "0.30"}
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "DiTPipeline", **parts, **unused}))
    with pytest.raises(
        HarnessError, match=r"DiTPipeline has no folder 'unet'; it has transformer, vae\. .*`from_samples`"
    ):
        DiffusersModel(tmp_path)


def test_a_scheduler_of_another_kind_is_refused_with_what_can_be_done(tmp_path: Path) -> None:
    (tmp_path / "scheduler").mkdir()
    schedule = {"_class_name": "EDMEulerScheduler", "num_train_timesteps": 1000}
    (tmp_path / "scheduler" / "scheduler_config.json").write_text(json.dumps(schedule))
    (tmp_path / "config.json").write_text('{"_class_name": "UNet2DModel"}')
    with pytest.raises(HarnessError, match=r"EDMEulerScheduler has no schedule of betas .*Use `pipeline`"):
        DiffusersModel(tmp_path)
