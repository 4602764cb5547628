"""Inception-v3 wired as the published FID has it, against torch-fidelity's network with the same weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from harness_generative.features.pretrained import InceptionV3

# A torchvision of another build than torch cannot be imported, which is no ImportError.
try:
    import torchvision.models
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
except (ImportError, RuntimeError) as missing:
    pytest.skip(f"torch-fidelity or torchvision cannot be imported: {missing}"[:120], allow_module_level=True)

pytestmark = pytest.mark.extended


def lively(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Random weights with which the signal reaches the last pool, offsets included."""
    draws = torch.Generator().manual_seed(0)
    drawn = {}
    for name, value in state.items():
        noise = torch.randn(value.shape, generator=draws)
        if value.dim() == 4:
            drawn[name] = noise * (2 / value[0].numel()) ** 0.5
        elif name.endswith(("bn.bias", "running_mean")):
            drawn[name] = 0.1 * noise
        else:
            drawn[name] = value
    return drawn


def test_the_network_of_the_published_fid(tmp_path: Path) -> None:
    make = FeatureExtractorInceptionV3
    scaffold = torchvision.models.inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False)
    torch.save(lively(scaffold.state_dict()), tmp_path / "weights.pth")
    reference = make("test", ["2048"], feature_extractor_weights_path=str(tmp_path / "weights.pth"))
    images = torch.randint(0, 256, (2, 3, 299, 299), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    expected = reference(images)[0]
    ours = InceptionV3("fid", tmp_path / "weights.pth").eval()
    with torch.no_grad():
        features = ours(images / 255)
    assert features.shape == (2, 2048)
    assert float((features - expected).abs().max()) <= 1e-4 * float(expected.abs().max())
    assert float((features[0] - features[1]).abs().max()) > 1e-2 * float(expected.abs().max()), "the test can tell"


def test_torchvisions_own_network(tmp_path: Path) -> None:
    """Against torchvision with its published preprocessing: normalised by ImageNet, then transformed inside."""
    reference = torchvision.models.inception_v3(weights=None, init_weights=False, transform_input=True).eval()
    reference.load_state_dict(lively(reference.state_dict()))
    torch.save(reference.state_dict(), tmp_path / "weights.pth")
    reference.fc = torch.nn.Identity()
    images = torch.rand(2, 3, 299, 299, generator=torch.Generator().manual_seed(1))
    mean, std = (torch.tensor(v)[:, None, None] for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    with torch.no_grad():
        expected = reference((images - mean) / std)
        features = InceptionV3("imagenet", tmp_path / "weights.pth").eval()(images)
    assert float((features - expected).abs().max()) <= 1e-4 * float(expected.abs().max())
