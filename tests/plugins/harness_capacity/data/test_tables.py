"""The embedded tables."""

from __future__ import annotations

import numpy as np
import pytest

from harness_capacity.data.tables import TableName, table


@pytest.mark.parametrize(
    ("name", "sizes", "shape"), [("breast_cancer", (227, 171, 171), 30), ("wine", (72, 53, 53), 13)]
)
def test_three_parts_without_a_common_row(name: TableName, sizes: tuple[int, ...], shape: int) -> None:
    parts = [table(name, split) for split in ("train", "validation", "test")]
    assert tuple(len(part.ids) for part in parts) == sizes
    ids = [each for part in parts for each in part.ids]
    assert sorted(ids) == sorted(table(name, "all").ids)
    inputs = parts[0].take(range(sizes[0]))["inputs"]
    assert inputs.shape == (sizes[0], shape)
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(inputs.std(axis=0), 1, atol=1e-5)


def test_the_split_is_fixed() -> None:
    assert list(table("wine").ids)[:3] == ["wine-095", "wine-009", "wine-051"]
    assert table("wine").facts["classes"] == ["class_0", "class_1", "class_2"]
