"""Changes of a suite for one run: parts put in the place of others, fewer examples, other seeds, fewer cells."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.contract.errors import UsageError
from harness.suite.located import Located, Path_, parse_yaml
from harness.suite.schema import HEAD_KEYS, MAX_SEED, Experiment, did_you_mean
from harness.suite.shards import ShardBy

_KEY_OF = {"model": "models", "attack": "attacks", "sampler": "samplers", "attribution": "attributions"}
_LISTS = ("data", *_KEY_OF.values(), "metrics", "aggregates", "reports")
_KEYS = {*HEAD_KEYS, *Experiment.model_fields}
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_RANGE = re.compile(r"(\d+)-(\d+)")
_MAX_SEEDS = 10_000


@dataclass(frozen=True)
class Changes:
    """What a run asks of a suite beside its file.

    Attributes:
        sets: texts KEY=VALUE. KEY is a path such as `models[0].with.width`, `model` or another role for all its
            entries, the label of a component or the name of an experiment, or a path below one of them; VALUE is YAML.
        limit: the most examples of every dataset; None for as many as the suite says.
        seeds: such as "0-4" or "0,2,5", in place of those of the suite; empty for these.
        only, skip: texts ROLE=PATTERN on the labels of cells.
        shard: such as "1/3", the part of the cells that this run does; empty for all.
        shard_by: whether cells of one model stay in one shard.
    """

    sets: tuple[str, ...] = ()
    limit: int | None = None
    seeds: str = ""
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    shard: str = ""
    shard_by: ShardBy = "model"

    @property
    def told(self) -> tuple[str, ...]:
        """The changes as options of the command line."""
        told = [f"--set {text}" for text in self.sets]
        told += [f"--limit {self.limit}"] if self.limit is not None else []
        told += [f"--seeds {self.seeds}"] if self.seeds else []
        told += [f"--only {text}" for text in self.only]
        told += [f"--skip {text}" for text in self.skip]
        by = f" --shard-by {self.shard_by}" if self.shard_by != "model" else ""
        return (*told, f"--shard {self.shard}{by}") if self.shard else tuple(told)

    @classmethod
    def of_told(cls, told: Sequence[str]) -> Changes:
        """The inverse of `told`."""
        fields: dict[str, Any] = {"sets": (), "only": (), "skip": ()}
        for option in told:
            name, _, value = option.removeprefix("--").partition(" ")
            if name in ("set", "only", "skip"):
                key = f"{name}s" if name == "set" else name
                fields[key] = (*fields[key], value)
            elif name == "shard":
                fields["shard"], _, by = value.partition(" --shard-by ")
                fields |= {"shard_by": by} if by else {}
            else:
                fields[name] = int(value) if name == "limit" else value
        return cls(**fields)

    def applied(self, document: Located) -> Located:
        """Return the document of a suite with what these changes put into it; `only` and `skip` are for its cells.

        Raises:
            UsageError: a key that is not there, or that is there several times.
            SuiteError: a value that is not YAML.
        """
        for text in self.sets:
            document = _with_set(document, text)
        if self.limit is not None:
            document = _limited(document, self.limit)
        return _seeded(document, self.seeds) if self.seeds else document


UNCHANGED = Changes()


def parse_seeds(text: str) -> list[int]:
    """Return the seeds of a text such as "0-4" or "0,2,5-7". Raises UsageError."""
    seeds: list[int] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        ends = (int(match[1]), int(match[2])) if match else None
        if ends is None and not part.strip().isdecimal():
            raise UsageError(f"--seeds {text!r}: write seeds such as 0-4 or 0,2,5")
        first, last = ends or (int(part), int(part))
        if last < first or last > MAX_SEED or last - first >= _MAX_SEEDS:
            raise UsageError(f"--seeds {text!r}: {part.strip()} is no range of at most {_MAX_SEEDS} seeds")
        seeds += range(first, last + 1)
    return list(dict.fromkeys(seeds))


def _seeded(document: Located, text: str) -> Located:
    value = parse_yaml(str(parse_seeds(text)), f"--seeds {text}")
    for scope in _scopes(document):
        if not scope or "seeds" in _at(document.data, scope):
            document = _put(document, (*scope, "seeds"), value)
    return document


def _limited(document: Located, limit: int) -> Located:
    value, before = parse_yaml(str(limit), f"--limit {limit}"), document
    for scope in _scopes(document):
        data = _at(document.data, scope).get("data")
        paths: list[Path_] = (
            [("data", i) for i in range(len(data))] if isinstance(data, list) else [("data",)] if data else []
        )
        for path in paths:
            entry = _at(document.data, (*scope, *path))
            asked = entry.get("limit") if isinstance(entry, dict) else None
            smaller = parse_yaml(str(asked), "suite") if isinstance(asked, int) and asked < limit else value
            document = _put(document, (*scope, *path, "limit"), smaller)
    if document is before:
        raise UsageError(f"--limit {limit}: the suite names no data that could be limited")
    return document


def _with_set(document: Located, text: str) -> Located:
    """The document with the value of a text KEY=VALUE put where KEY says."""
    parts = text.split("=")
    splits = [("=".join(parts[:i]).strip(), "=".join(parts[i:])) for i in range(1, len(parts))]
    if not splits or not splits[0][0]:
        raise UsageError(f"--set {text!r}: write KEY=VALUE, such as models[0].with.width=64 or model=digit_mlp")
    # A label may hold an equals sign itself, such as "pgd eps=0.1".
    labels = _labels(document)
    key, written = next((split for split in splits if _label_of(split[0], labels)), splits[0])
    name = f"--set {key}".replace("/", "∕")  # paths in the value count from the working directory
    value = parse_yaml(written if written.strip() else "null", name)
    if key in _KEY_OF and not isinstance(value.data, list):
        value = _as_list(value)
    for path in _places(document, key, labels):
        document = _put(document, path, value)
    return document


def _as_list(value: Located) -> Located:
    marks = {(0, *path): mark for path, mark in value.marks.items()}
    return Located([value.data], {(): value.marks[()], **marks}, value.sources)


def _places(document: Located, key: str, labels: Mapping[str, list[Path_]]) -> list[Path_]:
    """Return where a key stands. Raises UsageError."""
    if key in labels and _first_step(key) not in _KEYS:
        return labels[key]
    steps = _steps(key)
    first = _KEY_OF.get(str(steps[0]), steps[0]) if len(steps) == 1 else steps[0]
    if first in _KEYS:
        return _places_of_path(document, (first, *steps[1:]), key)
    label = _label_of(key, labels)
    if label:
        return [(*place, *_steps(key[len(label) + 1 :])) for place in labels[label]]
    known = [*labels, *_KEY_OF]
    raise UsageError(f"--set {key}: no key, label or experiment is called so; {did_you_mean(str(steps[0]), known)}")


def _label_of(key: str, labels: Mapping[str, list[Path_]]) -> str:
    """Return the longest label that a key starts with; empty if there is none."""
    return max((label for label in labels if key == label or key.startswith(f"{label}.")), key=len, default="")


def _first_step(key: str) -> str:
    return str(_steps(key)[0])


def _steps(key: str) -> Path_:
    """The steps of a path such as `models[0].with.width` or `models.0.with.width`."""
    steps: list[str | int] = []
    for match in _STEP.finditer(key):
        word = match[1] or match[2]
        steps.append(int(word) if word.isdecimal() and steps else word)
    if not steps:
        raise UsageError(f"--set {key}: write a path such as models[0].with.width")
    return tuple(steps)


def _places_of_path(document: Located, path: Path_, key: str) -> list[Path_]:
    if path[0] == "experiments":
        return [path]
    if path[0] in ("suite", "extends"):
        raise UsageError(f"--set {key}: it says which suite this is, and cannot be set")
    scopes = [scope for scope in _scopes(document) if path[0] in _at(document.data, scope)]
    if not any(isinstance(step, int) for step in path):
        return [(*scope, *path) for scope in scopes] or [path]
    fitting = [scope for scope in scopes if _reaches(_at(document.data, scope), path)]
    if len(fitting) > 1:
        names = ", ".join(f"experiments[{scope[1]}]" if scope else "the top of the suite" for scope in fitting)
        raise UsageError(
            f"--set {key}: this stands in {names}; say which, as in experiments[0].{key}, or use its label"
        )
    return [(*(fitting or scopes or [()])[0], *path)]


def _reaches(data: Any, path: Path_) -> bool:
    """Whether every item of a list that a path names is there."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(data, list) or step >= len(data):
                return False
            data = data[step]
        else:
            data = data.get(step) if isinstance(data, dict) else None
    return True


