"""The hardest examples of hand-made cells."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from matplotlib.image import imread

from harness.contract.rows import Row, Status
from harness.results.report.examples import gallery
from harness.store.run_folder import RunFolder

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


def make_cell(run: RunFolder, name: str, *, records: dict[str, Any] = RECORDS, **arrays: np.ndarray) -> Row:
    """A cell with records; arrays are saved as `hardest_<name>`."""
    folder = run.cell(name)
    (folder / "artifacts").mkdir(parents=True)
    pq.write_table(pa.table(records), folder / "records.parquet")
    for array_name, array in arrays.items():
        np.save(folder / "artifacts" / f"hardest_{array_name}.npy", array)
    model, _, attack = name.partition(".")
    protocol = {"threat": THREAT}
    return Row("e", {"model": model, "attack": attack}, 0, Status.OK, comparability={"protocol": protocol}, cell=name)


def pictures(n: int = 2, channels: int = 1, *, shift: float = 0.1) -> dict[str, np.ndarray]:
    clean = np.full((n, channels, 4, 4), 0.5, np.float32)
    return {"rows": np.array([2, 1][:n]), "clean": clean, "adversarial": clean + np.float32(shift)}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def test_an_example_says_what_the_records_say(run: RunFolder) -> None:
    (model,) = gallery(run, [make_cell(run, "cnn.pgd", **pictures())]).models
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


def test_the_smallest_usual_box_that_holds_all(run: RunFolder) -> None:
    assert gallery(run, [make_cell(run, "a.x", **pictures())]).high == 1.0
    grown = [make_cell(run, "b.x", **pictures()), make_cell(run, "c.x", **pictures(shift=-1.0))]
    assert (gallery(run, grown).low, gallery(run, grown).high) == (-1.0, 1.0)


def test_rgb_is_drawn(run: RunFolder) -> None:
    (model,) = gallery(run, [make_cell(run, "cnn.pgd", **pictures(channels=3))]).models
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
def test_what_cannot_be_drawn_is_left_out(run: RunFolder, arrays: dict[str, np.ndarray]) -> None:
    assert gallery(run, [make_cell(run, "cnn.pgd", **arrays)]).models == ()


def test_damaged_arrays_and_other_records_are_left_out(run: RunFolder) -> None:
    damaged = make_cell(run, "cnn.pgd", **pictures())
    (run.cell("cnn.pgd") / "artifacts" / "hardest_clean.npy").write_bytes(b"not an array")
    other = make_cell(run, "cnn.fgsm", records={"id": ["a", "b", "c"]}, **pictures())
    derived = Row("e", {"model": "cnn"}, 0, Status.OK, derived="worst_case")
    assert gallery(run, [damaged, other, derived]).models == ()


def test_where_space_is_short_every_attack_keeps_its_surest(run: RunFolder) -> None:
    rows = [make_cell(run, name, **pictures()) for name in ("cnn.a", "cnn.b", "mlp.a")]
    whole = gallery(run, rows)
    assert [model.count for model in whole.models] == [4, 2]
    size = whole.models[0].attacks[0].examples[0].size
    short = gallery(run, rows, most_bytes=3 * size + size // 2)
    assert [[len(attack.examples) for attack in model.attacks] for model in short.models] == [[1, 1], [1]]
    assert [model.attacks[0].examples[0].id for model in short.models] == ["c", "c"]
    assert short.left_out == 3
