"""Pipelines of diffusers as they are, tiny and random, against calls of the library; and folders that lack a part."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import tiny_pipelines
from harness.api import Conditional, HarnessError, MissingData, NotApplicable, Status
from harness.testing import run_suite
from harness_generative.models.pipeline import Pipeline, _seed, check_parts
from harness_generative.task.counted_generator import CountedGenerator


@pytest.fixture(scope="module")
def libraries() -> tuple[Any, Any]:
    diffusers, transformers = pytest.importorskip("diffusers"), pytest.importorskip("transformers")
    return diffusers, transformers


@pytest.fixture(scope="module")
def stable_diffusion(libraries: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pipelines.stable_diffusion(tmp_path_factory.mktemp("sd"))


@pytest.fixture(scope="module")
def dit(libraries: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pipelines.dit(tmp_path_factory.mktemp("dit"))


def noise(n: int) -> Tensor:
    return torch.randn((n, 4), generator=torch.Generator().manual_seed(3))


def called(folder: Path, libraries: Any, draws: Tensor, **how: Any) -> Tensor:
    """What the library itself makes with the same generators."""
    pipeline = libraries[0].DiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    generators = [torch.Generator().manual_seed(_seed(row)) for row in draws]
    with torch.no_grad():
        images = pipeline(generator=generators, output_type="np", **how).images
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def test_prompts_become_what_the_library_makes_of_them(stable_diffusion: Path, libraries: Any) -> None:
    model: Any = Pipeline(stable_diffusion, steps=3, guidance=4.0, negative="blur").eval()
    assert isinstance(model, Conditional)
    prompts = ["two cats", "a dog doing research", "é"]
    encoded = model.encode_conditions(prompts)
    expected = called(
        stable_diffusion,
        libraries,
        noise(3),
        prompt=prompts,
        num_inference_steps=3,
        guidance_scale=4.0,
        negative_prompt=["blur"] * 3,
    )
    with torch.no_grad():
        first, again = (model.generate(noise(3), encoded) for _ in range(2))
        alone = model.generate(noise(3)[1:2], model.encode_conditions(prompts[1:2]))
    assert torch.allclose(first, expected, atol=1e-6)
    # The scheduler starts anew, and an image does not depend on its company.
    assert torch.equal(first, again)
    assert torch.allclose(alone[0], first[1], atol=1e-5)
    assert not torch.allclose(first[0], first[1], atol=1e-3)
    with pytest.raises(NotApplicable, match="StableDiffusionPipeline can be asked for prompts only"):
        model.encode_conditions([1])
    with pytest.raises(NotApplicable, match="makes images of prompt, and is asked for nothing"):
        model.generate(noise(1), None)


@pytest.mark.parametrize(
    ("name", "asked", "how", "called_with"),
    [
        ("stable_diffusion_xl", "prompt", {"guidance": 4.0, "negative": "blur"}, {"negative_prompt": ["blur"] * 2}),
        ("flux", "prompt", {"guidance": 4.0, "size": [16, 24]}, {"height": 16, "width": 24}),
        ("consistency", "class_labels", {}, {"batch_size": 2}),
    ],
)
def test_larger_families_are_what_the_library_makes_of_them(
    libraries: Any, tmp_path: Path, name: str, asked: str, how: Any, called_with: Any
) -> None:
    """Two text encoders and sizes as conditions; flow matching told its guidance; one model for each distance."""
    folder = getattr(tiny_pipelines, name)(tmp_path)
    model: Any = Pipeline(folder, steps=2, **how).eval()
    conditions: Any = ["two cats", "a dog"] if asked == "prompt" else [3, 7]
    given = {asked: conditions, "num_inference_steps": 2, **called_with}
    expected = called(folder, libraries, noise(2), **given, **({"guidance_scale": 4.0} if "guidance" in how else {}))
    with torch.no_grad():
        made = model.generate(noise(2), model.encode_conditions(conditions))
        alone = model.generate(noise(2)[1:], model.encode_conditions(conditions[1:]))
    assert torch.allclose(made, expected, atol=1e-6)
    assert torch.allclose(alone[0], made[1], atol=1e-5)
    assert not torch.allclose(made[0], made[1], atol=1e-3)


@pytest.mark.parametrize(("guidance", "passes"), [(4.0, 6), (1.0, 3)])
def test_passes_are_counted_at_the_network(stable_diffusion: Path, guidance: float, passes: int) -> None:
    model: Any = Pipeline(stable_diffusion, steps=3, guidance=guidance).eval()
    counted = CountedGenerator(model)
    conditions = model.encode_conditions(["a", "b"])
    counted.warm_up(noise(2), conditions)
    with torch.no_grad(), counted.batch(2, watched=False):
        counted.generate(noise(2), conditions)
    assert counted.passes == passes


def test_classes_sizes_and_precisions(dit: Path, stable_diffusion: Path, libraries: Any) -> None:
    model: Any = Pipeline(dit, steps=2, guidance=1.0).eval()
    with torch.no_grad():
        made = model.generate(noise(2), model.encode_conditions([3, 7]))
    expected = called(dit, libraries, noise(2), class_labels=[3, 7], num_inference_steps=2, guidance_scale=1.0)
    assert torch.allclose(made, expected, atol=1e-6)
    with pytest.raises(NotApplicable, match="DiTPipeline can be asked for classes only"):
        model.encode_conditions(["a cat"])
    wide: Any = Pipeline(stable_diffusion, steps=1, size=[16, 24], dtype="bfloat16").eval()
    assert {each.dtype for each in wide.parameters()} == {torch.bfloat16}
    with torch.no_grad():
        assert wide.generate(noise(1), wide.encode_conditions(["a"])).shape == (1, 3, 16, 24)


def test_an_unconditional_pipeline_has_nothing_to_be_asked(libraries: Any, tmp_path: Path) -> None:
    diffusers, _ = libraries
    blocks = {"block_out_channels": (8, 8), "down_block_types": ("DownBlock2D",) * 2}
    unet = diffusers.UNet2DModel(
        sample_size=8, norm_num_groups=4, layers_per_block=1, up_block_types=("UpBlock2D",) * 2, **blocks
    )
    diffusers.DDPMPipeline(unet, diffusers.DDPMScheduler()).save_pretrained(tmp_path)
    model: Any = Pipeline(tmp_path, steps=2).eval()
    assert not isinstance(model, Conditional)
    with torch.no_grad():
        assert model.generate(noise(2), None).shape == (2, 3, 8, 8)
    with pytest.raises(HarnessError, match="DDPMPipeline takes no guidance_scale; leave it out"):
        Pipeline(tmp_path, guidance=2.0)


def copied(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to)
    return to


def test_a_part_that_is_not_there_is_named(stable_diffusion: Path, tmp_path: Path) -> None:
    for part, kind in (("vae", "AutoencoderKL"), ("text_encoder", "CLIPTextModel"), ("scheduler", "DDIMScheduler")):
        folder = copied(stable_diffusion, tmp_path / part)
        shutil.rmtree(folder / part)
        with pytest.raises(MissingData, match=rf"StableDiffusionPipeline in .* lacks its part '{part}' \({kind}\)"):
            Pipeline(folder)
    folder = copied(stable_diffusion, tmp_path / "light")
    for file in (folder / "unet").glob("*.safetensors"):
        file.unlink()
    with pytest.raises(MissingData, match=r"lacks the weights of its part 'unet' \(UNet2DConditionModel\)"):
        Pipeline(folder)


def test_folders_that_are_no_pipelines(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"holds no model_index.json"):
        Pipeline(tmp_path)
    (tmp_path / "model_index.json").write_text("{")
    with pytest.raises(HarnessError, match=r"model_index.json cannot be read"):
        check_parts(tmp_path)
    (tmp_path / "model_index.json").write_text('{"_class_name": ["own", "Pipeline"]}')
    with pytest.raises(HarnessError, match="one with code of its own is not run"):
        check_parts(tmp_path)
    parts = {"_class_name": "DiTPipeline", "vae": ["diffusers", "AutoencoderKL"], "safety_checker": [None, None]}
    (tmp_path / "model_index.json").write_text(json.dumps(parts))
    with pytest.raises(MissingData, match=r"lacks its part 'vae' \(AutoencoderKL\)"):
        check_parts(tmp_path)


SUITE = """suite: texts-to-images
task: {use: generate, with: {}}
data: {use: prompts, with: {path: PROMPTS, images: 2}}
models: [{use: pipeline, with: {folder: FOLDER, steps: 2, guidance: 3.0}}]
samplers: [one_shot]
metrics: [nfe, seconds_per_sample]
"""


@pytest.fixture(scope="module")
def stable_diffusion_3(libraries: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pipelines.stable_diffusion_3(tmp_path_factory.mktemp("sd3"))


@pytest.fixture(scope="module")
def stable_diffusion_xl(libraries: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pipelines.stable_diffusion_xl(tmp_path_factory.mktemp("sdxl"))


@pytest.mark.parametrize("name", ["stable_diffusion", "stable_diffusion_3", "stable_diffusion_xl"])
def test_six_lines_of_a_suite(request: pytest.FixtureRequest, tmp_path: Path, name: str) -> None:
    folder = request.getfixturevalue(name)
    (tmp_path / "prompts.txt").write_text("two cats doing research\na red dog\n")
    suite = SUITE.replace("PROMPTS", str(tmp_path / "prompts.txt")).replace("FOLDER", str(folder))
    run = run_suite(suite.replace(", with: {}", ""), tmp_path / "results")
    (row,) = run.rows
    assert row.status is Status.OK, row.reason
    assert (row.n, row.estimates["nfe"].value) == (4, 4.0)
    samples = run.records(row).artifact("samples")
    assert len(np.unique(samples.reshape(4, -1), axis=0)) == 4
