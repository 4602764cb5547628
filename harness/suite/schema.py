"""The suite file as a typed model: its keys, their types and their documentation."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from harness.contract.execution import Precision
from harness.suite.located import Located, Path_, Problem

_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False)
MAX_SEED = 2**63 - 1
TAKEN_NAMES = ("store",)
SUITE_NAME = r"^[a-z0-9][a-z0-9_-]*$"


def _name_alone(value: Any) -> Any:
    """`pgd` is short for `{use: pgd}`."""
    return {"use": value} if isinstance(value, str) else value


def _one_as_list(value: Any) -> Any:
    return [value] if isinstance(value, dict | str) else value


Bound = Annotated[float, Field(strict=False)]
Ends = Annotated[list[Annotated[Bound, Field(allow_inf_nan=False)]], Field(min_length=2, max_length=2)]
WholeEnds = Annotated[list[int], Field(min_length=2, max_length=2)]


class RangeEntry(BaseModel):
    """The values of a parameter in a random search, ends included: exactly one of these."""

    model_config = ConfigDict(**_STRICT, json_schema_extra={"minProperties": 1, "maxProperties": 1})

    uniform: Ends | None = Field(None, description="Any number from the first to the second.")
    log_uniform: Ends | None = Field(None, description="Any number, its logarithm being uniform.")
    integer: WholeEnds | None = Field(None, description="A whole number from the first to the second.")
    log_integer: WholeEnds | None = Field(None, description="A whole number; as likely as its logarithm is wide.")
    choice: Annotated[list[Any], Field(min_length=1)] | None = Field(None, description="One of these.")

    @property
    def asked(self) -> tuple[str, list[Any]]:
        """What is asked for: the name of the distribution, and its ends or choices."""
        ((name, values),) = ((name, values) for name in RangeEntry.model_fields if (values := getattr(self, name)))
        return name, values

    @model_validator(mode="after")
    def _is_a_distribution(self) -> RangeEntry:
        given = [name for name in RangeEntry.model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of {', '.join(f'`{name}`' for name in RangeEntry.model_fields)}")
        name, values = self.asked
        if name != "choice" and not values[0] < values[1]:
            raise ValueError(f"`{name}` goes from {values[0]:g} to {values[1]:g}; the second end must be the larger")
        if name.startswith("log") and values[0] <= 0:
            raise ValueError(f"`{name}` starts at {values[0]:g}; a logarithm needs numbers > 0")
        return self


class DrawsEntry(BaseModel):
    """Random search: how many configurations are drawn, and of which space."""

    model_config = _STRICT

    n: int = Field(ge=1, description="How many are drawn; each is one entry. The first stay when it grows.")
    seed: int = Field(0, ge=0, le=MAX_SEED, description="Another seed gives other draws.")
    space: dict[str, RangeEntry] = Field(alias="from", min_length=1, description="Parameters to what is drawn.")


EnvironmentName = Annotated[str, Field(pattern=SUITE_NAME)]


class UseEntry(BaseModel):
    """A component with its parameters."""

    model_config = _STRICT

    use: str = Field(description="Name of the component; see `harness list`.")
    label: str | None = Field(None, alias="as", min_length=1, description="What tables call it.")
    parameters: dict[str, Any] = Field({}, alias="with", description="Its parameters; see `harness describe NAME`.")
    sweep: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        {}, description="Parameters to a list of values each; every combination is one entry."
    )
    draws: DrawsEntry | None = Field(None, description="Parameters drawn at random; every draw is one entry.")
    environment: EnvironmentName = Field("", description="The Python environment that it needs; see `--environment`.")


class TaskEntry(BaseModel):
    """A task with its parameters."""

    model_config = _STRICT

    use: str = Field(description="Name of the task; see `harness list task`.")
    parameters: dict[str, Any] = Field({}, alias="with", description="Its parameters; see `harness describe NAME`.")


class DataEntry(UseEntry):
    """A dataset with its parameters."""

    limit: int | None = Field(None, ge=1, description="Use only the first examples.")


class ExecutionEntry(BaseModel):
    """How the forward passes of a model are executed."""

    model_config = _STRICT

    precision: Precision = Field(
        "float32", description="Of convolutions and matrix products (autocast); half precision is part of the key."
    )
    compile: bool = Field(False, description="Compile with torch.compile.")
    channels_last: bool = Field(False, description="Keep images and kernels with their channels last.")
    tf32: bool = Field(False, description="Let GPUs round inputs of float32 products to 10 bits; part of the key.")


class SuiteExecution(ExecutionEntry):
    """How the forward passes of models are executed, and where the cells of the suite run."""

    executor: Annotated[UseEntry, BeforeValidator(_name_alone)] | None = Field(
        None,
        description="Where cells run, e.g. `ray`; of the whole suite, so at its top level alone. No part of any key.",
    )

    @property
    def passes(self) -> ExecutionEntry | None:
        """How forward passes are executed; None where nothing is said of them."""
        told = self.model_dump(exclude={"executor"}, exclude_unset=True)
        return ExecutionEntry(**told) if told else None


class ModelEntry(UseEntry):
    """A model with its parameters."""

    trained_on: Annotated[DataEntry, BeforeValidator(_name_alone)] | None = Field(
        None, description="The data a trainable model is fitted on, instead of its default."
    )
    training_threads: int = Field(
        1, ge=1, description="Torch threads that it is trained with on the CPU, whatever the run has; part of the key."
    )
    execution: ExecutionEntry | None = Field(
        None, description="How it is run, or what it wraps; by default as the experiment says."
    )


Entry = Annotated[UseEntry, BeforeValidator(_name_alone)]
Data = Annotated[DataEntry, BeforeValidator(_name_alone)]
Model = Annotated[ModelEntry, BeforeValidator(_name_alone)]


class Pattern(BaseModel):
    """Cells by the labels of their components; `*` stands for any text."""

    model_config = _STRICT

    model: str = "*"
    data: str = "*"
    attack: str = "*"
    sampler: str = "*"
    attribution: str = "*"


class ExpectEntry(BaseModel):
    """A number that must hold, within its interval: exactly one of `at_least` and `at_most`."""

    model_config = _STRICT

    metric: str = Field(description="What tables call the metric, or the number of the aggregate.")
    aggregate: str = Field("", description="What tables call the aggregate whose rows are meant; by default all rows.")
    where: Pattern = Field(Pattern(), description="Of which rows; by default of all that have the metric.")
    at_least: Bound | None = Field(None, description="Fails where the whole interval lies below.")
    at_most: Bound | None = Field(None, description="Fails where the whole interval lies above.")

    @model_validator(mode="after")
    def _one_bound(self) -> ExpectEntry:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give one of `at_least` and `at_most`")
        return self


class HeadlinePattern(Pattern):
    """Rows of a table by their labels; `*` stands for any text."""

    group: str = Field("", description="Subgroups, as tables call them; by default rows of all examples.")
    aggregate: str = Field("*", description="What tables call the aggregate that made the row; empty for cells alone.")
    shown: str = Field("*", description="What the task or the aggregate shows beside the labels, e.g. `linf ≤ 0.1`.")


class HeadlineEntry(BaseModel):
    """What the experiment was run to find out: the few rows and numbers that stand first in every output."""

    model_config = _STRICT

    rows: Annotated[list[HeadlinePattern], BeforeValidator(_one_as_list)] = Field(
        [], description="Which rows; by default those of aggregates that have the metric, else all without subgroups."
    )
    metrics: list[str] = Field(
        [], description="What tables call the metrics; by default the first with a direction that treatments change."
    )
    contrast: Literal["model", "data", "attack", "sampler", "attribution", "group"] | None = Field(
        None,
        description="What is tested against each other, the rest being equal; by default models.",
    )
    against: str | None = Field(None, description="The label that all others are tested against; by default every two.")
    show: bool = Field(True, description="Whether the experiment has a part in the headline of the suite.")


class Experiment(BaseModel):
    """What to measure: every combination of data, models, treatments and seeds is a cell."""

    model_config = _STRICT

    name: str = Field("", description="What tables call the experiment.")
    about: str = Field("", description="The question it answers, in one line.")
    task: Annotated[TaskEntry, BeforeValidator(_name_alone)] = Field(
        description="How components become records, e.g. `classify`."
    )
    seeds: list[Annotated[int, Field(ge=0, le=MAX_SEED)]] = Field(
        [0], min_length=1, description="Every cell is run under each seed."
    )
    data: Annotated[list[Data], BeforeValidator(_one_as_list)] = Field([], description="Datasets.")
    models: list[Model] = Field([], description="Models.")
    execution: SuiteExecution | None = Field(None, description="How classifiers are run; by default plain float32.")
    attacks: list[Entry] = Field([], description="Attacks; `none` is the absence of one.")
    samplers: list[Entry] = Field([], description="Samplers.")
    attributions: list[Entry] = Field([], description="Methods that say which parts of an input a model used.")
    metrics: list[Entry] = Field(min_length=1, description="What to compute of the records.")
    groups: list[Annotated[str, Field(min_length=1)]] = Field(
        [],
        description="Every metric by subgroup: group columns of the data; several joined by `*` are combined.",
    )
    aggregates: list[Entry] = Field([], description="Rows made of several cells, e.g. the worst case over attacks.")
    reports: list[Entry] = Field([], description="Files made of the rows, e.g. plots.")
    expect: list[ExpectEntry] = Field([], description="What must hold; a row that does not makes the exit code 3.")
    headline: HeadlineEntry = Field(
        HeadlineEntry(), description="What it was run to find out; stands first in outputs."
    )
    include: list[Pattern] = Field([], description="Keep only cells that match one of these.")
    exclude: list[Pattern] = Field([], description="Leave out cells that match one of these.")
    environment: EnvironmentName = Field(
        "", description="The Python environment that its cells run in; see `--environment`."
    )
    chunk: int = Field(64, ge=1, description="Examples given at once to a component that is not batch-independent.")


class SuiteHead(BaseModel):
    """The keys that belong to the suite as a whole; all others are those of its experiments."""

    model_config = _STRICT

    suite: str = Field(pattern=SUITE_NAME, description="The name of the suite; runs land in results/<suite>/.")
    about: str = Field("", description="The question the suite answers, in one line.")
    extends: str | None = Field(None, description="Another suite whose keys are the defaults of this one.")
    threads: int | None = Field(
        None, ge=1, description="Torch threads on the CPU, divided among the workers; recorded in the run."
    )
    timeout: Annotated[float, Field(gt=0, strict=False)] | None = Field(
        None, description="Seconds that a cell may take, with the training it needs."
    )
    isolation: Literal["inline", "process", "cell"] | None = Field(
        None, description="Where cells run: in this process, in warm workers, or each in a process of its own."
    )
    experiments: list[dict[str, Any]] = Field([], description="Experiments; each overrides the top-level keys.")

    @field_validator("suite")
    @classmethod
    def _is_not_the_store(cls, suite: str) -> str:
        if suite in TAKEN_NAMES:
            raise ValueError(f"the name {suite!r} is taken by a folder of the results; give the suite another one")
        return suite


HEAD_KEYS = tuple(SuiteHead.model_fields)


def problems_of(model: type[BaseModel], document: Located, also_allowed: Iterable[str] = ()) -> list[Problem]:
    """Return every problem that keeps the document from being this model, with its position."""
    try:
        model.model_validate(document.data)
    except ValidationError as error:
        return [_problem(model, document, details, also_allowed) for details in error.errors()]
    return []


def _problem(model: type[BaseModel], document: Located, details: ErrorDetails, also_allowed: Iterable[str]) -> Problem:
    path: Path_ = tuple(details["loc"])
    if path[:1] == ("data",) and path[:2] not in document.marks:
        path = (path[0], *path[2:])  # a single dataset may be written without a list
    kind, value = details["type"], details["input"]
    if kind == "missing":
        return document.problem(path[:-1], f"the key {path[-1]!r} is missing")
    if kind == "extra_forbidden":
        allowed = [*_keys(model, path[:-1]), *(also_allowed if len(path) == 1 else ())]
        return document.problem(path, f"unknown key {path[-1]!r}", did_you_mean(str(path[-1]), allowed))
    if kind == "string_pattern_mismatch":
        return document.problem(path, f"{value!r} must be lower-case letters, digits, '-' and '_'")
    if kind == "value_error":
        return document.problem(path, str(details["ctx"]["error"]))
    if kind in _EXPECTED:
        return document.problem(path, f"must be {_EXPECTED[kind]}, not {describe(value)}")
    return document.problem(path, f"{details['msg'][:1].lower()}{details['msg'][1:]}; it is {describe(value)}")


_EXPECTED = {
    "int_type": "a whole number",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a name or a mapping with the key 'use'",
    "bool_type": "true or false",
}


def describe(value: Any) -> str:
    """Return a value in the words of an error message."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return "empty" if value is None else repr(value)


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return a hint with the closest allowed word, else with all of them."""
    words = list(allowed)
    close = difflib.get_close_matches(word, words, 1)
    return f"did you mean {close[0]!r}?" if close else f"allowed: {', '.join(words)}"


def _keys(model: type[BaseModel], path: Path_) -> list[str]:
    """The keys that a suite may give at a path."""
    current: Any = model
    in_mapping = False
    for step in path:
        if in_mapping or isinstance(step, int) or not (inspect.isclass(current) and issubclass(current, BaseModel)):
            in_mapping = False
            continue
        field = next(f for name, f in current.model_fields.items() if step in (name, f.alias))
        current = next((m for m in _models_in(field.annotation)), None)
        in_mapping = get_origin(field.annotation) is dict
    return [f.alias or name for name, f in current.model_fields.items()] if current else []


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
