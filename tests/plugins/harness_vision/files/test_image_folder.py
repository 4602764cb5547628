"""Folders of images: classes, tables, splits, overlap, and folders that cannot be used."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness.api import InvalidOutput, MissingData
from harness.testing import run_suite
from harness_vision.files import image_folder as module
from harness_vision.files.image_folder import image_folder


def save(path: Path, seed: int, shape: tuple[int, ...] = (6, 6, 3)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)).save(path)


def pictures(folder: Path, classes: tuple[str, ...] = ("cat", "dog"), n: int = 20) -> Path:
    for k, name in enumerate(classes):
        for i in range(n):
            save(folder / name / f"{i:02d}.png", 100 * k + i)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return pictures(tmp_path / "pictures")


def test_class_folders(folder: Path) -> None:
    data = image_folder(folder)
    assert data.facts == {"classes": ["cat", "dog"], "box": [0.0, 1.0]}
    assert sorted(data.ids) == sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    rows = [5, 0, 7]
    taken = data.take(rows)
    assert taken["labels"].tolist() == [int(data.ids[row].startswith("dog")) for row in rows]
    for image, row in zip(taken["inputs"], rows, strict=True):
        stored = np.asarray(Image.open(folder / data.ids[row]), np.float32) / 255
        assert np.array_equal(image, stored.transpose(2, 0, 1))


def test_the_first_images_are_of_all_classes_and_stay_when_others_come(folder: Path) -> None:
    data = image_folder(folder)
    assert {name.partition("/")[0] for name in data.ids[:8]} == {"cat", "dog"}
    save(folder / "dog" / "new.png", 999)
    assert [name for name in image_folder(folder).ids if name != "dog/new.png"] == list(data.ids)


def test_images_are_decoded_when_they_are_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[bytes] = []
    real = module.Conversion.pixels_of
    monkeypatch.setattr(
        module.Conversion, "pixels_of", lambda self, content: (decoded.append(content), real(self, content))[1]
    )
    data = image_folder(folder)
    assert not decoded
    data.take(range(3))
    assert len(decoded) == 3


def test_splits_hold_each_image_once_and_equal_images_together(folder: Path) -> None:
    shutil.copy(folder / "cat" / "00.png", folder / "cat" / "copy.png")
    parts = {part: set(image_folder(folder, split=part).ids) for part in ("train", "validation", "test")}  # type: ignore[arg-type]
    assert sum(map(len, parts.values())) == len(set.union(*parts.values())) == 41
    assert [("cat/00.png" in part) == ("cat/copy.png" in part) for part in parts.values()] == [True] * 3


def test_outer_folders_as_parts_and_their_overlap(tmp_path: Path) -> None:
    pictures(tmp_path / "train", n=4)
    pictures(tmp_path / "val", ("dog",), n=1)
    for i in range(4):
        save(tmp_path / "val" / "cat" / f"{i}.png", 500 + i)
    train = image_folder(tmp_path, parts="folders", split="train")
    assert all(name.startswith("train/") for name in train.ids)
    assert len(train.ids) == 8
    # The one dog was drawn from the seed of the first cat.
    with pytest.raises(InvalidOutput, match=r"1 of 5 images of the split 'validation' .* val/dog/00.png is train/cat"):
        image_folder(tmp_path, parts="folders", split="validation")
    left = image_folder(tmp_path, parts="folders", split="validation", overlap="leave_out")
    assert len(left.ids) == 4
    assert left.facts["overlap"] == 1
    assert len(image_folder(tmp_path, parts="folders", split="validation", overlap="keep").ids) == 5
    with pytest.raises(MissingData, match="13 images, none of them in the split 'test'"):
        image_folder(tmp_path, parts="folders", split="test")
    save(tmp_path / "extra" / "cat" / "1.png", 1)
    with pytest.raises(InvalidOutput, match="'extra' is no part; they are named train, validation and test"):
        image_folder(tmp_path, parts="folders")


def table_of(folder: Path, rows: list[str], header: str = "file,label,sex,fold") -> Path:
    table = folder.parent / "labels.csv"
    table.write_text("\n".join([header, *rows]), encoding="utf-8")
    return table


def test_what_groups_hold_is_declared(folder: Path) -> None:
    table = table_of(folder, [f"cat/{i:02d}.png,a,{'NA' if i % 2 else 'DE'},test" for i in range(20)])
    with pytest.raises(InvalidOutput, match="'NA'"):
        image_folder(folder, table, groups=["sex"])
    data = image_folder(folder, table, groups=["sex"], values={"sex": ["DE", "NA"]})
    assert list(data.groups["sex"]) == ["NA" if int(name[4:6]) % 2 else "DE" for name in data.ids]


def test_a_table_of_paths_labels_groups_and_parts(folder: Path) -> None:
    rows = [f"cat/{i:02d}.png,{i % 11},{'f' if i % 2 else 'm'},{'test' if i < 5 else 'train'}" for i in range(20)]
    table = table_of(folder, rows)
    data = image_folder(folder, table, groups=["sex"], part="fold", split="test")
    assert sorted(data.ids) == [f"cat/{i:02d}.png" for i in range(5)]
    # Numbers are in the order of their values, not of their texts.
    assert data.facts["classes"] == [str(i) for i in range(11)]
    numbers = [int(name[4:6]) for name in data.ids]
    assert data.take(range(5))["labels"].tolist() == numbers
    assert list(data.groups["sex"]) == ["f" if i % 2 else "m" for i in numbers]


@pytest.mark.parametrize(
    ("rows", "options", "problem"),
    [
        (["cat/00.png,a,f,test", "cat/99.png,a,f,test"], {}, "cat/99.png are named by labels.csv and are not there"),
        (["cat/00.png,a,f,test", "cat/00.png,b,f,test"], {}, "'cat/00.png' stands on line 2 and on line 3"),
        (["../labels.csv,a,f,test"], {}, "line 2: '../labels.csv' lies outside of pictures"),
        (["/etc/passwd,a,f,test"], {}, "lies outside of pictures"),
        (["cat/00.png,,f,test"], {}, "line 2: the label is missing"),
        (["cat/00.png,a,f,later"], {"part": "fold"}, "line 2: the part is 'later'"),
        (["cat/00.png,a,f,"], {"part": "fold"}, "line 2: the part is missing"),
        (["cat/00.png,a,,test"], {"groups": ["sex"]}, "sex"),
        (["cat/00.png,a,f,test"], {"classes": ["b", "c"]}, "line 2: the label 'a' is none of the classes b, c"),
        (["cat/00.png,a,f,test"], {"label": "lable"}, "no column 'lable' for label; did you mean 'label'"),
    ],
)
def test_tables_that_cannot_be_used(folder: Path, rows: list[str], options: Any, problem: str) -> None:
    with pytest.raises(InvalidOutput, match=problem):
        image_folder(folder, table_of(folder, rows), **options)


def test_columns_without_a_table(folder: Path) -> None:
    with pytest.raises(InvalidOutput, match="name columns of a table; give `table:`"):
        image_folder(folder, groups=["sex"])


def test_files_that_are_no_images_are_named_or_counted(folder: Path) -> None:
    (folder / "cat" / "notes.txt").write_text("all cats", encoding="utf-8")
    whole = (folder / "dog" / "03.png").read_bytes()
    (folder / "dog" / "03.png").write_bytes(whole[:90])
    (folder / "dog" / ".DS_Store").write_bytes(b"left by a system")
    (folder / "README.md").write_text("about", encoding="utf-8")
    with pytest.raises(InvalidOutput, match=r"1 of 41 files cannot be used: cat/notes.txt is no image.*`damaged: 1`"):
        image_folder(folder)
    with pytest.raises(InvalidOutput, match=r"`damaged: 1` is wrong: 2 of 41.*dog/03.png cannot be read whole"):
        image_folder(folder, damaged=1)
    data = image_folder(folder, damaged=2)
    assert len(data.ids) == 39
    assert data.facts["damaged"] == 2
    (folder / "cat" / "notes.txt").unlink()
    data = image_folder(folder)
    with pytest.raises(InvalidOutput, match=r"dog/03.png cannot be read whole.*mend it or take it out"):
        data.take(range(len(data.ids)))


def test_a_file_that_cannot_be_opened_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one without permission, which a test that runs as root could open all the same."""
    locked, read = folder / "dog" / "03.png", Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(InvalidOutput, match=r"1 of 40 files cannot be used: dog/03.png .*Permission denied"):
        image_folder(folder, damaged=1)


