"""What `describe` shows of a component that users start from: a whole suite, in at most six lines."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
import yaml

from harness_generative import harness_components

NAMES = ["from_samples", "from_features", "features", "prompts", "pipeline", "latent_diffusers", "clip_judge", "vqa"]


def shown(name: str) -> str:
    (component,) = [each for each in harness_components() if each.name == name]
    _, _, rest = (component.load().__doc__ or "").partition("In a suite:\n\n")
    return textwrap.dedent(rest.partition("\n\n")[0])


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_suite_in_six_lines(name: str) -> None:
    suite: dict[str, Any] = yaml.safe_load(shown(name))
    assert set(suite) == {"suite", "task", "data", "models", "samplers", "metrics"}
    assert len(shown(name).splitlines()) == 6
    assert f"use: {name}" in shown(name)
    declared = {each.name for each in harness_components()}
    assert set(suite["metrics"]) <= declared
