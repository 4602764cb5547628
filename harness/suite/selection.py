"""The cells of a plan that a run is asked for, by the labels of their components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.contract.cells import SHOWN_ROLES, Cell
from harness.contract.errors import UsageError
from harness.suite.changes import Changes
from harness.suite.patterns import matches
from harness.suite.plan import Expectation, PlannedExperiment

_EXPERIMENT = "experiment"
_ROLES = (*SHOWN_ROLES, _EXPERIMENT)
_MAX_NAMED = 30


def selected_cells(cells: Sequence[Cell], changes: Changes) -> list[Cell]:
    """Return the cells that `only` and `skip` leave.

    A cell is kept if it matches one pattern of `only` for every role that these name, and none of `skip`.

    Raises:
        UsageError: a text that is not ROLE=PATTERN, a pattern that no cell matches, or nothing is left.
    """
    only = _by_role(changes.only, "--only", cells)
    skip = _by_role(changes.skip, "--skip", cells)
    kept = [
        cell
        for cell in cells
        if all(_matches(cell, role, patterns) for role, patterns in only.items())
        and not any(_matches(cell, role, patterns) for role, patterns in skip.items())
    ]
    if not kept:
        given = " ".join(text for text in changes.told if text.startswith(("--only", "--skip")))
        raise UsageError(f"{given} leaves none of {len(cells)} cells")
    return kept


def selected_experiments(
    experiments: Mapping[str, PlannedExperiment], before: Sequence[Cell], kept: Sequence[Cell]
) -> dict[str, PlannedExperiment]:
    """The experiments that have cells left, without what they expect of cells that were left out."""
    names = {cell.experiment for cell in kept}
    return {
        name: replace(each, expect=tuple(e for e in each.expect if _still_concerns(e, name, before, kept)))
        for name, each in experiments.items()
        if name in names
    }


def _still_concerns(expectation: Expectation, name: str, before: Sequence[Cell], kept: Sequence[Cell]) -> bool:
    """Whether an expectation has a cell left, or never had one, which is then a mistake to tell."""

    def among(cells: Sequence[Cell]) -> bool:
        return any(cell.experiment == name and expectation.concerns(cell.labels) for cell in cells)

    return among(kept) or not among(before)


def _by_role(texts: Sequence[str], option: str, cells: Sequence[Cell]) -> dict[str, list[str]]:
    patterns: dict[str, list[str]] = {}
    for text in texts:
        role, _, pattern = text.partition("=")
        if role not in _ROLES or not pattern:
            raise UsageError(f"{option} {text!r}: write ROLE=LABEL, with a role of {', '.join(_ROLES)}")
        if not any(_matches(cell, role, [pattern]) for cell in cells):
            known = [label for label in dict.fromkeys(_label(cell, role) for cell in cells) if label]
            more = f" and {len(known) - _MAX_NAMED} more" if len(known) > _MAX_NAMED else ""
            listed = ", ".join(known[:_MAX_NAMED]) or f"no {role}s"
            raise UsageError(f"{option} {text!r} matches no cell; there is {listed}{more}")
        patterns.setdefault(role, []).append(pattern)
    return patterns


def _matches(cell: Cell, role: str, patterns: Sequence[str]) -> bool:
    label = _label(cell, role)
    return any(label == pattern or matches({role: label}, {role: pattern}) for pattern in patterns)


def _label(cell: Cell, role: str) -> str:
    return cell.experiment if role == _EXPERIMENT else cell.labels.get(role, "")
