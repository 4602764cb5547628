"""Prompts of a file: what is read, drawn, judged in words, and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness import Run
from harness.api import InvalidOutput, MissingData, Status
from harness.testing import run_suite
from harness_generative.text.prompts import prompts

LINES = "two cats doing research\n\n  a red dog \na bird\nsix mice\n"
GENEVAL = [
    {"tag": "counting", "include": [{"class": "cat", "count": 2}], "exclude": [{"class": "cat", "count": 3}]},
    {"tag": "colors", "include": [{"class": "dog", "count": 1, "color": "red"}]},
    {
        "tag": "position",
        "include": [{"class": "dog", "count": 1}, {"class": "cat", "count": 1, "position": ["left of", 0]}],
    },
]

PLUGIN = '''
"""A model that paints how long its prompt is, a judge that says how bright, and one that counts."""
import torch
from harness.api import Component, hookimpl

class Painter:
    latent_shape = (1, 8, 8)

    def encode_conditions(self, conditions):
        return torch.tensor([len(each) / 100 for each in conditions])

    def generate(self, noise, conditions):
        return (conditions[:, None, None, None] + 0.01 * noise.sigmoid()).expand(-1, 1, 8, 8)

class Bright:
    def agreement(self, images, texts):
        return images.flatten(1).mean(1) - 0.01 * (torch.tensor([len(text) for text in texts]) > 20)

class Counter:
    def answers(self, images, questions):
        return ["Two." if "many" in each else "it is Red" for each in questions]

@hookimpl
def harness_components():
    """Declare them."""
    return [Component("model", name.lower(), f"{__name__}:{name}") for name in ("Painter", "Bright", "Counter")]
'''

SUITE = """suite: prompted
task: {use: generate, with: {JUDGES}}
data: {use: prompts, with: {path: PATH, images: 3}}
models: [MODEL]
samplers: [one_shot]
metrics: [clip_score, fid_proxy]
"""


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def geneval(folder: Path) -> Path:
    rows = [json.dumps({**each, "prompt": f"prompt {i}"}) for i, each in enumerate(GENEVAL)]
    return written(folder / "metadata.jsonl", "\n".join(rows))


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin; a module name can be taken by one folder only."""
    folder = tmp_path_factory.mktemp("plugins")
    written(folder / "painter.py", PLUGIN)
    return folder


def run(plugins: Path, tmp_path: Path, path: Path, judges: str, model: str = "painter", **changes: str) -> Run:
    suite = SUITE.replace("PATH", str(path)).replace("JUDGES", judges).replace("MODEL", model)
    for old, new in changes.items():
        suite = suite.replace(old, new)
    return run_suite(suite, tmp_path / "results", plugin_folders=[plugins])


def test_lines_of_text(tmp_path: Path) -> None:
    data = prompts(written(tmp_path / "p.txt", LINES))
    texts = ["two cats doing research", "a red dog", "a bird", "six mice"]
    assert data.take(range(4)) == {"prompts": texts}
    assert data.ids == [f"prompt-{i:05d}" for i in range(4)]
    assert "clusters" not in data.facts


def test_several_images_of_a_prompt_hang_together(tmp_path: Path) -> None:
    data = prompts(written(tmp_path / "p.txt", LINES), images=2)
    assert data.ids[:3] == ["prompt-00000-image-0", "prompt-00000-image-1", "prompt-00001-image-0"]
    assert data.facts["clusters"] == "prompt"
    assert data.groups["prompt"][:3] == ["prompt-00000", "prompt-00000", "prompt-00001"]
    twice = prompts(written(tmp_path / "q.txt", "a\nb\na\n"))
    assert list(twice.groups["prompt"]) == ["prompt-00000", "prompt-00001", "prompt-00000"]
    assert twice.facts["clusters"] == "prompt"


def test_what_groups_hold_is_declared(tmp_path: Path) -> None:
    table = written(tmp_path / "p.csv", "prompt,country\na dog,NA\na cat,DE\n")
    with pytest.raises(InvalidOutput, match="'NA'"):
        prompts(table, groups=["country"])
    assert list(prompts(table, groups=["country"], values={"country": ["NA", "DE"]}).groups["country"]) == ["NA", "DE"]


