"""From an entry of a suite to the components it stands for, with every parameter checked."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.contract.cells import Use, uses_in
from harness.contract.components import Kind
from harness.contract.errors import UsageError
from harness.contract.execution import Execution
from harness.plugins import Catalog, Entry
from harness.signatures import Parameter, Signature, SignatureError, SignatureReader
from harness.suite.located import Located, Path_, Problem
from harness.suite.parameters import BadValue, check_value, unknown_parameter
from harness.suite.schema import DataEntry, ExecutionEntry, ModelEntry, UseEntry

_ENTRY_OF_KIND: Mapping[Kind, type[UseEntry]] = {"model": ModelEntry, "extractor": ModelEntry, "dataset": DataEntry}


class UseResolver:
    """Resolves the entries of one document, collecting every problem.

    Attributes:
        document: the suite, with the place of every value.
        problems: what is wrong so far.
    """

    def __init__(self, document: Located, catalog: Catalog, signatures: SignatureReader) -> None:
        self.document, self._catalog, self._signatures = document, catalog, signatures
        self.problems: list[Problem] = []

    def problem(self, path: Path_, message: str, hint: str = "") -> None:
        """Note a problem and where it stands."""
        self.problems.append(self.document.problem(path, message, hint))

    def signature(self, use: Use) -> Signature:
        """The signature of a component in use."""
        return self._signatures.read(self._catalog.find(use.kind, use.name).component)

    def variants(self, kind: Kind, entry: UseEntry, path: Path_) -> Iterator[Use]:
        """Yield the entry under every combination of the values under `sweep`."""
        for combination in _combinations(entry.sweep):
            use = self.use(kind, entry, path, combination)
            if use:
                yield use

    def use(self, kind: Kind, entry: UseEntry, path: Path_, swept: Mapping[str, Any] | None = None) -> Use | None:
        """Return the entry as a use, or None after noting what is wrong with it."""
        try:
            match = self._catalog.find(kind, entry.use)
            signature = self._signatures.read(match.component)
        except (UsageError, SignatureError) as error:
            message, _, rest = str(error).partition("; did you mean")
            self.problem(
                (*path, "use") if (*path, "use") in self.document.marks else path,
                message,
                f"did you mean{rest}" if rest else "",
            )
            return None
        swept = swept or {}
        for name in set(swept) & set(entry.parameters):
            self.problem((*path, "sweep", name), f"{name!r} stands under `with` and under `sweep`")
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
            self.problem((*path, "training_threads"), f"{use.label!r} is not trained")
        return with_execution(use, entry.execution) if isinstance(entry, ModelEntry) else use

    def _trained_on(self, entry: UseEntry, match: Entry, path: Path_) -> Use | None:
        if not isinstance(entry, ModelEntry):
            return None
        if entry.trained_on:
            return self.use("dataset", entry.trained_on, (*path, "trained_on"))
        if match.component.trained_on:
            return self.use("dataset", DataEntry(use=match.component.trained_on), path)
        return None

    def _values(
        self, signature: Signature, given: Mapping[str, Any], path: Path_, under: Mapping[str, str]
    ) -> dict[str, Any] | None:
        before = len(self.problems)
        values: dict[str, Any] = {}
        for name in given:
            wrong = unknown_parameter(name, signature, given)
            if wrong:
                self.problem((*path, under.get(name, "with"), name), wrong.message, wrong.hint)
        for parameter in signature.parameters_for(given):
            at = (*path, under.get(parameter.name, "with"), parameter.name)
            if parameter.name in given:
                values[parameter.name] = self._value(parameter, given[parameter.name], at)
            elif parameter.required:
                self.problem(path, f"parameter {parameter.name!r} is missing", parameter.doc)
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
            self.problem(at, f"{parameter.name!r} {wrong.message}", wrong.hint)
            return None

    def _component_values(self, parameter: Parameter, kind: Kind, value: Any, at: Path_) -> tuple[Use | None, ...]:
        entries = value if isinstance(value, list) else [value]
        if not entries:
            self.problem(at, f"{parameter.name!r} needs at least one {kind}")
        uses = tuple(self._component_value(parameter, kind, entry, (*at, i)) for i, entry in enumerate(entries))
        for label, times in Counter(use.label for use in uses if use).items():
            if times > 1:
                self.problem(at, f"{times} entries are called {label!r}", "tell them apart with `as:`")
        return uses

    def _component_value(self, parameter: Parameter, kind: Kind, value: Any, at: Path_) -> Use | None:
        shape = _ENTRY_OF_KIND.get(kind, UseEntry)
        try:
            entry = shape.model_validate({"use": value} if isinstance(value, str) else value)
        except ValidationError:
            self.problem(at, f"{parameter.name!r} must be a {kind}, written as {{use: NAME, with: {{...}}}}")
            return None
        return self.use(kind, entry, at)


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
