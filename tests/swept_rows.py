"""Rows of sweeps made up for tests."""

from __future__ import annotations

from harness.api import Estimate, MeasuredCell, Records, Row, Status


def row(
    width: float, error: float | None, seed: int = 0, data: str = "sine", model: str = "net", draw: int = 0, n: int = 9
) -> Row:
    """A row of a model of this width; without an error its cell failed."""
    use = {
        "name": f"harness_capacity/{model}",
        "parameters": {"width": width, "deep": True},
        "trained_on": {"name": "harness_capacity/subset", "parameters": {"n": n, "draw": draw}, "trained_on": None},
    }
    return Row(
        experiment="e",
        labels={"data": data, "model": f"{model} width={width:g}"},
        seed=seed,
        status=Status.FAILED if error is None else Status.OK,
        estimates={} if error is None else {"sup_error": Estimate(error, None, None, 0.95, "none", 4)},
        components={"data": {"name": data, "parameters": {}, "trained_on": None}, "model": use},
    )


def cells(rows: list[Row]) -> list[MeasuredCell]:
    """Cells with these rows and no records."""
    return [MeasuredCell(one, "", lambda: Records.of({"id": []})) for one in rows]
