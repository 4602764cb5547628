"""Image classifiers of transformers: their preprocessing against the library's; skipped where that is not installed."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from harness.api import HarnessError, MissingData
from harness.testing import run_suite
from harness_vision.zoos.hugging_face_models import image_classifier, preprocessing_of

transformers = pytest.importorskip("transformers", reason="the extra `vision` is not installed")

LABELS = {0: "dog", 1: "cat", 2: "ape"}
SMOOTH = np.asarray(
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)).resize((72, 48), 3)
)


def save(folder: Path, processor: str = "ViTImageProcessor", labels: Any = LABELS, **settings: Any) -> Path:
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        **{"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16},
        **{"image_size": 32, "patch_size": 8, "num_labels": len(labels), "id2label": labels},
    )
    transformers.ViTForImageClassification(config).save_pretrained(folder)
    getattr(transformers, processor)(**settings).save_pretrained(folder)
    return folder


CROPPED = {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}}


@pytest.mark.parametrize(
    ("processor", "settings"),
    [
        ("ViTImageProcessor", {"size": {"height": 32, "width": 32}}),
        ("ViTImageProcessor", {"size": {"height": 32, "width": 32}, "resample": 3, "do_normalize": False}),
        ("CLIPImageProcessor", CROPPED),
        ("ConvNextImageProcessor", {"size": {"shortest_edge": 32}, "crop_pct": 0.875}),
        ("ConvNextImageProcessor", {"size": {"shortest_edge": 32}, "crop_pct": 1.0}),
    ],
)
def test_the_preprocessing_of_the_library(tmp_path: Path, processor: str, settings: dict[str, Any]) -> None:
    save(tmp_path, processor, **settings)
    model = image_classifier(tmp_path)
    given = torch.from_numpy(SMOOTH.copy()).permute(2, 0, 1)[None] / 255
    seen: list[torch.Tensor] = []
    network = next(each for each in model.modules() if isinstance(each, transformers.ViTForImageClassification))
    network.register_forward_pre_hook(lambda _, args, kwargs: seen.append(kwargs["pixel_values"]), with_kwargs=True)
    logits = model(given)
    theirs = transformers.AutoImageProcessor.from_pretrained(tmp_path)(images=SMOOTH, return_tensors="pt")
    # The library rounds resized images to 8 bits.
    assert float((seen[0] - theirs["pixel_values"]).abs().max()) < 0.05
    assert torch.allclose(logits, network(**theirs).logits, atol=0.05)
    inputs = given.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(model(inputs).sum(), inputs)
    assert bool(gradient.abs().sum() > 0)


def test_settings_that_cannot_be_done() -> None:
    with pytest.raises(HarnessError, match="Some resamples by 1, which is not supported"):
        preprocessing_of({"size": 32, "resample": 1}, "Some")
    with pytest.raises(HarnessError, match="Some resizes the shorter side and crops nothing"):
        preprocessing_of({"size": {"shortest_edge": 32}}, "Some")


def test_a_processor_that_turns_the_colours_round_is_refused(tmp_path: Path) -> None:
    processor = "MobileViTImageProcessor"
    save(tmp_path, processor, **CROPPED, do_flip_channel_order=True)
    with pytest.raises(HarnessError, match=r"MobileViTImageProcessor.* does more to images than resizing"):
        image_classifier(tmp_path)


def test_classes_by_name(tmp_path: Path) -> None:
    size = {"height": 32, "width": 32}
    save(tmp_path / "named", size=size)
    model = image_classifier(tmp_path / "named")
    assert model.class_names == ["dog", "cat", "ape"]
    two = image_classifier(tmp_path / "named", classes=["ape", "dog"])
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(two(images), model(images)[:, [2, 0]])
    with pytest.raises(HarnessError, match="has no class 'cow'; its classes are dog, cat, ape"):
        image_classifier(tmp_path / "named", classes=["cow"])
    save(tmp_path / "numbered", size=size, labels={i: f"LABEL_{i}" for i in range(3)})
    assert image_classifier(tmp_path / "numbered").class_names is None


def test_what_cannot_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(HarnessError, match="`revision` of some/model must be a commit of 40 hexadecimal digits"):
        image_classifier(hub="some/model", revision="main")
    with pytest.raises(MissingData, match=r"some/model \(revision 0{40}\) is not in the cache"):
        image_classifier(hub="some/model", revision="0" * 40, download=False)
    with pytest.raises(HarnessError, match="its folder with `folder`, or else its id"):
        image_classifier()
    with pytest.raises(MissingData, match=r"holds no config.json"):
        image_classifier(tmp_path)
    save(tmp_path)
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(HarnessError, match=r"has no preprocessor_config.json, so nothing says how images are resized"):
        image_classifier(tmp_path)
    save(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(HarnessError, match="cannot be loaded as an image classifier"):
        image_classifier(tmp_path)
    save(tmp_path)
    backbone = transformers.ViTModel(transformers.ViTConfig.from_pretrained(tmp_path), add_pooling_layer=False)
    backbone.save_pretrained(tmp_path)
    with pytest.raises(
        HarnessError, match=r"lacks weights of ViTForImageClassification, first classifier\.(bias|weight)"
    ):
        image_classifier(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "unheard_of"}), encoding="utf-8")
    with pytest.raises(HarnessError, match="cannot be loaded as an image classifier"):
        image_classifier(tmp_path)


SUITE = """
suite: mine
task: classify
data: {{use: image_folder, with: {{path: {folder}/images}}}}
models: [{{use: hf_image_classifier, with: {{folder: {folder}/model}}}}]
attacks: [none, {{use: pgd, with: {{eps: 8/255, steps: 2}}}}]
metrics: [accuracy]
"""


def test_a_folder_of_images_and_a_folder_of_a_model(tmp_path: Path) -> None:
    save(tmp_path / "model", size={"height": 32, "width": 32})
    for k, name in enumerate(("ape", "cat", "dog")):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(3):
            pixels = np.random.default_rng(10 * k + i).integers(0, 256, (40, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{i}.png")
    run = run_suite(SUITE.format(folder=tmp_path), tmp_path / "results")
    assert {row.status for row in run.rows} <= {"ok", "suspect"}
    assert len(run.rows) == 2
