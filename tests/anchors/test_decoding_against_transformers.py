"""Top-k, top-p and temperature keep the same tokens with the same probabilities as the transformers library's."""

from __future__ import annotations

import pytest
import torch

from harness_language.decoding import Temperature, TopK, TopP

transformers = pytest.importorskip("transformers")
DRAWS = 40_000


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("rule", "names"),
    [
        (Temperature(0.7), [("Temperature", {"temperature": 0.7})]),
        (TopK(7), [("TopK", {"top_k": 7})]),
        (TopP(0.8), [("TopP", {"top_p": 0.8})]),
        (TopP(0.6, temperature=1.5), [("Temperature", {"temperature": 1.5}), ("TopP", {"top_p": 0.6})]),
    ],
)
def test_the_same_distribution(rule: TopK, names: list[tuple[str, dict[str, float]]], seed: int) -> None:
    logits = torch.randn(1, 50, generator=torch.Generator().manual_seed(seed)) * 2
    kept = logits
    for name, parameters in names:
        kept = getattr(transformers, f"{name}LogitsWarper")(**parameters)(None, kept)
    uniform = (torch.arange(DRAWS, dtype=torch.float64) + 0.5) / DRAWS
    shares = torch.bincount(rule.choose(logits.expand(DRAWS, -1), uniform), minlength=50) / DRAWS
    expected = kept.softmax(dim=1)[0]
    assert not shares[expected == 0].any()
    assert shares[expected > 2 / DRAWS].all()
    assert shares.tolist() == pytest.approx(expected.tolist(), abs=2 / DRAWS)
