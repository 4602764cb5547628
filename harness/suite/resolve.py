"""From a suite to its cells: names are resolved to components, parameters checked, cells that do not fit skipped."""

from __future__ import annotations

import fnmatch
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.contract.cells import KIND_OF, ROLES, SHOWN_ROLES, TREATMENTS, Cell, Role, Use, uses_in
from harness.contract.components import Kind
from harness.contract.errors import SuiteError, UsageError
from harness.contract.execution import Execution
from harness.isolation import Fault
from harness.plugins import ABSENT, DISTRIBUTION, Catalog, Entry, distribution_version, extra_with
from harness.signatures import Parameter, Signature, SignatureError, SignatureReader
from harness.suite.load import LoadedExperiment, Suite, parse_metrics
from harness.suite.located import Mark, Path_, Problem
from harness.suite.metric_fit import reason_against
from harness.suite.parameters import BadValue, check_value, unknown_parameter
from harness.suite.plan import Expectation, Plan, PlannedExperiment
from harness.suite.schema import (
    DataEntry,
    ExecutionEntry,
    Experiment,
    ModelEntry,
    Pattern,
    SuiteHead,
    UseEntry,
    did_you_mean,
)

_KEY_OF: Mapping[Role, str] = {
    "model": "models",
    "data": "data",
    "attack": "attacks",
    "sampler": "samplers",
    "attribution": "attributions",
}
_KIND_OF_PART: Mapping[str, Kind] = {"metrics": "metric", "aggregates": "aggregate", "reports": "reporter"}
_ENTRY_OF_KIND: Mapping[Kind, type[UseEntry]] = {"model": ModelEntry, "extractor": ModelEntry, "dataset": DataEntry}
_CALLED_PROTOCOLS = ("Classifier", "Differentiable")
"""The protocols of models whose forward pass is what a task measures."""
_NONE = "none"
_METRICS = "metrics"


def make_plan(suite: Suite, catalog: Catalog, signatures: SignatureReader) -> Plan:
    """Resolve a suite against the installed components.

    Raises:
        SuiteError: unknown names or parameters, wrong values, or nothing to measure.
    """
    experiments: dict[str, PlannedExperiment] = {}
    resolvers: list[_Resolver] = []
    cells: list[Cell] = []
    deselected = 0
    for loaded in suite.experiments:
        resolver = _Resolver(loaded, suite, catalog, signatures)
        planned, candidates = resolver.resolve()
        resolvers.append(resolver)
        selected = [cell for cell in candidates if _selected(cell, loaded.experiment)]
        deselected += len(candidates) - len(selected)
        experiments[planned.name] = planned
        cells += selected
    before = len(cells)
    cells, warnings = _modified(cells, catalog)
    deselected += before - len(cells)
    if not cells:
        why = f"; include, exclude or a plugin deselected all {deselected}" if deselected else ""
        raise SuiteError(f"{suite.file}: the suite plans no cells{why}")
    _check_metrics(resolvers, experiments, cells)
    checked = []
    for cell in cells:
        objection, more = ("", []) if cell.skip else _plugin_objection(cell, catalog)
        checked.append(replace(cell, skip=objection) if objection else cell)
        warnings += more
    head = suite.head
    return Plan(
        head.suite,
        head.about,
        str(suite.file),
        experiments,
        tuple(checked),
        deselected,
        head.threads,
        head.timeout,
        head.isolation,
        tuple(dict.fromkeys(warnings)),
    )


def resolve_metrics(
    text: str, tasks: Mapping[str, Use], catalog: Catalog, signatures: SignatureReader, name: str = "metrics"
) -> dict[str, tuple[Use, ...]]:
    """Resolve metrics written in one line as under `metrics:` of a suite, the brackets being optional.

    Args:
        text: e.g. "accuracy, {use: robust_accuracy, as: robust}".
        tasks: experiment to its task.
        catalog, signatures: where components are looked up.
        name: stands for the file in errors.

    Returns:
        For each experiment the metrics that fit its task.

    Raises:
        SuiteError: unknown names or parameters, wrong values, or a metric that fits no task.
    """
    document = parse_metrics(text, name)
    metrics: dict[str, tuple[Use, ...]] = {}
    problems: list[list[Problem]] = []
    for experiment, task in tasks.items():
        asked = Experiment.model_validate({"name": experiment, "task": task.name, **document.data})
        loaded = LoadedExperiment(asked, document)
        resolver = _Resolver(loaded, Suite(SuiteHead(suite=_METRICS), (loaded,), Path(name)), catalog, signatures)
        metrics[experiment] = resolver.metrics(task)
        problems.append(resolver.problems)
    # A metric of one of several tasks is no mistake.
    everywhere = set.intersection(*({problem.path[:2] for problem in each} for each in problems))
    wrong = [problem for each in problems for problem in each if problem.path[:2] in everywhere]
    if wrong:
        raise document.error(list(dict.fromkeys(wrong)))
    return metrics


