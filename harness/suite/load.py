"""Finding and reading a suite: `extends`, experiments, and every problem with file, line and column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.contract.errors import SuiteError
from harness.suite.changes import UNCHANGED, Changes
from harness.suite.located import Located, Problem, parse_yaml, read_yaml
from harness.suite.schema import HEAD_KEYS, Experiment, SuiteExecution, SuiteHead, UseEntry, problems_of

_PACKAGE = Path(__file__).resolve().parents[1]
_SUFFIXES = (".yaml", ".yml")
EXECUTOR = ("execution", "executor")
"""Where a suite says what executor its cells run on."""


@dataclass(frozen=True)
class LoadedExperiment:
    """An experiment and the document it was read from, for errors found later."""

    experiment: Experiment
    document: Located


@dataclass(frozen=True)
class LoadedExecutor:
    """What a suite says of where its cells run, and the document it was read from."""

    entry: UseEntry
    document: Located


@dataclass(frozen=True)
class Suite:
    """A validated suite.

    Attributes:
        head: the keys of the suite as a whole.
        experiments: in the order of the file.
        file: where it was read from.
        changes: what the run asks for beside the file; its sets are a part of the experiments.
        executor: what its top level says of where cells run; None if nothing.
    """

    head: SuiteHead
    experiments: tuple[LoadedExperiment, ...]
    file: Path
    changes: Changes = UNCHANGED
    executor: LoadedExecutor | None = None


def suite_folders() -> list[Path]:
    """Return the folders in which suite names are looked up: ./suites, then the suites shipped with the package."""
    shipped = _PACKAGE / "suites"  # in an installed wheel
    return [Path("suites"), shipped if shipped.is_dir() else _PACKAGE.parent / "suites"]


def template_folder() -> Path:
    """Return the folder of the suites that users start from, one for each family."""
    return _PACKAGE / "suite" / "templates"


def find_suite(name: str) -> Path:
    """Find the file of a suite given as a path or as a bare name.

    Raises:
        SuiteError: there is none; the message lists those that exist.
    """
    if Path(name).suffix in _SUFFIXES:
        return Path(name)
    if Path(name).name == name:
        for folder in suite_folders():
            if (folder / f"{name}.yaml").is_file():
                return folder / f"{name}.yaml"
    names = sorted({path.stem for folder in suite_folders() for path in folder.glob("*.yaml")})
    raise SuiteError(
        f"there is no suite {name!r}; give a path ending in .yaml, or one of: {', '.join(names) or 'none found'}"
    )


def load_suite(name: str, changes: Changes = UNCHANGED) -> Suite:
    """Read and validate a suite given as a path or as a bare name.

    Args:
        name: the path or the name.
        changes: what is put into it before it is validated.

    Raises:
        SuiteError: with every problem found, each with file, line and column.
        UsageError: a change of what is not there.
    """
    file = find_suite(name)
    document = changes.applied(_extended(file, ()))
    head_document = _only(document, lambda key: key in HEAD_KEYS)
    defaults = _only(document, lambda key: key not in HEAD_KEYS or key == "about")
    problems = problems_of(SuiteHead, head_document)
    if problems:
        raise document.error(problems)
    head = SuiteHead.model_validate(head_document.data)
    parts = [document.child("experiments", i) for i in range(len(head.experiments))]
    documents = [defaults.overlaid(part) for part in parts] or [defaults]
    for each in documents:
        problems += problems_of(Experiment, each, also_allowed=HEAD_KEYS if not parts else ())
    problems += _same_names(documents) if parts else []
    problems += [problem for part in parts for problem in _own_executor(part)]
    problems += _problems_of_execution(defaults)
    if problems:
        raise document.error(list(dict.fromkeys(problems)))
    experiments = tuple(LoadedExperiment(Experiment.model_validate(each.data), each) for each in documents)
    return Suite(head, experiments, file, changes, _executor_of(defaults))


def parse_metrics(text: str, name: str) -> Located:
    """Parse metrics in one line, with or without brackets around them, as a document with the key `metrics` alone.

    Args:
        text: e.g. "accuracy, {use: robust_accuracy, as: robust}".
        name: stands for the file in errors.

    Raises:
        SuiteError: with every problem found, each with its column.
    """
    line = text if text.lstrip().startswith("[") else f"[{text}]"
    parsed = parse_yaml(line, name)
    marks = {("metrics", *path): mark for path, mark in parsed.marks.items()}
    document = Located({"metrics": parsed.data}, {(): parsed.marks[()], **marks}, parsed.sources)
    problems = [problem for problem in problems_of(Experiment, document) if problem.path[:1] == ("metrics",)]
    if problems:
        raise document.error(problems)
    return document


def _extended(file: Path, seen: tuple[Path, ...]) -> Located:
    document = read_yaml(file)
    if not isinstance(document.data, dict):
        raise document.error([document.problem((), "a suite must be a mapping of keys")])
    base = document.data.get("extends")
    if not isinstance(base, str):
        return document
    if file.resolve() in seen:
        raise document.error([document.problem(("extends",), "the suite extends itself")])
    beside = file.parent / base
    try:
        parent = _extended(beside if beside.is_file() else find_suite(base), (*seen, file.resolve()))
    except SuiteError as error:
        if str(error).startswith("there is no suite"):
            raise document.error([document.problem(("extends",), str(error))]) from None
        raise
    return parent.overlaid(document)


def _only(document: Located, wanted: Callable[[str], bool]) -> Located:
    data = {key: value for key, value in document.data.items() if wanted(key)}
    marks = {path: mark for path, mark in document.marks.items() if not path or path[0] in data}
    return Located(data, marks, document.sources)


def _own_executor(part: Located) -> list[Problem]:
    """The problem of an experiment that says where its cells run."""
    if EXECUTOR not in part.marks:
        return []
    return [part.problem(EXECUTOR, "cells run in one place for the whole suite", "write it at the top level")]


def _problems_of_execution(defaults: Located) -> list[Problem]:
    """The problems of the execution at the top level, which every experiment may have put another in the place of."""
    if EXECUTOR[:1] not in defaults.marks:
        return []
    problems = problems_of(Experiment, defaults)
    return [problem for problem in problems if problem.path[:1] == EXECUTOR[:1]]


def _executor_of(defaults: Located) -> LoadedExecutor | None:
    if not defaults.data.get(EXECUTOR[0]):
        return None
    entry = SuiteExecution.model_validate(defaults.data[EXECUTOR[0]]).executor
    return LoadedExecutor(entry, defaults) if entry else None


def _same_names(documents: list[Located]) -> list[Problem]:
    problems, seen = [], set()
    for document in documents:
        name = document.data.get("name")
        if not name:
            problems.append(document.problem((), "an experiment of several needs a name"))
        elif name in seen:
            problems.append(document.problem(("name",), f"two experiments are called {name!r}"))
        seen.add(name)
    return problems
