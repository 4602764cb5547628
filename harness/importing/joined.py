"""Logs over the same documents, put together; documents that differ are refused by the field in which they do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from harness.contract.errors import UsageError
from harness.importing.logs import Log, Sample, shown

By = Literal["id", "prompt"]
_FIELDS = ("prompt", "reference")


@dataclass(frozen=True)
class Joined:
    """Logs whose samples have the ids, and the order, of those of the first.

    Attributes:
        logs: one for each model.
    """

    logs: Sequence[Log]

    @property
    def documents(self) -> Sequence[Sample]:
        """The documents, as the first log has them."""
        return self.logs[0].samples

    @property
    def scores(self) -> list[str]:
        """The names of all scores."""
        return list(dict.fromkeys(n for log in self.logs for sample in log.samples for n in sample.scores))

    @property
    def less_is_better(self) -> frozenset[str]:
        """The scores of which less is better."""
        return frozenset(name for log in self.logs for name in log.less_is_better)


def join(logs: Sequence[Log], by: By = "id", allowed: Collection[str] = ()) -> Joined:
    """Put logs together.

    Args:
        logs: of one task; models are told apart by their names.
        by: what tells that two samples are of one document.
        allowed: fields in which documents may differ all the same, `prompt` or `reference`.

    Raises:
        UsageError: tasks, documents, prompts or references differ, or a prompt is there twice.
    """
    first = logs[0]
    for log in logs[1:]:
        if log.tool == first.tool and log.task != first.task:
            raise UsageError(f"task: {first.name} is of {shown(first.task)}, {log.name} of {shown(log.task)}")
    keys = _by_key(first, by)
    joined = [first]
    for log in logs[1:]:
        own = _by_key(log, by)
        _check_same(keys, own, first, log, by)
        for name in _FIELDS:
            if name not in allowed and name != by:
                _check_field(keys, own, name)
        samples = [replace(own[key], id=sample.id) for key, sample in keys.items()]
        joined.append(replace(log, samples=samples))
    return Joined(_told_apart(joined))


def _by_key(log: Log, by: By) -> dict[str, Sample]:
    if by == "id":
        return {sample.id: sample for sample in log.samples}
    keys: dict[str, Sample] = {}
    for sample in log.samples:
        if sample.prompt in keys:
            raise UsageError(f"{sample.where}: its prompt stands in {keys[sample.prompt].where} too; join by id")
        keys[sample.prompt] = sample
    return keys


def _check_same(one: Mapping[str, Sample], other: Mapping[str, Sample], first: Log, log: Log, by: By) -> None:
    for these, those, where in ((one, other, log.name), (other, one, first.name)):
        missing = [key for key in these if key not in those]
        if missing:
            raise UsageError(
                f"{by}: {where} lacks {len(missing)} of {len(these)} documents, first {shown(missing[0])} "
                f"({these[missing[0]].where}); both logs must be over the same documents"
                + ("; `--by prompt` joins them by their prompts" if by == "id" else "")
            )


def _check_field(one: Mapping[str, Sample], other: Mapping[str, Sample], name: str) -> None:
    for key, sample in one.items():
        a, b = getattr(sample, name), getattr(other[key], name)
        if a != b:
            raise UsageError(
                f"{name}: {shown(a)} in {sample.where}, {shown(b)} in {other[key].where}; name the fields that are "
                f"the same with --map, or compare all the same with --allow {name}"
            )


def _told_apart(logs: Sequence[Log]) -> list[Log]:
    """Models of one name get their number too."""
    names = [log.model or log.name for log in logs]
    return [
        replace(log, model=f"{name} {names[: i + 1].count(name)}" if names.count(name) > 1 else name)
        for i, (log, name) in enumerate(zip(logs, names, strict=True))
    ]
