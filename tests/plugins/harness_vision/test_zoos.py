"""Adapters to torchvision, timm and RobustBench: against the libraries where they can be imported, else stand-ins."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from harness.api import HarnessError, MissingData
from harness_vision.published_accuracy import PublishedAccuracy
from harness_vision.zoos.preprocessing import Preprocessing, interpolation_named, resized_and_cropped
from harness_vision.zoos.robustbench_models import robustbench_model
from harness_vision.zoos.timm_models import timm_model
from harness_vision.zoos.torchvision_models import torchvision_model

IMAGES = torch.rand(2, 3, 40, 52, generator=torch.Generator().manual_seed(0))
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Network(nn.Module):
    """Mean of each channel times a weight, as three classes."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.mean(dim=(2, 3)) * self.weight


def expected(images: torch.Tensor) -> torch.Tensor:
    """What `Network` says of images cut to 8x8 in the middle of 10 rows, normalised, by hand."""
    normalised = (images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    return normalised.mean(dim=(2, 3)) * torch.tensor([1.0, 2.0, 3.0])


# --- preprocessing --------------------------------------------------------------------------------------------


def how(resized: int | tuple[int, int], cropped: int, interpolation: Any = "bilinear") -> Preprocessing:
    return Preprocessing(resized, (cropped, cropped), interpolation, MEAN, STD)


def test_the_middle_is_cut_out() -> None:
    images = torch.arange(24.0).reshape(1, 1, 4, 6)
    assert resized_and_cropped(images, how(4, 2)).flatten().tolist() == [8.0, 9.0, 14.0, 15.0]


def test_the_shorter_side_is_scaled() -> None:
    assert resized_and_cropped(IMAGES, how((20, 30), 20)).shape == (2, 3, 20, 20)
    blocks = torch.rand(1, 1, 2, 3).repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert torch.equal(resized_and_cropped(blocks, how(2, 2, "nearest")), blocks[..., ::4, ::4][..., :2])


def test_gradients_reach_all_that_is_seen() -> None:
    images = IMAGES.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(resized_and_cropped(images, how(20, 20, "bicubic")).sum(), images)
    assert bool((gradient[..., 6:46] != 0).all())


def test_what_cannot_be_prepared() -> None:
    with pytest.raises(HarnessError, match="images resized to 8x10 are smaller than the crop of 9x9"):
        resized_and_cropped(IMAGES, how(8, 9))
    with pytest.raises(HarnessError, match="'lanczos' of the published preprocessing is not supported"):
        interpolation_named("lanczos")


# --- stand-ins that offer what is used of each library ----------------------------------------------------------


class ResNet18_Weights(Enum):  # noqa: N801
    """As torchvision's enumerations of weights."""

    IMAGENET1K_V1 = "v1"

    url = property(lambda self: "https://example.org/resnet18.pth")
    meta = property(lambda self: {"_metrics": {"ImageNet-1K": {"acc@1": 69.758}}})

    def transforms(self) -> Any:
        mode = SimpleNamespace(value="bilinear")
        return SimpleNamespace(resize_size=[10], crop_size=[8], interpolation=mode, mean=MEAN, std=STD)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def put(**modules: dict[str, Any]) -> None:
        for name, content in modules.items():
            module = ModuleType(name)
            vars(module).update(content)
            monkeypatch.setitem(sys.modules, name.replace("__", "."), module)

    return put


def _get_weight(name: str) -> Any:
    if name != "ResNet18_Weights.IMAGENET1K_V1":
        raise ValueError(name)
    return ResNet18_Weights.IMAGENET1K_V1


def _get_model(name: str, weights: Any) -> nn.Module:
    assert name == "resnet18"
    if weights is not None:
        raise OSError("no network")
    return Network()


def test_torchvision_from_a_file(stand_in: Callable[..., None], tmp_path: Path) -> None:
    stand_in(torchvision__models={"get_weight": _get_weight, "get_model": _get_model})
    torch.save(Network().state_dict(), tmp_path / "w.pth")
    model = torchvision_model("ResNet18_Weights.IMAGENET1K_V1", tmp_path / "w.pth")
    images = torch.rand(2, 3, 10, 12)
    assert torch.allclose(model(images), expected(images[..., 1:9, 2:10]), atol=1e-5)
    cut = torchvision_model("ResNet18_Weights.IMAGENET1K_V1", tmp_path / "w.pth", resize=False)
    assert torch.allclose(cut(images), expected(images), atol=1e-5)
    said = PublishedAccuracy.of_row({"model": model.facts})
    assert said == PublishedAccuracy(0.69758, 50_000, "imagenet", "torchvision, ResNet18_Weights.IMAGENET1K_V1")


def test_torchvision_without_network(stand_in: Callable[..., None]) -> None:
    stand_in(torchvision__models={"get_weight": _get_weight, "get_model": _get_model})
    with pytest.raises(MissingData, match=r"\(no network\). Get it from https://example.org/resnet18.pth, put it here"):
        torchvision_model("ResNet18_Weights.IMAGENET1K_V1")
    with pytest.raises(HarnessError, match="torchvision has no weights 'ResNet19'; they are named like"):
        torchvision_model("ResNet19")


def _timm(mode: str = "center") -> dict[str, dict[str, Any]]:
    def create_model(name: str, pretrained: bool) -> nn.Module:
        if pretrained:
            raise OSError("no network")
        return Network()

    config = {"input_size": (3, 8, 8), "crop_pct": 0.8, "crop_mode": mode, "interpolation": "bilinear"}
    facts = {"is_model": lambda name: name == "net", "create_model": create_model, "__version__": "1"}
    return {"timm": facts, "timm__data": {"resolve_model_data_config": lambda _: {**config, "mean": MEAN, "std": STD}}}


def test_timm_from_a_file(stand_in: Callable[..., None], tmp_path: Path) -> None:
    """8 pixels at a share of .8 are cut from 10."""
    stand_in(**_timm())
    torch.save({name: 2 * tensor for name, tensor in Network().state_dict().items()}, tmp_path / "w.pt")
    model = timm_model("net.tag", tmp_path / "w.pt", published_accuracy=0.7)
    images = torch.rand(2, 3, 10, 12)
    assert torch.allclose(model(images), 2 * expected(images[..., 1:9, 2:10]), atol=1e-5)
    assert PublishedAccuracy.of_row({"model": model.facts}) == PublishedAccuracy(0.7, 50_000, "imagenet", "timm")


def test_timm_without_network(stand_in: Callable[..., None]) -> None:
    stand_in(**_timm("border"))
    with pytest.raises(MissingData, match=r"weights of net could not be fetched .*`hf download timm/net model.safe"):
        timm_model("net")
    with pytest.raises(HarnessError, match="timm 1 has no model 'nat'"):
        timm_model("nat.tag")
    with pytest.raises(HarnessError, match="crop mode 'border' of the published preprocessing is not supported"):
        timm_model("net", pretrained=False)


class _Gone(Exception):
    """As gdown's own exceptions."""


def _robustbench(load_model: Callable[..., nn.Module]) -> dict[str, dict[str, Any]]:
    enums = {"BenchmarkDataset": str, "ThreatModel": str}
    zoo = {"model_dicts": {"cifar10": {"Linf": {"Carmon2019Unlabeled": {"gdrive_id": "x"}}}}}
    return {
        "robustbench__model_zoo": zoo,
        "robustbench__model_zoo__enums": enums,
        "robustbench__utils": {"load_model": load_model},
        "gdown__exceptions": {"FileURLRetrievalError": _Gone},
    }


def test_robustbench_with_its_record(stand_in: Callable[..., None], tmp_path: Path) -> None:
    asked: dict[str, Any] = {}

    def load_model(name: str, **more: Any) -> nn.Module:
        asked.update(more, name=name)
        return Network()

    stand_in(**_robustbench(load_model))
    record = tmp_path / "cifar10" / "Linf" / "Carmon2019Unlabeled.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"clean_acc": "89.69"}))
    model = robustbench_model("Carmon2019Unlabeled", folder=tmp_path, model_info=tmp_path)
    assert asked == {
        "name": "Carmon2019Unlabeled",
        "model_dir": tmp_path,
        "dataset": "cifar10",
        "threat_model": "Linf",
    }
    assert PublishedAccuracy.of_row({"model": model.facts}) == PublishedAccuracy(
        0.8969, 10_000, "cifar10", "RobustBench"
    )
    record.write_text("{}")
    with pytest.raises(HarnessError, match=r"Carmon2019Unlabeled.json is no record of RobustBench with a clean_acc"):
        robustbench_model("Carmon2019Unlabeled", folder=tmp_path, model_info=tmp_path)


@pytest.mark.parametrize("failure", [OSError("no network"), _Gone("no network")])
def test_robustbench_without_network(stand_in: Callable[..., None], tmp_path: Path, failure: Exception) -> None:
    def load_model(name: str, **more: Any) -> nn.Module:
        raise failure

    stand_in(**_robustbench(load_model))
    with pytest.raises(
        MissingData, match=r"could not be loaded from .*Carmon2019Unlabeled.pt or fetched \(no network\)"
    ):
        robustbench_model("Carmon2019Unlabeled", folder=tmp_path)
    with pytest.raises(MissingData, match=r"Carmon2019Unlabeled.pt is not there. Where there is a network, run"):
        robustbench_model("Carmon2019Unlabeled", folder=tmp_path, download=False)
    with pytest.raises(HarnessError, match="has no model 'Carmon' for cifar10 Linf; it has Carmon2019Unlabeled"):
        robustbench_model("Carmon")


@pytest.mark.parametrize(
    ("module", "make", "extra"),
    [
        ("timm", lambda: timm_model("resnet18"), "vision"),
        ("torchvision.models", lambda: torchvision_model("x"), "vision"),
        ("robustbench.model_zoo", lambda: robustbench_model("x"), "robustbench"),
    ],
)
def test_an_absent_library_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, module: str, make: Callable[[], nn.Module], extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(HarnessError, match=rf"{module} cannot be imported .*neural-harness\[{extra}\]"):
        make()


# --- the libraries themselves -----------------------------------------------------------------------------------


def imported(name: str) -> Any:
    """The module, or a skip: torchvision beside a torch of another build raises RuntimeError."""
    import importlib

    try:
        return importlib.import_module(name)
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"{name} cannot be imported: {error}"[:120])


