"""The detector is right about every image, and sees the cause alone."""

from __future__ import annotations

import torch

from harness_capacity.data.planted_pattern import planted_pattern
from harness_capacity.models.pattern_detector import PatternDetector


def test_it_gives_every_image_its_class_by_a_whole_pattern() -> None:
    data = planted_pattern()
    logits = PatternDetector()(torch.as_tensor(data.columns["inputs"]))
    assert torch.equal(logits.argmax(dim=1), torch.as_tensor(data.columns["labels"]))
    assert float(logits.amax(dim=1).min()) >= 8.0


def test_without_the_cause_it_says_nothing_of_most_images() -> None:
    data = planted_pattern()
    inputs = torch.as_tensor(data.columns["inputs"]) * ~torch.as_tensor(data.columns["cause"])
    assert float((PatternDetector()(inputs) > 0).any(dim=1).float().mean()) < 0.05
    only = torch.as_tensor(data.columns["inputs"]) * torch.as_tensor(data.columns["cause"])
    assert torch.equal(PatternDetector()(only).argmax(dim=1), torch.as_tensor(data.columns["labels"]))
