"""Published extractors: preprocessing against Pillow and transformers, wiring with tiny networks, advice offline."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from harness.api import HarnessError, MissingData
from harness_generative.features import pretrained
from harness_generative.features.image_preprocessing import Preprocessing, as_bytes, resized, three_channels
from harness_generative.features.pretrained import CLIP, DINOv2, InceptionV3

MEAN, STD = [0.48, 0.45, 0.40], [0.26, 0.27, 0.28]
PREPROCESSOR = {
    "crop_size": {"height": 28, "width": 28},
    "size": {"shortest_edge": 32},
    "resample": 3,
    "image_mean": MEAN,
    "image_std": STD,
}


def images(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("how", ["bicubic_antialias", "bilinear_antialias"])
@pytest.mark.parametrize(("shape", "size"), [((8, 8), (28, 28)), ((40, 33), (28, 28)), ((16, 64), (32, 20))])
def test_resizing_is_that_of_pillow_in_floating_point(how: Any, shape: Any, size: Any) -> None:
    image = images(1, 1, *shape)
    filter_ = Image.Resampling.BICUBIC if "bicubic" in how else Image.Resampling.BILINEAR
    expected = Image.fromarray(image[0, 0].numpy(), mode="F").resize(size[::-1], filter_)
    clipped = np.asarray(expected).clip(0, 1)
    assert np.abs(resized(image, size, how)[0, 0].numpy() - clipped).max() < 1e-5


def test_bilinear_without_antialiasing_by_hand() -> None:
    """Four pixels to two: each new pixel's centre lies between two old ones."""
    row = torch.tensor([0.0, 1.0, 0.5, 0.0]).expand(1, 1, 4, 4)
    assert resized(row, (2, 2), "bilinear")[0, 0].tolist() == [[0.5, 0.25], [0.5, 0.25]]


def test_grey_images_are_repeated() -> None:
    grey = images(2, 1, 4, 4)
    assert torch.equal(three_channels(grey)[:, 2], grey[:, 0])
    with pytest.raises(HarnessError, match="1 or 3 channels are needed, not of 2"):
        three_channels(images(1, 2, 4, 4))


def test_settings_change_the_state() -> None:
    assert bytes(as_bytes({"b": 1, "a": [2]})) == b'{"a": [2], "b": 1}'


def config(folder: Path, **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    about = {name: value for name, value in {**PREPROCESSOR, **changes}.items() if value is not None}
    (folder / "preprocessor_config.json").write_text(json.dumps(about))
    return folder


def test_the_whole_image_or_its_centre(tmp_path: Path) -> None:
    preprocessing = Preprocessing.of(config(tmp_path, image_mean=[0.0] * 3, image_std=[1.0] * 3))
    marked = torch.zeros(1, 3, 64, 128)
    marked[..., :16, :] = 1
    whole, centre = preprocessing.apply(marked, "whole"), preprocessing.apply(marked, "centre")
    assert whole.shape == centre.shape == (1, 3, 28, 28)
    # The upper quarter is 7 of 28 rows; of 32 rows it is 8, of which the cut takes away 2.
    assert whole[0, 0, :, 14].sum() == pytest.approx(7, abs=0.05)
    assert centre[0, 0, :, 14].sum() == pytest.approx(6, abs=0.05)


def test_the_normalisation(tmp_path: Path) -> None:
    out = Preprocessing.of(config(tmp_path)).apply(torch.full((1, 1, 28, 28), 0.5), "whole")
    assert out[0, :, 3, 3].tolist() == pytest.approx([(0.5 - m) / s for m, s in zip(MEAN, STD, strict=True)], abs=1e-5)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [({"crop_size": None}, "crop_size"), ({"resample": 0}, "unknown: 0"), ({"size": {"height": 3}}, "shortest_edge")],
)
def test_preprocessing_of_another_kind(tmp_path: Path, changes: Any, complaint: str) -> None:
    with pytest.raises(HarnessError, match=complaint):
        Preprocessing.of(config(tmp_path, **changes))
    with pytest.raises(MissingData, match="which says how to prepare images"):
        Preprocessing.of(tmp_path / "absent")


