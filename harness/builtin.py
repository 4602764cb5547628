"""The components of the core itself, registered through the same hook as every plugin."""

from __future__ import annotations

from collections.abc import Iterable

from harness.contract.components import Component
from harness.hooks import hookimpl


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the aggregate that belongs to no field, and what imported logs become."""
    log = "harness.importing.components"
    tasks = frozenset(("from_log",))
    return [
        Component("aggregate", "over_seeds", "harness.scoring.over_seeds:OverSeeds"),
        Component("task", "from_log", f"{log}:FromLog"),
        Component("dataset", "logged_documents", f"{log}:logged_documents", tasks=tasks),
        Component("model", "logged_outputs", f"{log}:LoggedOutputs", tasks=tasks),
        Component("metric", "logged_score", f"{log}:LoggedScore", tasks=tasks),
        Component("metric", "logged_loss", f"{log}:LoggedLoss", tasks=tasks),
    ]