def _check_metrics(
    resolvers: Sequence[_Resolver], experiments: Mapping[str, PlannedExperiment], cells: Sequence[Cell]
) -> None:
    """Raise SuiteError for a metric that no cell of the suite can have.

    A metric that several experiments share is written once, and stands where one of them has it.
    """
    reasons: dict[tuple[Mark, str], list[tuple[_Resolver, Path_, str]]] = {}
    for resolver in resolvers:
        own = [cell for cell in cells if cell.experiment == resolver.name]
        for use in experiments[resolver.name].metrics if own else ():
            path = resolver.metric_paths[use.label]
            reason = reason_against(use, own, resolver.signature)
            reasons.setdefault((resolver.document.where(path), use.label), []).append((resolver, path, reason))
    never = {key: found for key, found in reasons.items() if all(reason for _, _, reason in found)}
    problems = [found[0][0].document.problem(found[0][1], f"{key[1]!r} {found[0][2]}") for key, found in never.items()]
    if problems:
        raise resolvers[0].document.error(problems)


def _modified(cells: list[Cell], catalog: Catalog) -> tuple[list[Cell], list[str]]:
    """Return the cells as plugins filter and reorder them, and a warning for each plugin that failed and is ignored."""
    ids = {cell.id for cell in cells}
    warnings = []
    for plugin, modify in catalog.implementations("harness_modify_cells"):
        modified = list(cells)
        answer = modify(cells=modified)
        if isinstance(answer, Fault):
            warnings.append(f"plugin {plugin!r} is ignored: harness_modify_cells: {answer.reason}")
        elif not all(isinstance(cell, Cell) and cell.id in ids for cell in modified):
            warnings.append(f"plugin {plugin!r} is ignored: harness_modify_cells put something new into the plan")
        else:
            cells = modified
    return cells, warnings


def _plugin_objection(cell: Cell, catalog: Catalog) -> tuple[str, list[str]]:
    """Return the first reason of a plugin against a cell, and a warning for each plugin that failed."""
    warnings = []
    for plugin, incompatible in catalog.implementations("harness_incompatible"):
        answer = incompatible(cell=cell)
        if isinstance(answer, Fault):
            warnings.append(f"plugin {plugin!r} is ignored: harness_incompatible: {answer.reason}")
        elif answer:
            return str(answer), warnings
    return "", warnings


def _selected(cell: Cell, experiment: Experiment) -> bool:
    labels = cell.labels

    def matches(pattern: Pattern) -> bool:
        return all(fnmatch.fnmatchcase(labels.get(role, ""), wanted) for role, wanted in pattern.model_dump().items())

    included = not experiment.include or any(matches(pattern) for pattern in experiment.include)
    return included and not any(matches(pattern) for pattern in experiment.exclude)