def _scopes(document: Located) -> list[Path_]:
    """Where experiments have their keys: the top of the suite, and each experiment."""
    experiments = document.data.get("experiments")
    listed = experiments if isinstance(experiments, list) else []
    return [(), *(("experiments", i) for i, each in enumerate(listed) if isinstance(each, dict))]


def _labels(document: Located) -> dict[str, list[Path_]]:
    """Label to where components with it stand, and name of an experiment to where it stands."""
    places: dict[str, list[Path_]] = {}
    for scope in _scopes(document):
        own = _at(document.data, scope)
        if scope and isinstance(own.get("name"), str):
            places.setdefault(own["name"], []).append(scope)
        for path, entry in _entries(own):
            label = entry if isinstance(entry, str) else entry.get("as") or entry.get("use")
            if isinstance(label, str) and label != "none":
                places.setdefault(label, []).append((*scope, *path))
    return places


def _entries(own: Mapping[str, Any]) -> Iterator[tuple[Path_, Any]]:
    for key in _LISTS:
        listed = own.get(key)
        for i, entry in enumerate(listed if isinstance(listed, list) else [listed]):
            if isinstance(entry, str | dict):
                yield ((key, i) if isinstance(listed, list) else (key,)), entry


def _at(data: Any, path: Path_) -> Any:
    for step in path:
        data = data[step]
    return data