class Block(nn.Module):
    """A block whose only branch is its pool, which should be replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.branch_pool = nn.Identity()

    def _forward(self, x: Tensor) -> list[Tensor]:
        return [x[:, :0], x * 0 + 9.0]

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat(self._forward(x), 1)


class Tiny(nn.Module):
    """Inception-v3 without its convolutions: only the blocks whose pools differ."""

    def __init__(self, num_classes: int, aux_logits: bool, **_: Any) -> None:
        super().__init__()
        self.seen: Tensor | None = None
        for name in ("5b", "5c", "5d", "6b", "6c", "6d", "6e", "7b", "7c"):
            setattr(self, f"Mixed_{name}", Block())
        self.AuxLogits = nn.Linear(1, 1) if aux_logits else None
        self.fc = nn.Linear(1, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        self.seen = x
        for name in ("5b", "7c"):
            x = getattr(self, f"Mixed_{name}")(x)
        flat: Tensor = self.fc(x.flatten(1))
        return flat


@pytest.fixture
def torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in, since the real one needs a build that fits torch's."""
    package, models = ModuleType("torchvision"), ModuleType("torchvision.models")
    models.inception_v3 = lambda weights, init_weights, transform_input, **how: Tiny(**how)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)


def weights(folder: Path, num_classes: int, aux_logits: bool) -> Path:
    torch.save(Tiny(num_classes, aux_logits).state_dict(), folder / "weights.pth")
    return folder / "weights.pth"


@pytest.mark.usefixtures("torchvision")
def test_inception_is_wired_as_the_network_of_2015(tmp_path: Path) -> None:
    extractor = InceptionV3("fid", weights(tmp_path, 1008, False)).eval()
    features = extractor(images(2, 1, 299, 299))
    seen = extractor.network.seen
    assert torch.allclose(seen[:2, :1], images(2, 1, 299, 299) * 255 / 128 - 1, atol=1e-6)  # type: ignore[index]
    assert torch.equal(seen[:, 0], seen[:, 2])  # type: ignore[index]
    # The first block takes means that leave the padding out, the last takes maxima; of a corner, four values.
    corner = seen[0, 0, :4, :4]  # type: ignore[index]
    means = torch.tensor(
        [[corner[max(0, i - 1) : i + 2, max(0, j - 1) : j + 2].mean() for j in (0, 1)] for i in (0, 1)]
    )
    assert float(features[0, 0]) == pytest.approx(float(means.max()), abs=1e-6)
    assert extractor.settings.numpy().tobytes().startswith(b'{"layer": "pool", "network": "fid"')


@pytest.mark.usefixtures("torchvision")
def test_inception_of_torchvision_keeps_its_pools(tmp_path: Path) -> None:
    extractor = InceptionV3("imagenet", weights(tmp_path, 1000, True)).eval()
    assert float(extractor(images(1, 3, 32, 32)).min()) == 9.0
    assert float(extractor.network.seen.min()) >= -1  # type: ignore[union-attr,operator]
    assert not any(name.startswith(("network.fc", "network.Aux")) for name in extractor.state_dict())
    other = InceptionV3("imagenet", weights(tmp_path, 1000, True), resize="bilinear")
    assert not torch.equal(other.settings, extractor.settings), "the filter is part of the identity"  # type: ignore[arg-type]


@pytest.mark.usefixtures("torchvision")
def test_weights_that_do_not_fit_or_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="not those of the 'fid' network"):
        InceptionV3("fid", weights(tmp_path, 1000, True))
    (tmp_path / "bad.pth").write_bytes(b"nonsense")
    with pytest.raises(HarnessError, match=r"bad.pth cannot be read as weights"):
        InceptionV3("fid", tmp_path / "bad.pth")
    with pytest.raises(MissingData, match=r"Get them from https://github.com/mseitzer.*with `weights:`"):
        InceptionV3("fid", tmp_path / "absent.pth")


