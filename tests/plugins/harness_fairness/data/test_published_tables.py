"""COMPAS and Adult: their digests, what is said where they are not there, and what they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.api import MissingData
from harness_fairness.data.published_tables import adult, captions, compas


def test_what_to_do_where_a_table_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        MissingData, match=r"compas_for_aequitas.csv is not there. Get it from https://.* and put it into"
    ):
        compas(tmp_path)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adult.csv").write_text("age,sex\n1,m\n", encoding="utf-8")
    with pytest.raises(MissingData, match=r"expected c30ce1e55a.*; it is damaged or another file"):
        adult(tmp_path)


@pytest.mark.slow
def test_adult(data_folder: Path) -> None:
    parts = {split: adult(data_folder / "bias", split=split) for split in ("train", "validation", "test")}  # type: ignore[arg-type]
    assert sum(len(part.ids) for part in parts.values()) == 32_561
    positives = sum(int(part.columns["labels"].sum()) for part in parts.values())
    assert positives == 7_841, "as published: 24.08 % earn more than 50,000"
    assert set(parts["test"].groups["sex"]) == {"Female", "Male"}
    assert parts["test"].facts["classes"] == ["<=50K", ">50K"]
    without = adult(data_folder / "bias", with_groups=False)
    assert without.columns["inputs"].shape[1] == parts["test"].columns["inputs"].shape[1] - 2 - 5


def test_a_table_below_the_folder_of_data_is_found(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(data_folder))
    found = captions()
    assert (len(found.ids), set(found.groups["Gen"])) == (80, {"F", "M"})