def test_images_that_differ_are_refused_unless_something_is_declared(folder: Path) -> None:
    save(folder / "cat" / "wide.png", 1, (6, 9, 3))
    with pytest.raises(InvalidOutput, match=r"2 sizes \(40 such as .* 3x6x6; 1 such as cat/wide.png 3x6x9\).*\[6, 6\]"):
        image_folder(folder)
    assert image_folder(folder, size=[4, 4]).take([0])["inputs"].shape == (1, 3, 4, 4)
    save(folder / "cat" / "wide.png", 1, (6, 6))
    with pytest.raises(InvalidOutput, match=r"some images are grey and some are RGB .*cat/wide.png 1x6x6.*`mode: rgb`"):
        image_folder(folder)
    assert len(image_folder(folder, mode="grey").ids) == 41
    Image.new("RGBA", (6, 6)).save(folder / "dog" / "clear.png")
    with pytest.raises(InvalidOutput, match=r"1 of 42 files.*dog/clear.png has transparent pixels"):
        image_folder(folder, mode="rgb")


def test_folders_that_hold_no_classes(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingData, match="holds no class folders"):
        image_folder(tmp_path / "empty")
    with pytest.raises(MissingData, match="is no folder"):
        image_folder(folder / "cat" / "00.png")
    (folder / "bird").mkdir()
    with pytest.raises(InvalidOutput, match="bird are class folders without a file; take them out, or name all"):
        image_folder(folder)
    named = image_folder(folder, classes=["dog", "bird", "cat"])
    assert named.facts["classes"] == ["dog", "bird", "cat"]
    assert named.take([0])["labels"].tolist() == [0 if named.ids[0].startswith("dog") else 2]
    with pytest.raises(InvalidOutput, match="dog are none of the `classes:`"):
        image_folder(folder, classes=["cat", "bird"])
    save(folder / "stray.png", 1)
    with pytest.raises(InvalidOutput, match=r"stray\.png stand in no class folder"):
        image_folder(folder)


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path, folder: Path) -> None:
    """What lies behind it does not enter the key."""
    pictures(tmp_path / "elsewhere", ("bird",), 2)
    (folder / "bird").symlink_to(tmp_path / "elsewhere" / "bird")
    with pytest.raises(InvalidOutput, match="bird is a link to a folder, which is not followed"):
        image_folder(folder)


def test_a_link_to_nothing_is_named(folder: Path) -> None:
    (folder / "cat" / "gone.png").symlink_to(folder / "nowhere.png")
    with pytest.raises(InvalidOutput, match=r"gone\.png is a link to what is not there; mend it, or take it out"):
        image_folder(folder)


SUITE = """
suite: mine
task: classify
data: {{use: image_folder, with: {{path: {folder}, size: [8, 8], mode: grey}}, limit: {limit}}}
models: [shipped_digits]
metrics: [accuracy]
"""


def test_six_lines_of_a_suite(folder: Path, tmp_path: Path) -> None:
    classes = tuple("0123456789")
    shutil.rmtree(folder)
    pictures(folder, classes, 2)
    run = run_suite(SUITE.format(folder=folder, limit=12), tmp_path / "results")
    (row,) = run.rows
    assert (row.status, row.n) == ("ok", 12)