@pytest.mark.usefixtures("torchvision")
def test_inception_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def offline(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(pretrained, "download_file", offline)
    with pytest.raises(MissingData, match=r"(?s)checkpoints/inception_v3_google-0cc3c7bd.pth.*no route to host"):
        InceptionV3("imagenet")
    with pytest.raises(MissingData, match=r"checkpoints/pt_inception-2015-12-05-6726825d.pth"):
        InceptionV3("fid", download=False)
    (tmp_path / "checkpoints").mkdir()
    weights(tmp_path, 1008, False).rename(tmp_path / "checkpoints" / "pt_inception-2015-12-05-6726825d.pth")
    assert InceptionV3("fid").eval()(images(1, 3, 299, 299)).shape[0] == 1


def test_a_library_that_cannot_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(HarnessError, match=r"inception_v3 of torchvision\.models cannot be imported"):
        InceptionV3("fid", weights(tmp_path, 1008, False))


@pytest.fixture(scope="module")
def transformers() -> ModuleType:
    library: ModuleType = pytest.importorskip("transformers")
    try:
        _ = library.Dinov2Model
    except RuntimeError as broken:
        pytest.skip(f"transformers cannot be imported: {broken}"[:120])
    return library


def small(library: ModuleType, name: str) -> Any:
    """A published architecture with few random weights."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 28, "patch_size": 14}
    if name == "dinov2":
        return library.Dinov2Model(library.Dinov2Config(**sizes)).eval()
    about = library.CLIPVisionConfig(**sizes, projection_dim=16, intermediate_size=64)
    return library.CLIPVisionModelWithProjection(about).eval()


@pytest.fixture(params=["dinov2", "clip"])
def published(request: pytest.FixtureRequest, transformers: ModuleType, tmp_path: Path) -> tuple[str, Any, Path]:
    """Name, network and folder, as `save_pretrained` writes it."""
    network = small(transformers, request.param)
    network.save_pretrained(tmp_path)
    return request.param, network, config(tmp_path)


MAKERS: dict[str, Callable[..., nn.Module]] = {"dinov2": DINOv2, "clip": CLIP}


def test_features_are_those_of_the_network(published: tuple[str, Any, Path]) -> None:
    name, network, folder = published
    extractor = MAKERS[name](folder).eval()
    pixels = images(3, 3, 28, 28)
    ready = (pixels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    with torch.no_grad():
        out = network(pixel_values=ready)
        expected = out.pooler_output if name == "dinov2" else out.image_embeds
        features = extractor(pixels)
    if name == "clip":
        raw = CLIP(folder, unit_length=False).eval()
        assert torch.allclose(raw(pixels), expected, atol=1e-5)
        expected = expected / (expected**2).sum(1, keepdim=True).sqrt()
    assert features.dtype == torch.float32
    assert torch.allclose(features, expected, atol=1e-5)
    assert torch.allclose(extractor(pixels[:1]), features[:1], atol=1e-6)
    assert extractor(images(2, 1, 8, 8)).shape == (2, expected.shape[1])


@pytest.mark.parametrize("shape", [(64, 64), (48, 80), (20, 20)])
def test_the_centre_is_prepared_as_the_published_processor_does(
    transformers: ModuleType, tmp_path: Path, shape: tuple[int, int]
) -> None:
    """It rounds to 8 bits between its two passes and we do not, which is less than 2 grey levels and nothing else.

    The contrast is low, since its passes also clip to 8 bits and ours only do so at the end.
    """
    processor = transformers.CLIPImageProcessorPil(**{**PREPROCESSOR, "do_convert_rgb": True})
    image = (images(3, *shape) * 100 + 70).round().to(torch.uint8)
    theirs = processor(Image.fromarray(image.permute(1, 2, 0).numpy()), return_tensors="pt")["pixel_values"]
    ours = Preprocessing.of(config(tmp_path)).apply(image[None] / 255, "centre")
    levels = (ours - theirs).abs() * torch.tensor(STD)[:, None, None] * 255
    assert ours.shape == theirs.shape
    assert float(levels.max()) < 2
    assert float(levels.mean()) < 0.5


def test_weights_are_never_made_up(transformers: ModuleType, tmp_path: Path) -> None:
    """The library draws missing weights at random; a folder of another model must be refused."""
    small(transformers, "clip").save_pretrained(tmp_path)
    with pytest.raises(HarnessError, match=r"is no Dinov2Model: it lacks|cannot be loaded"):
        DINOv2(config(tmp_path))


def test_identity_counts_preprocessing(published: tuple[str, Any, Path]) -> None:
    name, _, folder = published
    first, cut = MAKERS[name](folder), MAKERS[name](folder, frame="centre")
    config(folder, image_std=[0.5] * 3)
    other = MAKERS[name](folder)
    states = {bytes(each.settings) for each in (first, cut, other)}  # type: ignore[arg-type]
    assert len(states) == 3


def test_models_that_are_not_there(transformers: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"hf download facebook/dinov2-large --revision main"):
        DINOv2(download=False)
    with pytest.raises(MissingData, match="hf download openai/clip-vit-large-patch14-336"):
        CLIP(download=False)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(HarnessError, match="cannot be loaded"):
        DINOv2(config(tmp_path))
