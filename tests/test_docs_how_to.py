"""The suites of the how-to pages run as printed, on data that this test makes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.cli import main

PAGE = "docs/how-to/compare-two-folders-of-images.md"
N = 16
# What needs an extra or a published network stands for what does not.
REPLACED = {
    "inception_v3": "random_conv",
    "{use: clip_judge, with: {folder: clip}}": "bright",
    "[299, 299]": "[16, 16]",
}
JUDGE = '''
"""A judge of text and image that looks at neither."""
from harness.api import Component, hookimpl

class Bright:
    def agreement(self, images, texts):
        return images.flatten(1).mean(1)

@hookimpl
def harness_components():
    """Declare it."""
    return [Component("model", "bright", f"{__name__}:Bright")]
'''


def suites(root: Path) -> dict[str, str]:
    blocks = re.findall(r"```yaml\n(.*?)```", (root / PAGE).read_text(encoding="utf-8"), re.S)
    return {str(re.findall(r"^suite: (\S+)", block)[0]): block for block in blocks}


def images(folder: Path, seed: int, size: int, below: Callable[[int], str] = lambda i: "") -> None:
    for i, pixels in enumerate(np.random.default_rng(seed).integers(0, 256, (N, size, size, 3), dtype=np.uint8)):
        (folder / below(i)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / below(i) / f"{i:02d}.png")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every file that the page names."""
    monkeypatch.chdir(tmp_path)
    images(tmp_path / "real", 0, 16)
    images(tmp_path / "fake", 1, 16)
    for name, seed in (("real-classes", 2), ("fake-classes", 3)):
        images(tmp_path / name, seed, 16, lambda i: ("cat", "dog")[i % 2])
    rng = np.random.default_rng(4)
    for name in ("real-features", "fake-features"):
        np.save(tmp_path / f"{name}.npy", rng.normal(size=(N, 4)).astype(np.float32))
    (tmp_path / "prompts.txt").write_text("\n".join(f"prompt {i}" for i in range(N)))
    return tmp_path


def statistics(folder: Path) -> None:
    """Of as many features as the extractor has."""
    import torch

    from harness_generative.features.extractors import RandomConv

    d = RandomConv()(torch.zeros(1, 3, 16, 16)).shape[1]
    np.savez(folder / "statistics.npz", mu=np.zeros(d), sigma=np.eye(d))


def test_every_suite_is_at_most_six_lines(root: Path) -> None:
    found = suites(root)
    assert len(found) == 6
    assert [name for name, suite in found.items() if suite.count("\n") > 6] == []


@pytest.mark.parametrize(
    "name", ["two-folders", "two-sizes", "class-folders", "against-statistics", "stored-features", "prompted"]
)
def test_it_runs_as_printed(root: Path, data: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    suite = suites(root)[name]
    for printed, used in REPLACED.items():
        suite = suite.replace(printed, used)
    if name == "two-sizes":
        images(data / "real", 0, 24)
    if name == "against-statistics":
        statistics(data)
    plugins = []
    if name == "prompted":
        (data / "plugins").mkdir()
        (data / "plugins" / "bright_judge.py").write_text(JUDGE)
        plugins = ["--plugins-dir", "plugins"]
    (data / f"{name}.yaml").write_text(suite)
    code = main([*plugins, "run", f"{name}.yaml", "--isolation", "inline", "--full"])
    said = capsys.readouterr()
    assert code == 0, said.out + said.err
    for metric in re.findall(r"\w+", suite.partition("metrics: [")[2]):
        assert metric.replace("_", " ") in said.out


def test_the_resizing_that_it_names_is_all_there_is(root: Path) -> None:
    from typing import get_args

    from harness.api.images import Resize

    named = re.findall(r"^\| `(\w+)`(?: \(default\))? \| bi", (root / PAGE).read_text(encoding="utf-8"), re.M)
    assert sorted(named) == sorted(get_args(Resize))


def test_the_messages_are_those_of_the_code(root: Path) -> None:
    messages = re.findall(r"^\| `([^`]+)`", (root / PAGE).read_text(encoding="utf-8").partition("refused")[2], re.M)
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("harness/reading", "plugins/harness_generative")
        for path in (root / folder).rglob("*.py")
    )
    for message in messages:
        # The longest part without what a message fills in.
        longest = max(re.split(r"[\w/-]+\.(?:png|txt)|\[[^\]]*\]|\d+x[\dx]+|\d+|[:,()]", message), key=len).strip()
        assert longest in re.sub(r'"\s*\n\s*f?"', "", code), longest