class _Resolver:
    """Resolves one experiment, collecting every problem before giving up."""

    def __init__(self, loaded: LoadedExperiment, suite: Suite, catalog: Catalog, signatures: SignatureReader) -> None:
        self.experiment, self.document = loaded.experiment, loaded.document
        self.suite, self.catalog, self.signatures = suite, catalog, signatures
        self.problems: list[Problem] = []
        self.name = loaded.experiment.name or suite.head.suite
        self.metric_paths: dict[str, Path_] = {}
        self._misfits: dict[tuple[str, str], str] = {}

    def resolve(self) -> tuple[PlannedExperiment, list[Cell]]:
        asked = self.experiment.task
        task = self._use("task", UseEntry.model_validate({"use": asked.use, "with": asked.parameters}), ("task",))
        if task is None:
            raise self.document.error(self.problems)
        uses = {role: self._role(role, task) for role in ROLES}
        parts: dict[str, tuple[Use, ...]] = {
            key: tuple(use for use, _ in self._uses(kind, getattr(self.experiment, key), key, task))
            for key, kind in _KIND_OF_PART.items()
        }
        for key, chosen in parts.items():
            self._unique_labels(chosen, key)
        for key in ("seeds", "groups"):
            self._unique_values(key)
        expect = tuple(self._expectations({use.label for use in parts["metrics"]}))
        if self.problems:
            raise self.document.error(list(dict.fromkeys(self.problems)))
        planned = PlannedExperiment(
            self.name, self.experiment.about, **parts, expect=expect, groups=tuple(self.experiment.groups)
        )
        return planned, list(
            self._cells(task, {role: use for role, use in uses.items() if use is not None}, parts["metrics"])
        )

    def metrics(self, task: Use) -> tuple[Use, ...]:
        """The metrics that fit a task; what is wrong with the others stands in `problems`."""
        uses = tuple(use for use, _ in self._uses("metric", self.experiment.metrics, _METRICS, task))
        self._unique_labels(uses, _METRICS)
        return uses

    def _expectations(self, metrics: set[str]) -> Iterator[Expectation]:
        for i, entry in enumerate(self.experiment.expect):
            if entry.metric not in metrics:
                hint = did_you_mean(entry.metric, sorted(metrics))
                self._problem(("expect", i, "metric"), f"{entry.metric!r} is not among the metrics", hint)
            yield Expectation(entry.metric, entry.where.model_dump(), entry.at_least, entry.at_most)

    def _cells(self, task: Use, uses: Mapping[Role, list[Use | None]], metrics: tuple[Use, ...]) -> Iterator[Cell]:
        # Cells of one model stand together, so that it is loaded once and the table reads by model.
        order = [role for role in SHOWN_ROLES if role in uses]
        for seed in self.experiment.seeds:
            for combination in itertools.product(*(uses[role] for role in order)):
                components = dict(zip(order, combination, strict=True))
                model, data = components.get("model"), components.get("data")
                if model and model.trained_on is None and "fit" in (self.signature(model).offers or ()) and data:
                    components["model"] = replace(model, trained_on=replace(data, limit=None))
                cell = Cell(self.name, task, components, metrics, seed, self.experiment.chunk)
                yield replace(cell, skip=self._reason_to_skip(cell))

    def signature(self, use: Use) -> Signature:
        """The signature of a component in use."""
        return self.signatures.read(self.catalog.find(use.kind, use.name).component)

    def _reason_to_skip(self, cell: Cell) -> str:
        for use in cell.uses:
            requires = self.catalog.find(use.kind, use.name).component.requires
            missing = [name for name in requires if distribution_version(name) == ABSENT]
            if missing:
                extras = sorted({extra for name in missing if (extra := extra_with(name))})
                install = f'; pip install "{DISTRIBUTION}[{",".join(extras)}]"' if extras else ""
                return f"{use.label} needs {' and '.join(missing)}, not installed here{install}"
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
            needs = self.signature(needing).needs.get(role)
            self._misfits[pair] = needs.unmet(self.signature(given).lacks(needs)) if needs else ""
        unmet = self._misfits[pair]
        return f"{needing.label} needs {role} {given.label} to be {unmet}" if unmet else ""

    def _role(self, role: Role, task: Use) -> list[Use | None] | None:
        """The uses of a role, or None if the task has no such role."""
        key = _KEY_OF[role]
        entries: Sequence[UseEntry] = getattr(self.experiment, key)
        may_be_absent = self.signature(task).roles.get(role)
        if may_be_absent is None:
            if entries:
                roles = ", ".join(_KEY_OF[r] for r in ROLES if r in self.signature(task).roles)
                self._problem((key,), f"task {task.label!r} takes no {key}", f"it takes {roles}")
            return None
        uses: list[Use | None] = [None for entry in entries if entry.use == _NONE and may_be_absent]
        uses += [use for use, _ in self._uses(KIND_OF[role], entries, key, task)]
        if role == "model":
            uses = self._executed(uses, task)
        if not entries and not may_be_absent:
            self._problem((), f"the key {key!r} is missing; task {task.label!r} needs it")
        self._unique_labels(uses, key)
        return uses or [None]

    def _executed(self, models: Sequence[Use | None], task: Use) -> list[Use | None]:
        """The models with the execution of the experiment, where they have none of their own."""
        asked = self.experiment.execution
        executed = [use and _with_execution(use, asked) for use in models]
        needs = self.signature(task).needs.get("model")
        if needs is None or needs.protocol not in _CALLED_PROTOCOLS:
            own = [i for i, entry in enumerate(self.experiment.models) if entry.execution]
            where: list[Path_] = [("execution",)] if asked else [("models", i, "execution") for i in own]
            for path in where:
                self._problem(path, f"task {task.label!r} does not call a classifier, which `execution` is for")
        return executed

    def _unique_labels(self, uses: Sequence[Use | None], key: str) -> None:
        counted = Counter(use.label if use else _NONE for use in uses)
        for label, times in counted.items():
            if times > 1:
                self._problem((key,), f"{times} entries are called {label!r}", "tell them apart with `as:`")

    def _unique_values(self, key: str) -> None:
        values = getattr(self.experiment, key)
        for i, value in enumerate(values):
            if value in values[:i]:
                first = values.index(value)
                self._problem(
                    (key, i), f"{value!r} stands here twice", f"it is the same as {key}.{first}; leave one out"
                )

    def _uses(self, kind: Kind, entries: Sequence[UseEntry], key: str, task: Use) -> Iterator[tuple[Use, UseEntry]]:
        for i, entry in enumerate(entries):
            if entry.use == _NONE and kind in TREATMENTS:
                continue
            # A single dataset may be written without a list.
            path: Path_ = (key, i) if (key, i) in self.document.marks else (key,)
            for combination in _combinations(entry.sweep):
                use = self._use(kind, entry, path, combination)
                if use and self._fits_task(use, task, path):
                    if key == _METRICS:
                        self.metric_paths.setdefault(use.label, path)
                    yield use, entry

    def _fits_task(self, use: Use, task: Use, path: Path_) -> bool:
        tasks = self.catalog.find(use.kind, use.name).component.tasks
        short = self.catalog.find("task", task.name).component.name
        if tasks and short not in tasks and task.name not in tasks:
            message = f"{use.kind} {use.name!r} is for {', '.join(sorted(tasks))}; the task is {short!r}"
            self._problem(path, message)
            return False
        return True

    def _use(self, kind: Kind, entry: UseEntry, path: Path_, swept: Mapping[str, Any] | None = None) -> Use | None:
        """Return the entry as a use, or None after noting what is wrong with it."""
        try:
            match = self.catalog.find(kind, entry.use)
            signature = self.signatures.read(match.component)
        except (UsageError, SignatureError) as error:
            message, _, rest = str(error).partition("; did you mean")
            self._problem(
                (*path, "use") if (*path, "use") in self.document.marks else path,
                message,
                f"did you mean{rest}" if rest else "",
            )
            return None
        swept = swept or {}
        for name in set(swept) & set(entry.parameters):
            self._problem((*path, "sweep", name), f"{name!r} stands under `with` and under `sweep`")
        given = {**entry.parameters, **swept}
        values = self._values(signature, given, path, dict.fromkeys(swept, "sweep"))
        if values is None:
            return None
        accepted = signature.parameters_for(given)
        use = Use(
            kind=kind,
            name=match.recorded_name,
            label=_label(entry, match, signature, values, swept),
            version=match.component.version,
            parameters=values,
            paths=tuple(p.name for p in accepted if p.path),
            imports=tuple(p.name for p in accepted if p.imports),
            uncounted=tuple(p.name for p in accepted if not p.counted),
            former={p.name: p.former[str(values[p.name])] for p in accepted if str(values.get(p.name)) in p.former},
            limit=entry.limit if isinstance(entry, DataEntry) else None,
            trained_on=self._trained_on(entry, match, path) or _of_wrapped(kind, signature, values),
            training_threads=entry.training_threads if isinstance(entry, ModelEntry) else 1,
        )
        if use.training_threads != 1 and "fit" not in (signature.offers or {"fit"}):
            self._problem((*path, "training_threads"), f"{use.label!r} is not trained")
        return _with_execution(use, entry.execution) if isinstance(entry, ModelEntry) else use

    def _trained_on(self, entry: UseEntry, match: Entry, path: Path_) -> Use | None:
        if not isinstance(entry, ModelEntry):
            return None
        if entry.trained_on:
            return self._use("dataset", entry.trained_on, (*path, "trained_on"))
        if match.component.trained_on:
            return self._use("dataset", DataEntry(use=match.component.trained_on), path)
        return None

    def _values(
        self, signature: Signature, given: Mapping[str, Any], path: Path_, under: Mapping[str, str]
    ) -> dict[str, Any] | None:
        before = len(self.problems)
        values: dict[str, Any] = {}
        for name in given:
            wrong = unknown_parameter(name, signature, given)
            if wrong:
                self._problem((*path, under.get(name, "with"), name), wrong.message, wrong.hint)
        for parameter in signature.parameters_for(given):
            at = (*path, under.get(parameter.name, "with"), parameter.name)
            if parameter.name in given:
                values[parameter.name] = self._value(parameter, given[parameter.name], at)
            elif parameter.required:
                self._problem(path, f"parameter {parameter.name!r} is missing", parameter.doc)
            else:
                values[parameter.name] = self._default(parameter, at)
        for parameter in signature.parameters_for(given):
            one = values.get(parameter.name)
            if parameter.members and isinstance(one, Use):
                values[parameter.name] = _copies(one, values.get(parameter.members))
        return values if len(self.problems) == before else None

    def _default(self, parameter: Parameter, at: Path_) -> Any:
        if parameter.component and parameter.default is not None:
            return self._value(parameter, parameter.default, at)
        return parameter.default

    def _value(self, parameter: Parameter, value: Any, at: Path_) -> Any:
        if parameter.component and parameter.several:
            return self._component_values(parameter, parameter.component, value, at)
        if parameter.component:
            return self._component_value(parameter, parameter.component, value, at)
        # Paths count from the file that says them, which for `extends` is not always this suite's.
        folder = Path(self.document.where(at).file).parent
        try:
            return check_value(parameter, value, folder)
        except BadValue as wrong:
            self._problem(at, f"{parameter.name!r} {wrong.message}", wrong.hint)
            return None

    def _component_values(self, parameter: Parameter, kind: Kind, value: Any, at: Path_) -> tuple[Use | None, ...]:
        entries = value if isinstance(value, list) else [value]
        if not entries:
            self._problem(at, f"{parameter.name!r} needs at least one {kind}")
        uses = tuple(self._component_value(parameter, kind, entry, (*at, i)) for i, entry in enumerate(entries))
        for label, times in Counter(use.label for use in uses if use).items():
            if times > 1:
                self._problem(at, f"{times} entries are called {label!r}", "tell them apart with `as:`")
        return uses

    def _component_value(self, parameter: Parameter, kind: Kind, value: Any, at: Path_) -> Use | None:
        shape = _ENTRY_OF_KIND.get(kind, UseEntry)
        try:
            entry = shape.model_validate({"use": value} if isinstance(value, str) else value)
        except ValidationError:
            self._problem(at, f"{parameter.name!r} must be a {kind}, written as {{use: NAME, with: {{...}}}}")
            return None
        return self._use(kind, entry, at)

    def _problem(self, path: Path_, message: str, hint: str = "") -> None:
        self.problems.append(self.document.problem(path, message, hint))


