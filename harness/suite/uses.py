"""From an entry of a suite to the components it stands for, with every parameter checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.contract.cells import Use, uses_in
from harness.contract.components import Kind
from harness.contract.errors import UsageError
from harness.contract.execution import Execution
from harness.contract.imports import NO_RIGHTS, ImportRights
from harness.plugins import Catalog, Entry
from harness.signatures import Parameter, Signature, SignatureError, SignatureReader
from harness.suite.draws import drawn_values
from harness.suite.limits import MAX_CELLS, MAX_MEMBERS, MAX_VARIANTS, SPLIT_UP, too_many
from harness.suite.located import Located, Path_, Problem
from harness.suite.named_code import check_import, rights_of
from harness.suite.parameters import BadValue, check_value, unknown_parameter
from harness.suite.schema import DataEntry, ExecutionEntry, ModelEntry, RangeEntry, TaskEntry, UseEntry, problems_of
from harness.suite.training_data import SPLIT, TRAIN, training_split
from harness.suite.variants import DRAW, Choice, Variant, choices, labelled, product_of

_ENTRY_OF_KIND: Mapping[Kind, type[UseEntry]] = {"model": ModelEntry, "extractor": ModelEntry, "dataset": DataEntry}

_TRAINED_ON = "trained_on"


class UseResolver:
    """Resolves the entries of one document, collecting every problem.

    Attributes:
        document: the suite, with the place of every value.
        problems: what is wrong so far.
    """

    def __init__(
        self,
        document: Located,
        catalog: Catalog,
        signatures: SignatureReader,
        *,
        allow_imports: bool = False,
        trusted: frozenset[Path] = frozenset(),
    ) -> None:
        self.document, self._catalog, self._signatures = document, catalog, signatures
        self.problems: list[Problem] = []
        self._allow_imports, self._trusted = allow_imports, trusted
        self._n_made = 0

    def problem(self, path: Path_, message: str, hint: str = "") -> None:
        """Note a problem and where it stands."""
        self.problems.append(self.document.problem(path, message, hint))

    def signature(self, use: Use) -> Signature:
        """The signature of a component in use."""
        return self._signatures.read(self._catalog.find(use.kind, use.name).component)

    def uses(self, kind: Kind, entry: UseEntry, path: Path_) -> list[Use]:
        """Return the components that an entry stands for, after noting what is wrong with it.

        There is one for every combination of what is swept or drawn in the entry or in a part of it, which is a nested
        component or the data that a model is trained on.
        """
        return [variant.value for variant in self._variants(kind, entry, path)]

    def task(self, entry: TaskEntry) -> Use | None:
        """Return the task, or None after noting what is wrong with it."""
        uses = self.uses("task", UseEntry.model_validate({"use": entry.use, "with": entry.parameters}), ("task",))
        if len(uses) > 1:
            self.problem(("task",), "a task cannot be swept", "write an experiment for each")
        return uses[0] if uses else None

    def _variants(self, kind: Kind, entry: UseEntry, path: Path_) -> list[Variant]:
        match = self._find(kind, entry, path) if self._n_made <= MAX_CELLS else None
        if match is None:
            return []
        trained_on = self._trained_on(entry, match, path)
        signature = self._signatures.read(match.component)
        made = []
        for choice in self._choices(entry, match, signature, path):
            for values in self._values(signature, choice, path):
                made += [self._made(kind, entry, path, match, choice, values, data) for data in trained_on]
                self._n_made += len(trained_on)
                if self._n_made > MAX_CELLS:
                    self.problem(path, f"the suite names more than {MAX_CELLS:,} components", SPLIT_UP)
                    return []
        return made

    def _find(self, kind: Kind, entry: UseEntry, path: Path_) -> Entry | None:
        try:
            match = self._catalog.find(kind, entry.use)
            self._signatures.read(match.component)
        except (UsageError, SignatureError) as error:
            message, _, rest = str(error).partition("; did you mean")
            self.problem(
                (*path, "use") if (*path, "use") in self.document.marks else path,
                message,
                f"did you mean{rest}" if rest else "",
            )
            return None
        return match

    def _choices(self, entry: UseEntry, match: Entry, signature: Signature, path: Path_) -> Iterator[Choice]:
        """The parameters of an entry as given, under every combination of what is swept and every draw."""
        for name in set(entry.sweep) & set(entry.parameters):
            self.problem((*path, "sweep", name), f"{name!r} stands under `with` and under `sweep`")
        sweep = [len(values) for values in entry.sweep.values()]
        reason = too_many([*sweep, entry.draws.n if entry.draws else 1], MAX_VARIANTS, "combinations")
        if reason:
            self.problem((*path, "sweep" if entry.sweep else "draws"), reason, SPLIT_UP)
            return
        if entry.draws is None:
            yield from choices(entry.parameters, entry.sweep, [None])
            return
        at = (*path, "draws", "from")
        for name in entry.draws.space:
            for key, others in (("with", entry.parameters), ("sweep", entry.sweep)):
                if name in others:
                    self.problem((*at, name), f"{name!r} stands under `{key}` and under `draws`")
        if DRAW in entry.sweep:
            self.problem(
                (*path, "sweep", DRAW), f"{DRAW!r} is what labels call the draws", "write an entry for each value"
            )
        drawn = list(drawn_values(entry.draws, match.recorded_name))
        for choice in choices(entry.parameters, entry.sweep, drawn):
            if not all(self._fits(values, name, signature, choice, at) for name, values in entry.draws.space.items()):
                return
            yield choice

    def _fits(self, values: RangeEntry, name: str, signature: Signature, choice: Choice, at: Path_) -> bool:
        """Return whether a parameter can have the ends of a range and the drawn value, after noting why it cannot."""
        parameter = next((p for p in signature.parameters_for(choice.given) if p.name == name), None)
        if parameter is None or parameter.component:
            return True  # What is wrong with these is found where their values are read.
        kind, ends = values.asked
        for value in (*ends, choice.given[name]):
            try:
                check_value(parameter, value, self._folder((*at, name)))
            except BadValue as wrong:
                whole = "integer" in kind or isinstance(value, int) or "whole" not in wrong.message
                hint = wrong.hint or ("" if whole else "`integer` draws whole numbers")
                self.problem((*at, name), f"{name!r} {wrong.message}", hint)
                return False
        return True

    def _made(
        self, kind: Kind, entry: UseEntry, path: Path_, match: Entry, choice: Choice, values: Variant, data: Variant
    ) -> Variant:
        signature = self._signatures.read(match.component)
        accepted = signature.parameters_for(choice.given)
        imports = tuple(p.name for p in accepted if p.imports)
        parameters: dict[str, Any] = values.value
        words = {**choice.words(parameters, signature.varies_with), **values.words, **data.words}
        base = _base_label(entry, match, signature, parameters, choice)
        paths = tuple(p.name for p in accepted if p.path)
        rights = self._rights((*path, *choice.place(imports[0]))) if imports else NO_RIGHTS
        if trusted := self._trusted_among(parameters[name] for name in paths):
            rights = replace(rights, trusted=trusted)
        use = Use(
            kind=kind,
            name=match.recorded_name,
            label=labelled(base, words),
            version=match.component.version,
            parameters=parameters,
            paths=paths,
            imports=imports,
            uncounted=tuple(p.name for p in accepted if _is_left_out(p, parameters)),
            former={
                p.name: p.former[str(parameters[p.name])] for p in accepted if str(parameters.get(p.name)) in p.former
            },
            limit=entry.limit if isinstance(entry, DataEntry) else None,
            trained_on=data.value or _of_wrapped(kind, signature, parameters),
            training_threads=entry.training_threads if isinstance(entry, ModelEntry) else 1,
            rights=rights,
            environment=entry.environment,
        )
        if use.training_threads != 1 and "fit" not in (signature.offers or {"fit"}):
            self.problem((*path, "training_threads"), f"{use.label!r} is not trained")
        return Variant(with_execution(use, entry.execution) if isinstance(entry, ModelEntry) else use, words)

    def _trained_on(self, entry: UseEntry, match: Entry, path: Path_) -> list[Variant]:
        """The data that a model is trained on; None stands for those of its cell or of the model that it wraps."""
        if isinstance(entry, ModelEntry) and entry.trained_on:
            inner = self._variants("dataset", entry.trained_on, (*path, _TRAINED_ON))
            return [variant.under(_TRAINED_ON) for variant in inner]
        if isinstance(entry, ModelEntry) and match.component.trained_on:
            return self._variants("dataset", DataEntry(use=match.component.trained_on), path)
        return [Variant(None)]

    def _values(self, signature: Signature, choice: Choice, path: Path_) -> list[Variant]:
        """Every parameter of a component, defaults included; several mappings where a nested component varies."""
        before = len(self.problems)
        options: dict[str, list[Variant]] = {}
        for name in choice.given:
            wrong = unknown_parameter(name, signature, choice.given)
            if wrong:
                self.problem((*path, *choice.place(name)), wrong.message, wrong.hint)
        for parameter in signature.parameters_for(choice.given):
            at = (*path, *choice.place(parameter.name))
            if parameter.name in choice.given:
                options[parameter.name] = self._value(parameter, choice.given[parameter.name], at)
            elif parameter.required:
                self.problem(path, f"parameter {parameter.name!r} is missing", parameter.doc)
            else:
                options[parameter.name] = self._default(parameter, at)
        if len(self.problems) > before:
            return []
        if reason := too_many(map(len, options.values()), MAX_VARIANTS, "combinations"):
            self.problem(path, reason, SPLIT_UP)
            return []
        copied = {p.name: p.members for p in signature.parameters_for(choice.given) if p.members}
        for name in copied.values():
            counts = [variant.value for variant in options.get(name, ()) if isinstance(variant.value, int)]
            if reason := too_many(counts[:1], MAX_MEMBERS, "members"):
                self.problem((*path, *choice.place(name)), reason)
                return []
        return [_with_copies(variant, copied) for variant in product_of(options)]

    def _default(self, parameter: Parameter, at: Path_) -> list[Variant]:
        if parameter.component and parameter.default is not None:
            return self._value(parameter, parameter.default, at)
        return [Variant(parameter.default)]

    def _value(self, parameter: Parameter, value: Any, at: Path_) -> list[Variant]:
        if parameter.component and parameter.several:
            return [Variant(self._component_values(parameter, parameter.component, value, at))]
        if parameter.component:
            inner = self._component_value(parameter, parameter.component, value, at)
            return [variant.under(parameter.name) for variant in inner]
        try:
            checked = check_value(parameter, value, self._folder(at))
            if parameter.imports and isinstance(checked, str):
                check_import(checked, self._rights(at))
            return [Variant(checked)]
        except BadValue as wrong:
            self.problem(at, f"{parameter.name!r} {wrong.message}", wrong.hint)
            return []

    def _rights(self, at: Path_) -> ImportRights:
        return rights_of(self._folder(at), self._catalog, anywhere=self._allow_imports)

    def _trusted_among(self, values: Iterable[Any]) -> tuple[str, ...]:
        """The files among these values of parameters that the user trusts, as they are written."""
        return tuple(value for value in values if isinstance(value, str) and Path(value).resolve() in self._trusted)

    def _folder(self, at: Path_) -> Path:
        """The folder that paths count from: of the file that says them, which for `extends` is not always the suite."""
        return Path(self.document.where(at).file).parent

    def _component_values(self, parameter: Parameter, kind: Kind, value: Any, at: Path_) -> tuple[Use, ...]:
        entries = value if isinstance(value, list) else [value]
        if not entries:
            self.problem(at, f"{parameter.name!r} needs at least one {kind}")
        uses = tuple(
            variant.value
            for i, entry in enumerate(entries)
            for variant in self._component_value(parameter, kind, entry, (*at, i))
        )
        for label, times in Counter(use.label for use in uses).items():
            if times > 1:
                self.problem(at, f"{times} entries are called {label!r}", "tell them apart with `as:`")
        return uses

    def _component_value(self, parameter: Parameter, kind: Kind, value: Any, at: Path_) -> list[Variant]:
        shape = _ENTRY_OF_KIND.get(kind, UseEntry)
        try:
            entry = shape.model_validate({"use": value} if isinstance(value, str) else value)
        except ValidationError:
            # A value of a sweep has no place of its own.
            document = self.document.child(*at) if at in self.document.marks else None
            if isinstance(value, dict) and document and document.data == value:
                inner = problems_of(shape, document)
                self.problems += [replace(problem, path=(*at, *problem.path)) for problem in inner]
            else:
                self.problem(at, f"{parameter.name!r} must be a {kind}, written as {{use: NAME, with: {{...}}}}")
            return []
        return self._variants(kind, self._as_training_data(entry, at) if kind == "dataset" else entry, at)

    def _as_training_data(self, entry: UseEntry, at: Path_) -> UseEntry:
        """Return data inside of what a model is trained on as their training split, where the suite names none.

        The split of the outer dataset is chosen when a model is trained; that of a dataset in it would be the default,
        the test split.
        """
        given = {*entry.parameters, *entry.sweep, *(entry.draws.space if entry.draws else ())}
        match = self._find("dataset", entry, at) if _TRAINED_ON in at and SPLIT not in given else None
        parameters = self._signatures.read(match.component).parameters_for(entry.parameters) if match else ()
        if training_split(parameters) is None:
            return entry
        return entry.model_copy(update={"parameters": {**entry.parameters, SPLIT: TRAIN}})


def _of_wrapped(kind: Kind, signature: Signature, values: Mapping[str, Any]) -> Use | None:
    """The data of the model that a trainable model wraps: a wrapper is fitted on other splits of the same data."""
    if kind != "model" or "fit" not in (signature.offers or ()):
        return None
    wrapped = (use for value in values.values() for use in uses_in(value) if use.kind == "model")
    return next((use.trained_on for use in wrapped if use.trained_on), None)


def with_execution(use: Use, asked: ExecutionEntry | None) -> Use:
    """A model with an execution where it has none yet; of a model that wraps others, these."""
    if asked is None:
        return use
    inner = {name: uses_in(value) for name, value in use.parameters.items()}
    wrapped = {name: uses for name, uses in inner.items() if any(each.kind == "model" for each in uses)}
    if not wrapped:
        return use if use.execution else replace(use, execution=Execution(**asked.model_dump()))
    changed: dict[str, Any] = {}
    for name, uses in wrapped.items():
        executed = tuple(with_execution(each, asked) if each.kind == "model" else each for each in uses)
        changed[name] = executed[0] if isinstance(use.parameters[name], Use) else executed
    return replace(use, parameters={**use.parameters, **changed})


def _copies(use: Use, count: Any) -> tuple[Use, ...]:
    """Independent copies of a component, told apart by their number."""
    n = count if isinstance(count, int) else 1
    return tuple(replace(use, label=f"{use.label} {i + 1}", member=i) for i in range(n))


def _with_copies(values: Variant, copied: Mapping[str, str]) -> Variant:
    """The parameters with each component in `copied` as often as the parameter that it names says."""
    several = {
        name: _copies(values.value[name], values.value.get(members))
        for name, members in copied.items()
        if isinstance(values.value.get(name), Use)
    }
    return replace(values, value={**values.value, **several})


def _base_label(entry: UseEntry, match: Entry, signature: Signature, values: Mapping[str, Any], choice: Choice) -> str:
    """Return what the variants of an entry have in common: its `as`, else its name (and variant)."""
    base = entry.label or match.component.name
    variant = signature.varies_with
    if not variant or variant in choice.drawn or (entry.label and variant not in choice.swept):
        return base
    return f"{base}:{values.get(variant)}"


def _is_left_out(parameter: Parameter, values: Mapping[str, Any]) -> bool:
    """Whether a parameter is no part of the identity of a use with these values."""
    has_default = values.get(parameter.name, parameter.default) == parameter.default
    return not parameter.counted or (parameter.later and has_default)
