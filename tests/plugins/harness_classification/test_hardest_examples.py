"""The hardest examples of hand-made cells."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.image import imread

from harness.api import MeasuredCell, Records, Row, Status
from harness_classification.hardest_examples import difference_pixels, gallery, is_images

THREAT = {"norm": "linf", "eps": 0.1, "targeted": False, "minimal": False}
RECORDS = {
    "id": ["a", "b", "c"],
    "label": [1, 2, 3],
    "clean_prediction": [1, 2, 3],
    "adversarial_prediction": [1, 7, 8],
    "adversarial_confidence": [0.2, 0.625, 0.875],
    "linf": [0.0, 0.1, 0.05],
    "target": pa.array([None, None, None], pa.int64()),
}


def make_cell(run: Path, name: str, *, records: dict[str, Any] = RECORDS, **arrays: np.ndarray) -> MeasuredCell:
    """A cell with records; arrays are saved as `hardest_<name>`."""
    folder = run / name
    (folder / "artifacts").mkdir(parents=True)
    for array_name, array in arrays.items():
        np.save(folder / "artifacts" / f"hardest_{array_name}.npy", array)
    model, _, attack = name.partition(".")
    row = Row(
        "e",
        {"model": model, "attack": attack},
        0,
        Status.OK,
        comparability={"protocol": {"threat": THREAT}},
        cell=name,
        facts={"display": {"threat": "linf ≤ 0.1"}},
    )
    return MeasuredCell(row, "", lambda: Records(pa.table(records), row.protocol, folder))


def pictures(n: int = 2, channels: int = 1, *, shift: float = 0.1) -> dict[str, np.ndarray]:
    clean = np.full((n, channels, 4, 4), 0.5, np.float32)
    return {"rows": np.array([2, 1][:n]), "clean": clean, "adversarial": clean + np.float32(shift)}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path


def test_an_example_says_what_the_records_say(run: Path) -> None:
    (model,) = gallery([make_cell(run, "cnn.pgd", **pictures())]).models
    assert model.title == "cnn"
    (attack,) = model.attacks
    assert (attack.attack, attack.threat) == ("pgd", "linf ≤ 0.1")
    first, second = attack.examples
    assert (first.id, first.label, first.clean_prediction, first.adversarial_prediction) == ("c", "3", "3", "8")
    assert (first.confidence, first.distance, first.target) == ("0.875", "linf 0.05", "")
    assert second.id == "b"
    # The box is [0, 1], so 0.5 is the middle of black and white; everything became brighter by the same 0.1.
    drawn = imread(io.BytesIO(base64.b64decode(first.clean.partition(",")[2])), format="png")
    assert np.rint(drawn * 255).tolist() == [[128.0] * 4] * 4
    difference = imread(io.BytesIO(base64.b64decode(first.difference.partition(",")[2])), format="png")
    assert np.rint(difference[0, 0] * 255).tolist() == [178, 24, 43]
    assert first.largest == "0.1"


def test_the_smallest_usual_box_that_holds_all(run: Path) -> None:
    assert gallery([make_cell(run, "a.x", **pictures())]).high == 1.0
    grown = [make_cell(run, "b.x", **pictures()), make_cell(run, "c.x", **pictures(shift=-1.0))]
    assert (gallery(grown).low, gallery(grown).high) == (-1.0, 1.0)


def test_rgb_is_drawn(run: Path) -> None:
    (model,) = gallery([make_cell(run, "cnn.pgd", **pictures(channels=3))]).models
    drawn = imread(io.BytesIO(base64.b64decode(model.attacks[0].examples[0].adversarial.partition(",")[2])))
    assert drawn.shape == (4, 4, 3)


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {**pictures(), "clean": np.zeros((2, 4, 4))},
        {**pictures(), "clean": np.zeros((2, 16)), "adversarial": np.zeros((2, 16))},
        {**pictures(), "rows": np.array([0, 9])},
        {**pictures(), "rows": np.array([0, -1])},
        {**pictures(), "rows": np.array([0.0, 1.0])},
        {**pictures(), "adversarial": np.full((2, 1, 4, 4), np.inf)},
    ],
)
def test_what_cannot_be_drawn_is_left_out(run: Path, arrays: dict[str, np.ndarray]) -> None:
    assert gallery([make_cell(run, "cnn.pgd", **arrays)]).models == ()


def test_damaged_arrays_and_other_records_are_left_out(run: Path) -> None:
    damaged = make_cell(run, "cnn.pgd", **pictures())
    (run / "cnn.pgd" / "artifacts" / "hardest_clean.npy").write_bytes(b"not an array")
    other = make_cell(run, "cnn.fgsm", records={"id": ["a", "b", "c"]}, **pictures())
    assert gallery([damaged, other]).models == ()


def test_where_space_is_short_every_attack_keeps_its_surest(run: Path) -> None:
    rows = [make_cell(run, name, **pictures()) for name in ("cnn.a", "cnn.b", "mlp.a")]
    whole = gallery(rows)
    assert [model.count for model in whole.models] == [4, 2]
    size = whole.models[0].attacks[0].examples[0].size
    short = gallery(rows, most_bytes=3 * size + size // 2)
    assert [[len(attack.examples) for attack in model.attacks] for model in short.models] == [[1, 1], [1]]
    assert [model.attacks[0].examples[0].id for model in short.models] == ["c", "c"]
    assert short.left_out == 3


def test_the_largest_change_has_the_full_colour() -> None:
    picture, largest = difference_pixels(np.array([[[0.0, 0.2], [-0.2, 0.1]]]))
    assert largest == 0.2
    assert picture[0, 0].tolist() == [247, 247, 247]
    assert picture[0, 1].tolist() == [178, 24, 43]
    assert picture[1, 0].tolist() == [33, 102, 172]
    # Half way between white and red: (247 + 178) / 2, (247 + 24) / 2, (247 + 43) / 2.
    assert picture[1, 1].tolist() == [212, 136, 145]


def test_of_several_channels_the_strongest_change_shows() -> None:
    """Their mean would be 0 here and the change invisible."""
    difference = np.array([0.1, -0.3, 0.2]).reshape(3, 1, 1) * np.ones((3, 2, 2))
    picture, largest = difference_pixels(difference)
    assert largest == pytest.approx(0.3)
    assert picture[0, 0].tolist() == [33, 102, 172]


def test_no_change_is_white_and_no_division_by_zero() -> None:
    picture, largest = difference_pixels(np.zeros((1, 2, 2)))
    assert largest == 0.0
    assert (picture == 247).all()


@pytest.mark.parametrize(
    ("array", "is_picture"),
    [
        (np.zeros((2, 1, 8, 8), np.float32), True),
        (np.zeros((2, 3, 8, 8), np.float64), True),
        (np.zeros((2, 2, 8, 8)), False),
        (np.zeros((2, 8, 8)), False),
        (np.zeros((2, 64)), False),
        (np.zeros((2, 1, 1, 64)), False),
        (np.zeros((2, 1, 8, 8), np.int64), False),
        (np.full((2, 1, 8, 8), np.nan), False),
    ],
)
def test_what_counts_as_pictures(array: np.ndarray, is_picture: bool) -> None:
    assert is_images(array) is is_picture
