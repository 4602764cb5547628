"""The pictures that tasks left, as a section: what is shown, under which title, and how many did not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.contract.records import Records
from harness.contract.rows import MeasuredCell, Row, Status
from harness.picture_section import cell_title, picture_section
from harness.png import data_uri, png


def cell(folder: Path, name: str, *pictures: str) -> MeasuredCell:
    (folder / name / "artifacts").mkdir(parents=True)
    for picture in pictures:
        (folder / name / "artifacts" / picture).write_bytes(png(np.zeros((2, 2), np.uint8)))
    (folder / name / "artifacts" / "fake.png").write_text("<svg>")
    row = Row("e", {"data": "d", "model": name, "sampler": "s"}, 2, Status.OK, n=1, cell=name)
    return MeasuredCell(row, "", lambda: Records.of({"id": ["a"]}), folder / name)


def test_the_pictures_of_the_cells_that_have_any(tmp_path: Path) -> None:
    cells = [cell(tmp_path, "a", "grid.png", "far.png"), cell(tmp_path, "b")]
    (section,) = picture_section("Samples", cells)
    uri = data_uri(png(np.zeros((2, 2), np.uint8)))
    assert section.title == "Samples"
    assert section.values == {"shown": [("a / s, seed 2", {"far": uri, "grid": uri})], "left_out": 0}
    assert section.cells == {"a", "b"}
    assert list(picture_section("Samples", cells[1:])) == []


def test_what_does_not_fit_is_counted(tmp_path: Path) -> None:
    size = len(data_uri(png(np.zeros((2, 2), np.uint8))))
    (section,) = picture_section("Samples", [cell(tmp_path, "a", "1.png", "2.png", "3.png")], 2 * size)
    assert [list(pictures) for _, pictures in section.values["shown"]] == [["1", "2"]]
    assert section.values["left_out"] == 1


def test_captions_are_words_and_give_the_order(tmp_path: Path) -> None:
    cells = [cell(tmp_path, "a", "worst_case-grid.png", "a.png", "z.png")]
    (section,) = picture_section("Samples", cells, captions={"z.png": "the last first", "none.png": "not there"})
    assert [list(pictures) for _, pictures in section.values["shown"]] == [["the last first", "a", "worst case grid"]]


def test_a_row_without_labels_is_called_by_its_experiment() -> None:
    assert cell_title(Row("audit", {"data": "people"}, 0, Status.OK)) == "audit"
