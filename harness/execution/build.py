"""Making components ready for a cell: loading data, building models, training them once.

A trained model's state is kept in the store, so each set of weights is fitted once per results folder.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.contract.cells import Use, uses_in
from harness.contract.context import Context, derive_seed
from harness.contract.data import Dataset, DatasetWrapper, ReadAnew
from harness.contract.errors import HarnessError, InvalidOutput
from harness.contract.models import Trainable
from harness.contract.texts import are_unique_texts
from harness.execution.dependencies import Dependencies, changed_files
from harness.execution.kept import Built, KeptComponents
from harness.execution.precision import run_as, threads
from harness.execution.process_state import ProcessState
from harness.execution.spent import Metering
from harness.instruments.late_torch import is_module
from harness.instruments.seeding import seeded
from harness.loaded_code import Version
from harness.plugins import Catalog
from harness.store.keys import key_of, weights_key_inputs
from harness.store.locks import WAITING
from harness.store.store import Store

if TYPE_CHECKING:
    from harness.instruments.flops import FlopCount

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Weights:
    """The stored weights that a model was given.

    Attributes:
        key, digest: their cache key and the hash of their content.
        seconds, joules, peak_memory: what their training took; None where it could not be told.
    """

    key: str
    digest: str
    seconds: float
    joules: float | None = None
    peak_memory: int | None = None


class Limited(DatasetWrapper):
    """The first examples of a dataset."""

    def __init__(self, whole: Dataset, limit: int) -> None:
        super().__init__(whole)
        self._limit = limit

    @property
    def ids(self) -> Sequence[str]:
        return self._dataset.ids[: self._limit]

    @property
    def reads_anew(self) -> bool:
        return isinstance(self._dataset, ReadAnew) and self._dataset.reads_anew

    @property
    def groups(self) -> Mapping[str, Sequence[Any]]:
        return {name: column[: self._limit] for name, column in self._dataset.groups.items()}


@dataclass
class Builder:
    """Builds components from their uses and keeps the last few, since neighbouring cells share them.

    Within a cell a component is made once, and again for each component that wraps it.

    Attributes:
        catalog: where targets are found.
        store: where weights are kept.
        device: where models live.
        batch_size: number of examples at once while a component is fitted.
        on_progress: called with (what, done, total) during training.
        flops: the models whose operations were counted already, by what was counted.
        process: what cells leave behind in this process.
    """

    catalog: Catalog
    store: Store
    device: str
    batch_size: int
    on_progress: Progress
    flops: dict[Hashable, FlopCount] = field(default_factory=dict)
    process: ProcessState = field(init=False)
    _kept: KeptComponents = field(default_factory=KeptComponents)
    _files: dict[Path, Version | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.process = ProcessState(self.catalog.packages)

    def build(self, use: Use, seed: int) -> tuple[Any, tuple[Weights, ...]]:
        """Return the component, and the stored weights that it and its nested components were given."""
        built = self._own(use, seed)
        return built.thing, built.weights

    def measured(self, use: Use, seed: int) -> Built:
        """Return a component of the cell itself, as it was made; `end_cell` says if the cell has changed it."""
        built = self._own(use, seed)
        built.is_measured = True
        return built

    def _own(self, use: Use, seed: int) -> Built:
        seed = _seed_of(use, seed)
        return self._kept.own((use.build_digest, seed), lambda: self._build(use, seed))

    def context(self, use: Use, seed: int, scratch: Path, progress: Callable[[int, int], None]) -> Context:
        """Return the context of a component: its draws depend on its name, not on its label or its neighbours."""

        def checked(done: int, total: int) -> None:
            # What is no number fails here, in the plugin, and not in the display.
            progress(int(done), int(total))

        scope = (use.kind, use.name)
        return Context(self.device, seed, self.batch_size, scratch=scratch, progress=checked, scope=scope)

    def training_data(self, use: Use, seed: int) -> dict[str, Dataset]:
        """The training split of every component in a use that is fitted to data, by its kind and label."""
        splits: dict[str, Dataset] = {}
        for inner in use.nested():
            if inner.trained_on is not None and self._is_trainable(inner, seed):
                splits[f"{inner.kind} {inner.label}"] = self._split(inner.trained_on, "train", seed)
        return splits

    def begin_cell(self, files: Sequence[tuple[Path, Version | None]]) -> None:
        """Drop what is kept where a file of the cell, given by path and version, is another one than before."""
        if changed_files(self._files, files):
            self.forget()
        self._files.update(files)

    def end_cell(self) -> list[str]:
        """Keep what the cell left as it was made, and return in words what it has changed."""
        return self._kept.end_cell()

    def forget(self) -> None:
        """Drop what is kept, since a cell that went wrong may have changed it."""
        self._kept.forget()

    def _is_trainable(self, use: Use, seed: int) -> bool:
        seed = _seed_of(use, seed)
        built = self._kept.used((use.build_digest, seed)) or self._own(use, seed)
        return isinstance(built.thing, Trainable)

    def _build(self, use: Use, seed: int) -> Built:
        values, parts = self._values(use, seed)
        used = tuple(weights for part in parts for weights in part.weights)
        with self.process.importing():
            target = self.catalog.find(use.kind, use.name).component.load()
        # What a model starts from is a part of its training.
        fixed = nullcontext() if use.kind == "dataset" else threads(use.training_threads)
        with fixed, seeded(derive_seed(seed, use.kind, use.name, "build"), self.device):
            thing = target(**values)
        if use.kind == "dataset":
            _check_dataset(thing, use)
            thing = Limited(thing, use.limit) if use.limit else thing
        else:
            is_given = any(thing is part.thing for part in parts)
            thing, given = self._ready(thing, use, seed, is_given=is_given)
            used = (*used, *given)
        return Built((use.build_digest, seed), use.kind, use.label, thing, used, parts)

    def _ready(self, thing: Any, use: Use, seed: int, *, is_given: bool) -> tuple[Any, tuple[Weights, ...]]:
        """The component on its device and with its weights, which are returned too.

        A factory may return the very model that it was given, which has its weights.
        """
        given: tuple[Weights, ...] = ()
        if is_module(thing):
            thing = thing.to(self.device)
        if isinstance(thing, Trainable) and not is_given:
            given = (self._give_weights(thing, use, seed),)
        if is_module(thing):
            thing = thing.eval().requires_grad_(False)
        if use.execution and not use.execution.is_plain:
            run_as(thing, use.execution, self.device)
        return thing, given

    def _values(self, use: Use, seed: int) -> tuple[dict[str, Any], tuple[Built, ...]]:
        """The arguments of a component, and the components among them, which are its own."""
        values: dict[str, Any] = {}
        parts: list[Built] = []
        for name, value in use.parameters.items():
            built = {each.label: self._part(each, seed) for each in uses_in(value)}
            parts += built.values()
            if isinstance(value, Use):
                value = built[value.label].thing
            elif built:
                value = {label: part.thing for label, part in built.items()}
            else:
                value = use.as_received(name, value)
            values[name] = value
        return values, tuple(parts)

    def _part(self, use: Use, seed: int) -> Built:
        """An instance for the component that wraps it, which may change it."""
        seed = _seed_of(use, seed)
        return self._kept.take((use.build_digest, seed)) or self._build(use, seed)

    def _give_weights(self, model: Trainable, use: Use, seed: int) -> Weights:
        from safetensors.torch import load_file

        inputs = partial(weights_key_inputs, __name__, use, seed, self.catalog, self.store, self.device)
        needed = Dependencies(inputs, use.nested(), self.store)
        key = key_of(dict(needed.inputs))
        folder = self.store.get("weights", key)
        if folder is None:
            on_wait = partial(self.on_progress, f"{WAITING} {use.label}, in training elsewhere", 0, 0)
            claim = self.store.claim("weights", key, on_wait)
            try:
                if self.store.get("weights", key) is None:
                    self._train(model, use, seed, key, needed)
            finally:
                claim.release()
            folder = self.store.folder("weights", key)
        # Loaded back even right after training, so that a fresh and a cached model are the same to the bit.
        model.load_state_dict(load_file(folder / "weights.safetensors", device=self.device))
        about = json.loads((folder / "about.json").read_bytes())
        return Weights(key, about["digest"], about["seconds"], about["joules"], about["peak_memory"])

    def _train(self, model: Any, use: Use, seed: int, key: str, needed: Dependencies) -> None:
        from safetensors.torch import save

        def data(split: str) -> Dataset:
            if use.trained_on is None:
                raise InvalidOutput(
                    f"{use.label} asks for the {split!r} split, but no dataset is named for its training"
                )
            with metering.paused():
                return self._split(use.trained_on, split, seed)

        if is_module(model) and any(True for _ in model.parameters()):
            # The first optimiser of a process imports this, which takes seconds that are no training.
            from torch import _dynamo  # noqa: F401
        metering = Metering(self.device)
        with self.store.stage() as staged:
            scratch = staged / "scratch"
            scratch.mkdir()
            ctx = self.context(
                use, seed, scratch, lambda done, total: self.on_progress(f"training {use.label}", done, total)
            )
            if is_module(model):
                model.requires_grad_(True).train()
            with threads(use.training_threads), seeded(ctx.derive_seed("fit"), self.device):
                model.fit(data, ctx)
            scratch.rmdir()
            state = {
                name: tensor.detach().to("cpu").contiguous().clone() for name, tensor in model.state_dict().items()
            }
            broken = [
                name for name, tensor in state.items() if tensor.is_floating_point() and not tensor.isfinite().all()
            ]
            if broken:
                raise InvalidOutput(f"training {use.label} gave weights that are not finite: {', '.join(broken[:3])}")
            spent = metering.spent()
            if not needed.stayed():
                raise InvalidOutput(f"the code or files of {use.label} changed while it was trained; run it again")
            with self.store.explained():
                # Bytes first, since safetensors reports a full disk in words of its own.
                content = save(state)
                (staged / "weights.safetensors").write_bytes(content)
                about = {"digest": hashlib.sha256(content).hexdigest(), **asdict(spent), "inputs": dict(needed.inputs)}
                (staged / "about.json").write_text(json.dumps(about), encoding="utf-8")
            self.store.commit("weights", key, staged)

    def _split(self, data: Use, split: str, seed: int) -> Dataset:
        parameters = inspect.signature(self.catalog.find("dataset", data.name).component.load()).parameters
        if "split" not in parameters and not any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
            raise HarnessError(
                f"{data.label} has no parameter `split`, so nothing can be trained on its {split!r} part; name other "
                "data under `trained_on` of the model"
            )
        part = replace(data, parameters={**data.parameters, "split": split})
        key = (part.build_digest, _seed_of(part, seed))
        used = self._kept.used(key)
        if used is not None and used.changes():
            # By a model that was fitted to it before.
            self._kept.renew(used)
        dataset: Dataset = self.build(part, seed)[0]
        return dataset


def _seed_of(use: Use, seed: int) -> int:
    return derive_seed(seed, "member", use.member) if use.member else seed


def _check_dataset(data: Any, use: Use) -> None:
    missing = [name for name in ("ids", "groups", "facts", "take") if not hasattr(data, name)]
    if missing:
        raise InvalidOutput(f"dataset {use.name} gave a {type(data).__name__} without {', '.join(missing)}")
    if not len(data.ids):
        raise InvalidOutput(f"dataset {use.name} has no examples")
    if not are_unique_texts(data.ids):
        raise InvalidOutput(f"dataset {use.name} must have unique text ids")
    classes = data.facts.get("classes", ())
    if isinstance(classes, str) or not hasattr(classes, "__len__"):
        raise InvalidOutput(
            f"the fact 'classes' of dataset {use.name} is {classes!r:.40}; it must be the list of their names, such as "
            "['cat', 'dog']"
        )
