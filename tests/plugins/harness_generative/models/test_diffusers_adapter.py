"""Pipelines of the diffusers library, against the library's own schedulers; skipped where it cannot be imported."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.api import Conditional, HarnessError, MissingData, NotApplicable
from harness_generative.models.diffusers_adapter import DiffusersModel

diffusers = pytest.importorskip("diffusers")
try:
    from diffusers import DDIMScheduler, DDPMPipeline, DDPMScheduler, UNet2DModel
except RuntimeError as broken:
    pytest.skip(f"diffusers cannot be imported: {broken}"[:120], allow_module_level=True)

SCHEDULES = {
    "linear": {},
    "cosine, v": {"beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction"},
    "scaled, sample": {"beta_schedule": "scaled_linear", "prediction_type": "sample", "num_train_timesteps": 200},
}


def network(**changes: Any) -> Any:
    torch.manual_seed(0)
    blocks = {"block_out_channels": (16, 16), "down_block_types": ("DownBlock2D",) * 2}
    blocks |= {"up_block_types": ("UpBlock2D",) * 2, "norm_num_groups": 4, "layers_per_block": 1}
    return UNet2DModel(**{"sample_size": 8, "in_channels": 1, "out_channels": 1, **blocks, **changes}).eval()


def saved(folder: Path, schedule: dict[str, Any] | None = None, **changes: Any) -> tuple[Path, Any, Any]:
    """A pipeline with random weights, written by the library: its folder, network and scheduler."""
    unet, scheduler = network(**changes), DDPMScheduler(**(schedule or {}))
    DDPMPipeline(unet, scheduler).save_pretrained(folder)
    return folder, unet, scheduler


def load(folder: Path, **how: Any) -> DiffusersModel:
    return DiffusersModel(folder, **how).eval().requires_grad_(False)


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("name", SCHEDULES)
def test_the_denoised_are_those_of_the_scheduler(tmp_path: Path, name: str, clip: bool) -> None:
    folder, unet, scheduler = saved(tmp_path, {**SCHEDULES[name], "clip_sample": clip})
    model = load(folder)
    for step in (0, 1, 17, scheduler.config.num_train_timesteps - 1):
        noisy = normal(3, 1, 8, 8)
        with torch.no_grad():
            output = unet(noisy, step).sample
        expected = scheduler.step(output, step, noisy, generator=torch.Generator()).pred_original_sample
        alpha = scheduler.alphas_cumprod[step]
        sigma = ((1 - alpha) / alpha).sqrt()
        denoised = model.denoise(noisy / alpha.sqrt(), sigma.expand(3), None)
        # float32 knows sigma times the predicted noise no better than this, which clipping to the box only hides.
        assert float((denoised - expected).abs().max()) <= 1e-5 * max(1.0, float(sigma) / 10)
        assert (float(denoised.abs().max()) <= 1) or not clip


def ddim_in_sigma(model: DiffusersModel, x: Tensor, sigmas: list[float]) -> Tensor:
    """Deterministic DDIM (Song et al. 2021, equation 13): Euler steps in sigma along (x - D) / sigma."""
    for sigma, following in pairwise(sigmas):
        denoised = model.denoise(x, torch.full((len(x),), sigma), None)
        x = denoised + (following / sigma) * (x - denoised)
    return x


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("spacing", ["leading", "trailing"])
@pytest.mark.parametrize("name", ["linear", "cosine, v"])
def test_ddim_in_sigma_is_the_librarys_ddim(tmp_path: Path, name: str, spacing: str, clip: bool) -> None:
    folder, unet, _ = saved(tmp_path, {**SCHEDULES[name], "clip_sample": clip})
    scheduler = DDIMScheduler(**SCHEDULES[name], clip_sample=clip, timestep_spacing=spacing)
    scheduler.set_timesteps(10)
    x = noise = normal(2, 1, 8, 8)
    with torch.no_grad():
        for step in scheduler.timesteps:
            x = scheduler.step(unet(x, step).sample, step, x, use_clipped_model_output=True).prev_sample
    alphas = scheduler.alphas_cumprod[scheduler.timesteps]
    sigmas = ((1 - alphas) / alphas).sqrt().double().tolist()
    # The library's last step ends at alpha-bar 1, which is sigma 0.
    ours = ddim_in_sigma(load(folder), noise / alphas[0].sqrt(), [*sigmas, 0.0])
    assert float((ours - x).abs().max()) <= 1e-4 * max(1.0, float(x.abs().max()))


def test_steps_of_flow_matching_are_those_of_the_library(tmp_path: Path) -> None:
    unet = network()
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0)
    DDPMPipeline(unet, scheduler).save_pretrained(tmp_path)
    scheduler.set_timesteps(6)
    x = noise = normal(2, 1, 8, 8)
    with torch.no_grad():
        for step in scheduler.timesteps[1:]:
            x = scheduler.step(unet(x, step).sample, step, x).prev_sample
    # At its first step there is noise alone, which is an infinite sigma; so both start at the second.
    times = scheduler.sigmas[1:-1].double()
    sigmas = (times / (1 - times)).tolist()
    model = load(tmp_path)
    assert model.step_of(torch.tensor(sigmas)).tolist() == pytest.approx(scheduler.timesteps[1:].tolist(), rel=1e-5)
    ours = ddim_in_sigma(model, noise / (1 - times[0]).float(), [*sigmas, 0.0])
    assert float((ours - x).abs().max()) <= 1e-4 * max(1.0, float(x.abs().max()))


def test_sigma_and_step_are_two_names_of_one_thing(tmp_path: Path) -> None:
    folder, _, scheduler = saved(tmp_path)
    model = load(folder)
    alphas = scheduler.alphas_cumprod
    sigmas = ((1 - alphas) / alphas).sqrt()
    assert torch.equal(model.step_of(sigmas), torch.arange(1000.0)), "also from float32"
    assert model.sigma_range == pytest.approx((float(sigmas[0]), float(sigmas[-1])), rel=1e-6)
    between = math.sqrt(float(sigmas[400]) * float(sigmas[401]))
    assert model.step_of(torch.tensor([between, 1e-9, 1e9])).tolist() == pytest.approx([400.5, 0, 999], abs=1e-3)
    third = np.interp(math.log(3.21), np.log(sigmas.double().numpy()), np.arange(1000))
    assert float(model.step_of(torch.tensor([3.21]))) == pytest.approx(third, abs=1e-3)


def test_rows_do_not_depend_on_each_other(tmp_path: Path) -> None:
    folder, _, _ = saved(tmp_path, in_channels=3, out_channels=3)
    model = load(folder)
    assert tuple(model.latent_shape) == (3, 8, 8)
    x, sigma = normal(8, 3, 8, 8), torch.linspace(0.05, 5, 8)
    whole = model.denoise(x, sigma, None)
    single = torch.cat([model.denoise(x[i : i + 1], sigma[i : i + 1], None) for i in range(8)])
    assert torch.allclose(whole, single, atol=1e-5)


def test_decode_and_encode_are_inverse(tmp_path: Path) -> None:
    model = load(saved(tmp_path)[0])
    assert model.decode(torch.tensor([-3.0, -1.0, 0.0, 0.5, 2.0])).tolist() == [0, 0, 0.5, 0.75, 1]
    inputs = torch.rand(2, 1, 8, 8)
    assert torch.allclose(model.decode(model.encode(inputs)), inputs, atol=1e-6)


def test_a_class_conditional_model_can_be_asked(tmp_path: Path) -> None:
    folder, unet, scheduler = saved(tmp_path, {"clip_sample": False}, num_class_embeds=4)
    model = load(folder, null_class=3)
    assert isinstance(model, Conditional)
    labels = model.encode_conditions([2, 0])
    alpha = scheduler.alphas_cumprod[500]
    x, sigma = normal(2, 1, 8, 8), ((1 - alpha) / alpha).sqrt().expand(2)
    for given, meant in ((labels, torch.tensor([2, 0])), (None, torch.tensor([3, 3]))):
        with torch.no_grad():
            noise = unet(alpha.sqrt() * x, 500, class_labels=meant).sample
        assert torch.allclose(model.denoise(x, sigma, given), x - sigma[0] * noise, atol=1e-4)
    for wrong in (4, -1, "seven"):
        with pytest.raises(NotApplicable, match="classes 0 to 3, not for"):
            model.encode_conditions([0, wrong])
    with pytest.raises(NotApplicable, match="name the class for none with `null_class`"):
        load(folder).denoise(x, sigma, None)


def test_an_unconditional_model_cannot_be_asked(tmp_path: Path) -> None:
    assert not isinstance(load(saved(tmp_path)[0]), Conditional)


def test_a_network_that_also_predicts_its_variance(tmp_path: Path) -> None:
    folder, unet, scheduler = saved(tmp_path, {"clip_sample": False}, out_channels=2)
    alpha = scheduler.alphas_cumprod[300]
    x, sigma = normal(2, 1, 8, 8), ((1 - alpha) / alpha).sqrt().expand(2)
    with torch.no_grad():
        noise = unet(alpha.sqrt() * x, 300).sample[:, :1]
    assert torch.allclose(load(folder).denoise(x, sigma, None), x - sigma[0] * noise, atol=1e-4)


def test_a_schedule_that_ends_in_pure_noise_stops_before_it(tmp_path: Path) -> None:
    cosine = {"beta_schedule": "squaredcos_cap_v2", "rescale_betas_zero_snr": True, "prediction_type": "v_prediction"}
    model = load(saved(tmp_path, cosine)[0])
    assert math.isfinite(model.sigma_range[1])
    assert float(model.step_of(torch.tensor([1e9]))) == 998


def test_an_old_pipeline_has_everything_in_one_folder(tmp_path: Path) -> None:
    network().save_pretrained(tmp_path)
    DDPMScheduler().save_config(tmp_path)
    x, sigma = normal(1, 1, 8, 8), torch.tensor([1.0])
    expected = load(saved(tmp_path / "new")[0]).denoise(x, sigma, None)
    assert torch.equal(load(tmp_path).denoise(x, sigma, None), expected)


def changed(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("file", "values", "complaint"),
    [
        ("scheduler/scheduler_config.json", {"prediction_type": "flow"}, "the network predicts 'flow'"),
        ("scheduler/scheduler_config.json", {"thresholding": True}, "uses dynamic thresholding"),
        ("scheduler/scheduler_config.json", {"beta_schedule": "odd"}, "schedule of betas 'odd' is not known"),
        ("unet/config.json", {"_class_name": "UNet2DConditionModel"}, "is a UNet2DConditionModel; only UNet2DModel"),
        ("unet/config.json", {"class_embed_type": "timestep"}, "class embeddings of type 'timestep'"),
        ("unet/config.json", {"sample_size": None}, "does not say the size"),
    ],
)
def test_pipelines_of_other_kinds_are_refused(tmp_path: Path, file: str, values: Any, complaint: str) -> None:
    folder, _, _ = saved(tmp_path)
    changed(folder / file, **values)
    with pytest.raises(HarnessError, match=complaint):
        DiffusersModel(folder)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="its folder with `folder`, or its id on the hub with `hub`"):
        DiffusersModel()
    with pytest.raises(MissingData, match=r"holds no config.json and no model_index.json, so it is no published model"):
        DiffusersModel(tmp_path)
    with pytest.raises(MissingData, match=r"(?s)not in the cache.*hf download some/model --revision v1 .*`folder:`"):
        DiffusersModel(hub="some/model", revision="v1", download=False)
    folder, _, _ = saved(tmp_path / "pipeline")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(HarnessError, match="cannot be loaded"):
        DiffusersModel(folder)
