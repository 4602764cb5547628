"""Networks of latent pipelines, tiny and random, as denoisers: against the library's own networks and schedulers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import tiny_pipelines
from harness.api import Conditional, Denoiser, HarnessError, MissingData, NotApplicable, Status
from harness.testing import run_suite
from harness_generative.models.latent_denoiser import LatentDiffusers


@pytest.fixture(scope="module")
def diffusers() -> Any:
    pytest.importorskip("transformers")
    return pytest.importorskip("diffusers")


@pytest.fixture(scope="module")
def folders(diffusers: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    makers = {name: getattr(tiny_pipelines, name) for name in ("stable_diffusion", "stable_diffusion_3", "dit")}
    return {name: make(tmp_path_factory.mktemp(name)) for name, make in makers.items()}


def load(folder: Path) -> Any:
    return LatentDiffusers(folder).eval().requires_grad_(False)


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def library(folder: Path, diffusers: Any, **parts: Any) -> Any:
    return diffusers.DiffusionPipeline.from_pretrained(folder, **parts)


PROMPTS = ["two cats", "a red dog"]


def test_stable_diffusion_as_its_network_and_schedule(folders: dict[str, Path], diffusers: Any) -> None:
    model, pipeline = load(folders["stable_diffusion"]), library(folders["stable_diffusion"], diffusers)
    assert isinstance(model, Denoiser)
    assert isinstance(model, Conditional)
    assert tuple(model.latent_shape) == (4, 8, 8)
    z, conditions = normal(2, 4, 8, 8), model.encode_conditions(PROMPTS)
    for step in (5, 500, 990):
        alpha = pipeline.scheduler.alphas_cumprod[step]
        sigma = ((1 - alpha) / alpha).sqrt()
        for given, prompts in ((conditions, PROMPTS), (None, ["", ""])):
            with torch.no_grad():
                texts, _ = pipeline.encode_prompt(prompts, "cpu", 1, False)
                noise = pipeline.unet(z, step, encoder_hidden_states=texts).sample
            expected = (z - (1 - alpha).sqrt() * noise) / alpha.sqrt()
            made = model.denoise(z / alpha.sqrt(), sigma.expand(2), given)
            assert float((made - expected).abs().max()) <= 1e-5 * max(1.0, float(expected.abs().max()))
    with pytest.raises(NotApplicable, match="can be asked for prompts, not for 3"):
        model.encode_conditions([3])


def test_flow_matching_of_stable_diffusion_3(folders: dict[str, Path], diffusers: Any) -> None:
    folder, absent = folders["stable_diffusion_3"], {"text_encoder_3": None, "tokenizer_3": None}
    model, pipeline = load(folder), library(folder, diffusers, **absent)
    z, conditions = normal(2, 4, 8, 8), model.encode_conditions(PROMPTS)
    for time in (0.1, 0.5, 0.9):
        with torch.no_grad():
            texts, _, pooled, _ = pipeline.encode_prompt(PROMPTS, None, None, do_classifier_free_guidance=False)
            steps = torch.full((2,), 1000 * time)
            velocity = pipeline.transformer(z, texts, pooled, steps).sample
        made = model.denoise(z / (1 - time), torch.full((2,), time / (1 - time)), conditions)
        assert torch.allclose(made, z - time * velocity, atol=1e-4)
    assert model.denoise(z, torch.ones(2), None).shape == z.shape


def test_classes_of_a_diffusion_transformer(folders: dict[str, Path], diffusers: Any) -> None:
    model, pipeline = load(folders["dit"]), library(folders["dit"], diffusers)
    z, alpha = normal(2, 4, 8, 8), pipeline.scheduler.alphas_cumprod[300]
    sigma = ((1 - alpha) / alpha).sqrt().expand(2)
    for given, classes in ((model.encode_conditions([3, 7]), [3, 7]), (None, [1000, 1000])):
        with torch.no_grad():
            noise = pipeline.transformer(z, torch.full((2,), 300), class_labels=torch.tensor(classes)).sample[:, :4]
        expected = (z - (1 - alpha).sqrt() * noise) / alpha.sqrt()
        assert torch.allclose(model.denoise(z / alpha.sqrt(), sigma, given), expected, atol=1e-4)
    with pytest.raises(NotApplicable, match="classes 0 to 999, not for 1000"):
        model.encode_conditions([1000])


def test_latents_are_in_the_units_of_the_network(folders: dict[str, Path], diffusers: Any) -> None:
    model, pipeline = load(folders["stable_diffusion"]), library(folders["stable_diffusion"], diffusers)
    images = torch.rand((2, 3, 16, 16), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        mode = pipeline.vae.encode(2 * images - 1).latent_dist.mode()
        assert torch.allclose(model.encode(images), mode * 0.18215, atol=1e-6)
        expected = ((pipeline.vae.decode(mode).sample + 1) / 2).clamp(0, 1)
        assert torch.allclose(model.decode(mode * 0.18215), expected, atol=1e-5)
        shifted = load(folders["stable_diffusion_3"])
        mode = shifted.decoder.encode(2 * images - 1).latent_dist.mode()
        assert torch.allclose(shifted.encode(images), (mode - 0.1) * 1.5, atol=1e-6)
        expected = ((shifted.decoder.decode(mode).sample + 1) / 2).clamp(0, 1)
        assert torch.allclose(shifted.decode((mode - 0.1) * 1.5), expected, atol=1e-5)


def test_what_is_no_latent_pipeline(folders: dict[str, Path], diffusers: Any, tmp_path: Path) -> None:
    blocks = {"block_out_channels": (8, 8), "down_block_types": ("DownBlock2D",) * 2}
    unet = diffusers.UNet2DModel(
        sample_size=8, norm_num_groups=4, layers_per_block=1, up_block_types=("UpBlock2D",) * 2, **blocks
    )
    diffusers.DDPMPipeline(unet, diffusers.DDPMScheduler()).save_pretrained(tmp_path / "pixels")
    with pytest.raises(HarnessError, match=r"the network is a UNet2DModel; UNet2DConditionModel, .* can be used"):
        LatentDiffusers(tmp_path / "pixels")
    shutil.copytree(folders["stable_diffusion"], tmp_path / "cut")
    shutil.rmtree(tmp_path / "cut" / "tokenizer")
    with pytest.raises(MissingData, match="lacks its part 'tokenizer'"):
        LatentDiffusers(tmp_path / "cut")


SUITE = """suite: latent
task: {use: generate, with: {n: 4}}
data: {use: prompts, with: {path: PROMPTS, images: 2}}
models: [{use: latent_diffusers, with: {folder: FOLDER}}]
samplers: [{use: heun, with: {steps: 3, guidance: 2.0}}]
metrics: [nfe]
"""


@pytest.mark.parametrize("name", ["stable_diffusion", "stable_diffusion_3"])
def test_six_lines_of_a_suite(folders: dict[str, Path], tmp_path: Path, name: str) -> None:
    (tmp_path / "prompts.txt").write_text("two cats doing research\na red dog\n")
    suite = SUITE.replace("PROMPTS", str(tmp_path / "prompts.txt")).replace("FOLDER", str(folders[name]))
    run = run_suite(suite, tmp_path / "results")
    (row,) = run.rows
    assert row.status is Status.OK, row.reason
    # Heun's 2n - 1 evaluations, twice for guidance.
    assert row.estimates["nfe"].value == 10
    assert run.records(row).artifact("samples").shape == (4, 3, 16, 16)