def test_columns_of_tables(tmp_path: Path) -> None:
    table = written(tmp_path / "p.csv", "caption,hue\na dog,warm\na cat,cold\n")
    data = prompts(table, groups=["hue"])
    assert data.take([1]) == {"prompts": ["a cat"]}
    assert list(data.groups["hue"]) == ["warm", "cold"]
    assert prompts(table, column="hue").take([0]) == {"prompts": ["warm"]}
    expected = prompts(geneval(tmp_path), groups=["tag"]).take([0, 1])["expected"]
    assert json.loads(expected[0])["include"] == GENEVAL[0]["include"]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("p.txt", " \n\n", "p.txt holds no prompts; write one in each line"),
        ("p.csv", "prompt\n", "no rows|has no"),
        ("p.csv", "prompt,x\na,1\n,2\n", "line 3: the prompt is missing"),
        ("p.csv", "words\na\n", "no column 'prompt' for prompts"),
        ("p.jsonl", '{"prompt": "a", "include": [{"class": "cat"}]}', "a `class` and a whole number `count`"),
        ("p.jsonl", '{"prompt": "a", "include": []}', "names no object"),
        ("p.jsonl", '{"prompt": "a", "include": "cat"}', "it is a list such as"),
    ],
)
def test_files_without_prompts(tmp_path: Path, name: str, text: str, problem: str) -> None:
    with pytest.raises(InvalidOutput, match=problem):
        prompts(written(tmp_path / name, text))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="is not there; it should be a file of prompts"):
        prompts(tmp_path / "p.txt")
    (tmp_path / "p.txt").write_bytes("a\nb\xe9\n".encode("latin-1"))
    with pytest.raises(InvalidOutput, match=r"p.txt, line 2: not UTF-8"):
        prompts(tmp_path / "p.txt")
    with pytest.raises(InvalidOutput, match=r"p.txt is text without columns"):
        prompts(tmp_path / "p.txt", groups=["x"])


def test_samples_without_a_reference_are_judged_by_their_prompts(plugins: Path, tmp_path: Path) -> None:
    found = run(plugins, tmp_path, written(tmp_path / "p.txt", LINES), "text_judge: bright, features: [random_conv]")
    (row,) = found.rows
    assert row.status is Status.OK
    assert (row.n, row.protocol["reference"], row.protocol["n_reference"]) == (12, "nothing", None)
    records = found.records(row)
    lengths = np.array([len(text) for text in records["condition"]])
    means = records.artifact("samples").reshape(12, -1).mean(axis=1)
    expected = 2.5 * (means - 0.01 * (lengths > 20))
    score = row.estimates["clip_score"]
    assert score.value == pytest.approx(expected.mean(), rel=1e-5)
    # Samples of one prompt differ by their noise only, so there is as much to learn as there are prompts.
    by_prompt = expected.reshape(4, 3).mean(axis=1)
    assert score.method == "jackknife over 4 clusters"
    assert score.low is not None
    assert score.high is not None
    half = 3.1824 * by_prompt.std(ddof=1) / 2
    assert score.low == pytest.approx(max(0.0, by_prompt.mean() - half), rel=0.02)
    assert not row.estimates["fid_proxy"].applies
    assert "prompts without reference images" in row.estimates["fid_proxy"].reason
    assert row.protocol["asked_for"] == "prompts"


def test_a_row_of_which_no_metric_applies_is_skipped(plugins: Path, tmp_path: Path) -> None:
    changes = {"[clip_score, fid_proxy]": "[fid_proxy]"}
    (row,) = run(plugins, tmp_path, written(tmp_path / "p.txt", LINES), "features: [random_conv]", **changes).rows
    assert row.status is Status.SKIPPED
    assert "prompts without reference images to compare with" in row.reason


def test_objects_are_asked_for_one_by_one(plugins: Path, tmp_path: Path) -> None:
    changes = {
        "[clip_score, fid_proxy]": "[object_accuracy, "
        "{use: object_accuracy, as: colours, with: {aspect: colours}}, "
        "{use: object_accuracy, as: positions, with: {aspect: positions}}]",
        "images: 3": "groups: [tag]",
    }
    found = run(plugins, tmp_path, geneval(tmp_path), "answerer: counter", **changes)
    (row,) = found.rows
    records = found.records(row)
    assert records["answers"].tolist() == [
        "How many cats are there? Two.",
        "How many dogs are there? Two.; What color is the dog? it is Red",
        "How many dogs are there? Two.; How many cats are there? Two.; Is the cat to the left of the dog? it is Red",
    ]
    assert records["objects_right"].tolist() == [True, True, False]
    assert records.floats("colours_right")[1] == 1.0
    assert row.estimates["object_accuracy"].value == pytest.approx(2 / 3)
    for aspect, share in (("colours", 1.0), ("positions", 0.0)):
        assert (row.estimates[aspect].value, row.estimates[aspect].n) == (share, 1)


def test_an_answerer_needs_to_know_what_is_expected(plugins: Path, tmp_path: Path) -> None:
    (row,) = run(plugins, tmp_path, written(tmp_path / "p.txt", LINES), "text_judge: bright, answerer: counter").rows
    assert row.status is Status.INVALID
    assert "`answerer` needs `prompts` with `include`" in row.reason


def test_images_made_elsewhere_for_the_prompts_in_their_order(plugins: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for i in range(4):
        Image.fromarray(np.full((8, 8), 20 * i, np.uint8)).save(images / f"{i}.png")
    path = written(tmp_path / "p.txt", LINES)
    model = f"{{use: from_samples, with: {{path: {images}}}}}"
    changes: dict[str, Any] = {", images: 3": ""}
    found = run(plugins, tmp_path, path, "text_judge: bright", model, **changes)
    (row,) = found.rows
    assert row.status is Status.OK, row.reason
    assert found.records(row)["condition"].tolist()[1] == "a red dog"
    (refused,) = run(plugins, tmp_path, path, "text_judge: bright", model).rows
    assert "4 samples were given for 12 prompts; give one for each in their order" in refused.reason