def test_torchvision_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Our preprocessing of tensors is that of the transforms; every classifier's weights name their network."""
    models = imported("torchvision.models")
    torch.manual_seed(0)
    network = models.squeezenet1_1(weights=None).eval()
    torch.save(network.state_dict(), tmp_path / "w.pth")
    model = torchvision_model("SqueezeNet1_1_Weights.IMAGENET1K_V1", tmp_path / "w.pth").eval()
    weights = models.SqueezeNet1_1_Weights.IMAGENET1K_V1
    images = torch.rand(2, 3, 260, 301, requires_grad=True)
    logits = model(images)
    assert torch.allclose(logits, network(weights.transforms()(images)), atol=1e-4)
    assert torch.autograd.grad(logits.sum(), images)[0].abs().sum() > 0
    assert PublishedAccuracy.of_row({"model": model.facts}).value == pytest.approx(0.58178)  # type: ignore[union-attr]
    for name in models.list_models(module=models):
        assert models.get_model_weights(name).__name__.removesuffix("_Weights").lower() == name


def test_timm_itself() -> None:
    """Our preprocessing of tensors is that of timm's own evaluation transform."""
    timm, data = imported("timm"), imported("timm.data")
    torch.manual_seed(0)
    model = timm_model("mobilenetv3_small_050.lamb_in1k", pretrained=False).eval()
    inner = model.network.network
    transform = data.create_transform(**data.resolve_model_data_config(inner), is_training=False)
    images = torch.rand(2, 3, 260, 301)
    resize, crop, _, normalise = transform.transforms
    assert torch.allclose(model(images), inner(normalise(crop(resize(images).clamp(0, 1)))), atol=1e-4)
    assert timm.is_model("mobilenetv3_small_050")


def test_robustbench_itself(tmp_path: Path) -> None:
    imported("robustbench.utils")
    with pytest.raises(MissingData, match=r"Carmon2019Unlabeled.pt is not there"):
        robustbench_model("Carmon2019Unlabeled", folder=tmp_path, download=False)
    with pytest.raises(HarnessError, match=r"RobustBench has no model 'Nobody' for cifar10 L2; it has .*Augustin2020"):
        robustbench_model("Nobody", threat_model="L2", folder=tmp_path)