def _put(document: Located, path: Path_, value: Located) -> Located:
    """The document with a value at a path; mappings on the way that are not there are made."""
    data = copy.deepcopy(document.data)
    inner = data
    for i, step in enumerate(path[:-1]):
        inner = _stepped(inner, step, path[i + 1], path[: i + 1])
    last = path[-1]
    _check_step(inner, last, path)
    inner[last] = copy.deepcopy(value.data)
    marks = {p: mark for p, mark in document.marks.items() if p[: len(path)] != path}
    made = [path[:i] for i in range(1, len(path)) if path[:i] not in marks]
    marks |= dict.fromkeys(made, value.marks[()]) | {(*path, *p): mark for p, mark in value.marks.items()}
    return Located(data, marks, {**document.sources, **value.sources})


def _stepped(data: Any, step: str | int, following: str | int, path: Path_) -> Any:
    """One step down, with a name alone made into an entry and a missing mapping made where a key follows."""
    _check_step(data, step, path)
    found = data[step] if isinstance(step, int) else data.setdefault(step, {})
    if isinstance(found, str) and isinstance(following, str):
        found = data[step] = {"use": found}
    return found


def _check_step(data: Any, step: str | int, path: Path_) -> None:
    where = ".".join(map(str, path))
    if isinstance(step, int) and not isinstance(data, list):
        raise UsageError(f"--set {where}: there is no list, so nothing has a number")
    if isinstance(step, int) and step >= len(data):
        has = f"it has {len(data)}, 0 to {len(data) - 1}" if data else "it is empty"
        raise UsageError(f"--set {where}: the list has no item {step}; {has}")
    if isinstance(step, str) and not isinstance(data, dict):
        raise UsageError(f"--set {where}: {step!r} cannot stand in what is no mapping; say which item, as in [0]")
