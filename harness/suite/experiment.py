"""From an experiment of a suite to its cells: which components are combined, and which do not fit together."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.contract.cells import KIND_OF, ROLES, SHOWN_ROLES, TREATMENTS, Cell, Role, Use
from harness.contract.components import Kind
from harness.plugins import Catalog, not_installed
from harness.signatures import SignatureReader
from harness.suite.limits import MAX_CELLS, SPLIT_UP, too_many
from harness.suite.load import LoadedExperiment, Suite
from harness.suite.located import Path_
from harness.suite.plan import Expectation, PlannedExperiment
from harness.suite.planned_headline import planned_headline
from harness.suite.schema import UseEntry, did_you_mean
from harness.suite.training_data import as_training_data
from harness.suite.uses import UseResolver, with_execution

_KEY_OF: Mapping[Role, str] = {
    "model": "models",
    "data": "data",
    "attack": "attacks",
    "sampler": "samplers",
    "attribution": "attributions",
}
_KIND_OF_PART: Mapping[str, Kind] = {"metrics": "metric", "aggregates": "aggregate", "reports": "reporter"}
_CALLED_PROTOCOLS = ("Classifier", "Differentiable")
"""The protocols of models whose forward pass is what a task measures."""
_NONE = "none"
METRICS = "metrics"


class ExperimentResolver:
    """Resolves one experiment, collecting every problem before giving up."""

    def __init__(
        self,
        loaded: LoadedExperiment,
        suite: Suite,
        catalog: Catalog,
        signatures: SignatureReader,
        *,
        allow_imports: bool = False,
        trusted: frozenset[Path] = frozenset(),
    ) -> None:
        self.experiment, self.document, self._catalog = loaded.experiment, loaded.document, catalog
        self.entries = UseResolver(loaded.document, catalog, signatures, allow_imports=allow_imports, trusted=trusted)
        self.name = loaded.experiment.name or suite.head.suite
        self.metric_paths: dict[str, Path_] = {}
        self._misfits: dict[tuple[str, str], str] = {}

    def resolve(self) -> tuple[PlannedExperiment, list[Cell]]:
        """Return what is computed from the cells, and the cells.

        Raises:
            SuiteError: unknown names or parameters, or wrong values.
        """
        task = self.entries.task(self.experiment.task)
        if task is None:
            raise self.document.error(self.entries.problems)
        uses = {role: self._role(role, task) for role in ROLES}
        parts: dict[str, tuple[Use, ...]] = {
            key: tuple(self._uses(kind, getattr(self.experiment, key), key, task))
            for key, kind in _KIND_OF_PART.items()
        }
        for key, chosen in parts.items():
            self._unique_labels(chosen, key)
        for key in ("seeds", "groups"):
            self._unique_values(key)
        expect = tuple(self._expectations(parts["metrics"], parts["aggregates"]))
        counts = [*(len(use) for use in uses.values() if use is not None), len(self.experiment.seeds)]
        if reason := too_many(counts, MAX_CELLS, "cells"):
            self.entries.problem((), reason, SPLIT_UP)
        if self.entries.problems:
            raise self.document.error(list(dict.fromkeys(self.entries.problems)))
        cells = list(self._cells(task, {role: use for role, use in uses.items() if use is not None}, parts["metrics"]))
        headline = planned_headline(
            self.experiment, [use.label for use in parts["metrics"]], cells, self.entries.problem
        )
        if self.entries.problems:
            raise self.document.error(self.entries.problems)
        planned = PlannedExperiment(
            self.name,
            self.experiment.about,
            **parts,
            expect=expect,
            groups=tuple(self.experiment.groups),
            headline=replace(headline, of_treatments=tuple(self._of_treatments(task, parts["metrics"]))),
        )
        return planned, cells

    def metrics(self, task: Use) -> tuple[Use, ...]:
        """The metrics that fit a task; what is wrong with the others stands in `entries.problems`."""
        uses = tuple(self._uses("metric", self.experiment.metrics, METRICS, task))
        self._unique_labels(uses, METRICS)
        return uses

    def _expectations(self, metrics: Sequence[Use], aggregates: Sequence[Use]) -> Iterator[Expectation]:
        named = {"metric": sorted(use.label for use in metrics), "aggregate": sorted(use.label for use in aggregates)}
        for i, entry in enumerate(self.experiment.expect):
            # What an aggregate calls its numbers is known once it has made rows.
            key, name = ("aggregate", entry.aggregate) if entry.aggregate else ("metric", entry.metric)
            if name not in named[key]:
                hint = did_you_mean(name, named[key]) if named[key] else ""
                if key == "metric" and aggregates:
                    hint += "; for a number of an aggregate, name that under `aggregate`"
                self.entries.problem(("expect", i, key), f"{name!r} is not among the {key}s", hint)
            yield Expectation(entry.metric, entry.where.model_dump(), entry.at_least, entry.at_most, entry.aggregate)

    def _of_treatments(self, task: Use, metrics: Sequence[Use]) -> Iterator[str]:
        """Yield the metrics that need columns which the task records only with a treatment."""
        with_role = self.entries.signature(task).columns_with
        recorded = {column for role in TREATMENTS for column in with_role.get(role, ())}
        return (use.label for use in metrics if recorded & set(self.entries.signature(use).columns))

    def _cells(self, task: Use, uses: Mapping[Role, list[Use | None]], metrics: tuple[Use, ...]) -> Iterator[Cell]:
        # Cells of one model stand together, so that it is loaded once and the table reads by model.
        order = [role for role in SHOWN_ROLES if role in uses]
        for seed in self.experiment.seeds:
            for combination in itertools.product(*(uses[role] for role in order)):
                components = dict(zip(order, combination, strict=True))
                model, data = components.get("model"), components.get("data")
                if (
                    model
                    and model.trained_on is None
                    and "fit" in (self.entries.signature(model).offers or ())
                    and data
                ):
                    components["model"] = replace(model, trained_on=as_training_data(data, self.entries.signature))
                cell = Cell(self.name, task, components, metrics, seed, self.experiment.chunk)
                named = list(dict.fromkeys(use.environment for use in cell.uses if use.environment))
                cell = replace(cell, environment=(named or [self.experiment.environment])[0])
                apart = f"it needs the environments {' and '.join(named)}; a cell runs in one" if len(named) > 1 else ""
                yield replace(cell, skip=apart or self._reason_to_skip(cell))

    def _reason_to_skip(self, cell: Cell) -> str:
        # What another environment lacks is said when it is asked, before the first cell.
        for use in cell.uses if not cell.environment else ():
            if missing := not_installed(self._catalog.find(use.kind, use.name).component):
                return f"{use.label} {missing}"
        pairs: list[tuple[Use | None, Role]] = [(cell.task, role) for role in ROLES]
        pairs += [(cell.components.get(role), "model") for role in TREATMENTS]
        for needing, role in pairs:
            given = cell.components.get(role)
            if needing and given and (reason := self._misfit(needing, role, given)):
                return reason
        return ""

    def _misfit(self, needing: Use, role: Role, given: Use) -> str:
        """Return why a component does not satisfy what another needs, as far as classes show; empty if it does."""
        pair = (needing.name, given.name)
        if pair not in self._misfits:
            needs = self.entries.signature(needing).needs.get(role)
            self._misfits[pair] = needs.unmet(self.entries.signature(given).lacks(needs)) if needs else ""
        unmet = self._misfits[pair]
        return f"{needing.label} needs {role} {given.label} to be {unmet}" if unmet else ""

    def _role(self, role: Role, task: Use) -> list[Use | None] | None:
        """The uses of a role, or None if the task has no such role."""
        key = _KEY_OF[role]
        entries: Sequence[UseEntry] = getattr(self.experiment, key)
        may_be_absent = self.entries.signature(task).roles.get(role)
        if may_be_absent is None:
            if entries:
                roles = ", ".join(_KEY_OF[r] for r in ROLES if r in self.entries.signature(task).roles)
                self.entries.problem((key,), f"task {task.label!r} takes no {key}", f"it takes {roles}")
            return None
        uses: list[Use | None] = [None for entry in entries if entry.use == _NONE and may_be_absent]
        uses += self._uses(KIND_OF[role], entries, key, task)
        if role == "model":
            uses = self._executed(uses, task)
        if not entries and not may_be_absent:
            self.entries.problem((), f"the key {key!r} is missing; task {task.label!r} needs it")
        self._unique_labels(uses, key)
        return uses or [None]

    def _executed(self, models: Sequence[Use | None], task: Use) -> list[Use | None]:
        """The models with the execution of the experiment, where they have none of their own."""
        asked = self.experiment.execution and self.experiment.execution.passes
        executed = [use and with_execution(use, asked) for use in models]
        needs = self.entries.signature(task).needs.get("model")
        if needs is None or needs.protocol not in _CALLED_PROTOCOLS:
            own = [i for i, entry in enumerate(self.experiment.models) if entry.execution]
            where: list[Path_] = [("execution",)] if asked else [("models", i, "execution") for i in own]
            for path in where:
                self.entries.problem(path, f"task {task.label!r} does not call a classifier, which `execution` is for")
        return executed

    def _unique_labels(self, uses: Sequence[Use | None], key: str) -> None:
        counted = Counter(use.label if use else _NONE for use in uses)
        for label, times in counted.items():
            if times > 1:
                self.entries.problem((key,), f"{times} entries are called {label!r}", "tell them apart with `as:`")

    def _unique_values(self, key: str) -> None:
        values = getattr(self.experiment, key)
        for i, value in enumerate(values):
            if value in values[:i]:
                first = values.index(value)
                self.entries.problem(
                    (key, i), f"{value!r} stands here twice", f"it is the same as {key}.{first}; leave one out"
                )

    def _uses(self, kind: Kind, entries: Sequence[UseEntry], key: str, task: Use) -> Iterator[Use]:
        for i, entry in enumerate(entries):
            if entry.use == _NONE and kind in TREATMENTS:
                continue
            # A single dataset may be written without a list.
            path: Path_ = (key, i) if (key, i) in self.document.marks else (key,)
            for use in self.entries.uses(kind, entry, path):
                if use.environment and key in _KIND_OF_PART:
                    self.entries.problem((*path, "environment"), f"{kind}s run in the environment of the run alone")
                if self._fits_task(use, task, path):
                    if key == METRICS:
                        self.metric_paths.setdefault(use.label, path)
                    yield use

    def _fits_task(self, use: Use, task: Use, path: Path_) -> bool:
        tasks = self._catalog.find(use.kind, use.name).component.tasks
        short = self._catalog.find("task", task.name).component.name
        if tasks and short not in tasks and task.name not in tasks:
            message = f"{use.kind} {use.name!r} is for {', '.join(sorted(tasks))}; the task is {short!r}"
            self.entries.problem(path, message)
            return False
        return True
