"""The rows of a headline laid out for a page."""

from __future__ import annotations

from harness.results.headline.headline import Headline
from harness.results.headline.text import headline_columns
from harness.results.report.tables import Column, Field, Line, Table, estimate_field


def make_headline_table(headline: Headline) -> Table | None:
    """The table of a headline, a line for each row and metric; None without rows."""
    if not headline.rows:
        return None
    labels, constants, numbers = headline_columns(headline)
    texts = [*labels, *numbers]
    kinds = {"status": "status", "value": "number"}
    columns = tuple(Column(name, kinds.get(name, "label")) for name, _ in texts)
    lines = []
    told = [(each.row, metric) for each in headline.rows for metric in each.metrics]
    for i, (row, metric) in enumerate(told):
        fields = [Field(cells[i]) for _, cells in texts]
        estimate = row.estimates.get(metric)
        if estimate is not None:
            unit = headline.units.get((row.experiment, metric), "")
            fields[[name for name, _ in texts].index("value")] = estimate_field(estimate, unit)
        lines.append(Line(tuple(fields), str(row.status), row.reason, row.derived))
    more = (f"{headline.left_out} more rows left out",) if headline.left_out else ()
    return Table("headline", "", constants.removesuffix("; intervals at 95 %"), columns, tuple(lines), more)
