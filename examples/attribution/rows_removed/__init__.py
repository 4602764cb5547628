"""An attribution: how much each row of an image added to the answer."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Component, Declarations, hookimpl


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the attribution; its module is imported only where it is used."""
    attribution = Declarations("attribution", __name__, tasks={"explain"})
    return [attribution("rows_removed", "attribution:RowsRemoved")]