def _of_wrapped(kind: Kind, signature: Signature, values: Mapping[str, Any]) -> Use | None:
    """The data of the model that a trainable model wraps: a wrapper is fitted on other splits of the same data."""
    if kind != "model" or "fit" not in (signature.offers or ()):
        return None
    wrapped = (use for value in values.values() for use in uses_in(value) if use.kind == "model")
    return next((use.trained_on for use in wrapped if use.trained_on), None)


def _with_execution(use: Use, asked: ExecutionEntry | None) -> Use:
    """A model with an execution where it has none yet; of a model that wraps others, these."""
    if asked is None:
        return use
    inner = {name: uses_in(value) for name, value in use.parameters.items()}
    wrapped = {name: uses for name, uses in inner.items() if any(each.kind == "model" for each in uses)}
    if not wrapped:
        return use if use.execution else replace(use, execution=Execution(**asked.model_dump()))
    changed: dict[str, Any] = {}
    for name, uses in wrapped.items():
        executed = tuple(_with_execution(each, asked) if each.kind == "model" else each for each in uses)
        changed[name] = executed[0] if isinstance(use.parameters[name], Use) else executed
    return replace(use, parameters={**use.parameters, **changed})


def _copies(use: Use, count: Any) -> tuple[Use, ...]:
    """Independent copies of a component, told apart by their number."""
    n = count if isinstance(count, int) else 1
    return tuple(replace(use, label=f"{use.label} {i + 1}", member=i) for i in range(n))


def _combinations(sweep: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*sweep.values()):
        yield dict(zip(sweep, values, strict=True))


def _label(
    entry: UseEntry, match: Entry, signature: Signature, values: Mapping[str, Any], swept: Mapping[str, Any]
) -> str:
    """Return the label of the entry in tables: its `as`, else its name (and variant), then whatever is swept."""
    base = entry.label or match.component.name
    variant = signature.varies_with
    if variant and (not entry.label or variant in swept):
        base = f"{base}:{values.get(variant)}"
    return " ".join([base, *(f"{name}={_short(values[name])}" for name in swept if name != variant)])


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
