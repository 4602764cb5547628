"""From a suite to its cells: names are resolved to components, parameters checked, cells that do not fit skipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.contract.cells import Cell, Use
from harness.contract.errors import SuiteError, UsageError
from harness.plugins import Catalog
from harness.signatures import SignatureReader
from harness.suite.changes import Changes
from harness.suite.experiment import METRICS, ExperimentResolver
from harness.suite.load import EXECUTOR, LoadedExperiment, Suite, parse_metrics
from harness.suite.located import Located, Mark, Path_, Problem, parse_yaml
from harness.suite.metric_fit import reason_against
from harness.suite.patterns import matches
from harness.suite.plan import Plan, PlannedExperiment
from harness.suite.plan_hooks import PlanHooks, PlanHooksHere, filtered, first_objections
from harness.suite.schema import Experiment, Pattern, SuiteHead, UseEntry
from harness.suite.selection import selected_cells, selected_experiments
from harness.suite.shards import shard_of
from harness.suite.uses import UseResolver


def make_plan(
    suite: Suite,
    catalog: Catalog,
    signatures: SignatureReader,
    *,
    allow_imports: bool = False,
    trust: Sequence[Path] = (),
    hooks: PlanHooks | None = None,
) -> Plan:
    """Resolve a suite against the installed components.

    Args:
        suite: what to measure.
        catalog, signatures: where components are looked up.
        allow_imports: let the suite name code of packages that are neither plugins nor in its folder.
        trust: files that may run code when they are loaded.
        hooks: calls the hooks of plugins; in this process by default.

    Raises:
        SuiteError: unknown names or parameters, wrong values, or nothing to measure.
        UsageError: `only` or `skip` of the changes matches nothing, or leaves nothing.
    """
    experiments: dict[str, PlannedExperiment] = {}
    resolvers: list[ExperimentResolver] = []
    cells: list[Cell] = []
    deselected = 0
    trusted = frozenset(Path(file).resolve() for file in trust)
    for loaded in suite.experiments:
        resolver = ExperimentResolver(loaded, suite, catalog, signatures, allow_imports=allow_imports, trusted=trusted)
        planned, candidates = resolver.resolve()
        resolvers.append(resolver)
        selected = [cell for cell in candidates if _selected(cell, loaded.experiment)]
        deselected += len(candidates) - len(selected)
        experiments[planned.name] = planned
        cells += selected
    before = len(cells)
    hooks = hooks or PlanHooksHere(catalog)
    cells, warnings = filtered(cells, catalog, hooks)
    deselected += before - len(cells)
    if not cells:
        why = f"; include, exclude or a plugin deselected all {deselected}" if deselected else ""
        raise SuiteError(f"{suite.file}: the suite plans no cells{why}")
    _check_metrics(resolvers, experiments, cells)
    reasons, more = first_objections(cells, catalog, hooks)
    checked = [replace(cell, skip=reasons[place]) if place in reasons else cell for place, cell in enumerate(cells)]
    warnings += more
    _check_ids(suite, checked)
    kept = selected_cells(checked, suite.changes)
    experiments = selected_experiments(experiments, checked, kept)
    deselected += len(checked) - len(kept)
    head = suite.head
    plan = Plan(
        head.suite,
        head.about,
        str(suite.file),
        experiments,
        tuple(kept),
        deselected,
        head.threads,
        head.timeout,
        head.isolation,
        tuple(dict.fromkeys(warnings)),
        suite.changes.told,
        _executor(suite, catalog, signatures),
    )
    return _shard(plan, suite.changes) if suite.changes.shard else plan


def _shard(plan: Plan, changes: Changes) -> Plan:
    """The part of a plan that a shard does, with the whole plan."""
    own = shard_of(plan.cells, changes.shard, changes.shard_by)
    warnings = plan.warnings
    if not own:
        warnings = (*warnings, f"shard {changes.shard} has none of the {len(plan.cells)} cells")
    experiments = selected_experiments(plan.experiments, plan.cells, own)
    whole = replace(plan, changes=replace(changes, shard="").told)
    return replace(plan, cells=tuple(own), experiments=experiments, warnings=warnings, whole=whole)


def _executor(suite: Suite, catalog: Catalog, signatures: SignatureReader) -> Use | None:
    """The executor that the suite asks for. Raises SuiteError."""
    if suite.executor is None:
        return None
    entries = UseResolver(suite.executor.document, catalog, signatures)
    return _the_executor(entries, suite.executor.entry, EXECUTOR)


def _the_executor(entries: UseResolver, entry: UseEntry, path: Path_) -> Use:
    uses = entries.uses("executor", entry, path)
    if len(uses) > 1:
        entries.problem(path, "a suite has one executor, which is neither swept nor drawn")
    if entries.problems:
        raise entries.document.error(entries.problems)
    return uses[0]


def resolve_executor(name: str, given: Sequence[str], catalog: Catalog, signatures: SignatureReader) -> Use:
    """Return the executor that options of the command line ask for.

    Args:
        name: of the executor.
        given: its parameters, each KEY=VALUE; VALUE is YAML.
        catalog, signatures: where components are looked up.

    Raises:
        SuiteError: it is unknown, or a parameter is.
        UsageError: a parameter is not written as KEY=VALUE.
    """
    if wrong := [text for text in given if "=" not in text]:
        raise UsageError(f"--executor-with {wrong[0]!r}: write KEY=VALUE")
    option = f"--executor {name}"
    marks: dict[Path_, Mark] = {(): Mark(option, 1, 1)}
    parameters, sources = {}, {option: name}
    for text in given:
        key, _, value = text.partition("=")
        parsed = parse_yaml(value, f"--executor-with {text}")
        parameters[key] = parsed.data
        marks |= {("with", key, *path): mark for path, mark in parsed.marks.items()}
        sources |= parsed.sources
    entry = UseEntry.model_validate({"use": name, "with": parameters})
    document = Located(entry.model_dump(by_alias=True), marks, sources)
    return _the_executor(UseResolver(document, catalog, signatures), entry, ())


def _check_ids(suite: Suite, cells: Sequence[Cell]) -> None:
    """Raise SuiteError where two cells have one id: equal components whose labels differ in what ids leave out."""
    by_id: dict[str, Cell] = {}
    for cell in cells:
        other = by_id.setdefault(cell.id, cell)
        if other is not cell:
            pairs = [(other.labels[role], label) for role, label in cell.labels.items() if other.labels[role] != label]
            labels = ", ".join(f"{one!r} and {two!r}" for one, two in pairs) or f"{cell.id!r}"
            raise SuiteError(
                f"{suite.file}: the same cell stands twice, under labels that file names cannot tell apart: {labels}; "
                "leave out one, or give it another name with `as`"
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
        resolver = ExperimentResolver(
            loaded, Suite(SuiteHead(suite=METRICS), (loaded,), Path(name)), catalog, signatures
        )
        metrics[experiment] = resolver.metrics(task)
        problems.append(resolver.entries.problems)
    # A metric of one of several tasks is no mistake.
    everywhere = set.intersection(*({problem.path[:2] for problem in each} for each in problems))
    wrong = [problem for each in problems for problem in each if problem.path[:2] in everywhere]
    if wrong:
        raise document.error(list(dict.fromkeys(wrong)))
    return metrics


def _check_metrics(
    resolvers: Sequence[ExperimentResolver], experiments: Mapping[str, PlannedExperiment], cells: Sequence[Cell]
) -> None:
    """Raise SuiteError for a metric that no cell of the suite can have.

    A metric that several experiments share is written once, and stands where one of them has it.
    """
    reasons: dict[tuple[Mark, str], list[tuple[ExperimentResolver, Path_, str]]] = {}
    for resolver in resolvers:
        own = [cell for cell in cells if cell.experiment == resolver.name]
        for use in experiments[resolver.name].metrics if own else ():
            path = resolver.metric_paths[use.label]
            reason = reason_against(use, own, resolver.entries.signature)
            reasons.setdefault((resolver.document.where(path), use.label), []).append((resolver, path, reason))
    never = {key: found for key, found in reasons.items() if all(reason for _, _, reason in found)}
    problems = [found[0][0].document.problem(found[0][1], f"{key[1]!r} {found[0][2]}") for key, found in never.items()]
    if problems:
        raise resolvers[0].document.error(problems)


def _selected(cell: Cell, experiment: Experiment) -> bool:
    def fits(pattern: Pattern) -> bool:
        return matches(cell.labels, pattern.model_dump())

    included = not experiment.include or any(fits(pattern) for pattern in experiment.include)
    return included and not any(fits(pattern) for pattern in experiment.exclude)
