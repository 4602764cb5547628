"""Executing one cell: build, run the task, check what it returns, write the result.

Whatever plugin code does on the way becomes a status with a reason.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.contract.cells import TREATMENTS, Cell, Use, digest
from harness.contract.data import Dataset
from harness.contract.errors import InvalidOutput, NotApplicable
from harness.contract.models import Described
from harness.contract.rows import Status
from harness.contract.tasks import Outcome
from harness.execution.build import Builder, Weights
from harness.execution.costs import cost_block
from harness.execution.dependencies import CHANGED, Dependencies
from harness.execution.first_call import first_call
from harness.execution.outcome_checks import check_examples, checked_cost
from harness.execution.precision import execution_text, reduced_precision, tf32_where_asked
from harness.execution.settings import own_settings
from harness.execution.spent import Metering
from harness.isolation import Fault, isolated, one_line
from harness.signatures import SignatureReader
from harness.store.cell_result import CellResult
from harness.store.keys import cell_key_inputs, environment_digest
from harness.store.records import to_table, write_records

_INSTRUMENT_SEED = 0


def execute(
    cell: Cell, folder: Path, builder: Builder, signatures: SignatureReader, *, key: str = "", debug: bool = False
) -> CellResult:
    """Run a cell and write its records and artifacts into a folder.

    Args:
        cell: what to run.
        folder: an empty folder.
        builder: makes its components.
        signatures: reads what they need of each other.
        key: the cache key that the cell was planned with; it is not run with other code or files than those, and is
            `invalid` if they change meanwhile. Without it nothing is checked.
        debug: do not catch exceptions, for a debugger.

    Raises:
        StoreError: the folder or the store cannot be written.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    if not key:
        return _executed(cell, folder, builder, signatures, started, debug=debug)
    inputs = partial(cell_key_inputs, cell, builder.catalog, builder.store, builder.device)
    needed = Dependencies(inputs, cell.uses, builder.store)
    if not needed.are_those_of(key):
        result = CellResult(Status.INVALID, needed.problem or CHANGED)
        result = replace(result, device=builder.device, batch_size=builder.batch_size, started=started)
        return replace(result, loaded=needed.inputs)
    builder.begin_cell(needed.files)
    result = _executed(cell, folder, builder, signatures, started, debug=debug)
    if result.status.is_measured and not needed.stayed():
        builder.forget()
        builder.process.is_spoilt = True
        result = replace(result, status=Status.INVALID, reason=needed.problem or CHANGED)
    return replace(result, loaded=needed.inputs)


def _executed(
    cell: Cell, folder: Path, builder: Builder, signatures: SignatureReader, started: str, *, debug: bool
) -> CellResult:
    # Wherever the cell changes to.
    folder = folder.resolve()
    measure = partial(_measure, cell, folder, builder, signatures)
    stuck = builder.process.stuck
    builder.process.begin_cell()
    result = measure() if debug else isolated(measure)
    changed = builder.process.end_cell()
    left = [f"the cell left the process changed: {changed}"] if changed else []
    if isinstance(result, Fault):
        result = CellResult(result.status, result.reason, traceback=result.traceback)
    if result.status.is_measured:
        left += [f"the cell has changed {what}" for what in builder.end_cell()]
        earlier = [f"an earlier cell left the process changed: {stuck}"] if stuck else []
        result = _with_problems(result, [*earlier, *left])
    elif left:
        result = replace(result, reason=one_line("; ".join([result.reason, *left])))
    if left or not result.status.is_measured:
        builder.forget()
    return replace(result, device=builder.device, batch_size=builder.batch_size, started=started)


def import_torch_for(cell: Cell) -> None:
    """Import torch if a cell is more than an audit of data; the seconds of this import are none of the cell's time."""
    if any(use for role, use in cell.components.items() if role != "data"):
        import torch  # noqa: F401


def _with_problems(result: CellResult, problems: Sequence[str]) -> CellResult:
    """The result, made invalid by what was found after its task had ended."""
    if not problems:
        return result
    before = [result.reason] if result.status is Status.INVALID else []
    return replace(result, status=Status.INVALID, reason=one_line("; ".join([*before, *problems])))


def _measure(cell: Cell, folder: Path, builder: Builder, signatures: SignatureReader) -> CellResult:
    # What a task measures with, such as a judge, is the same under every seed.
    task = builder.measured(cell.task, _INSTRUMENT_SEED)
    things: dict[str, Any] = {}
    weights = [*task.weights]
    of_model: tuple[Weights, ...] = ()
    data: dict[str, Any] = {}
    for role, use in cell.components.items():
        if use is None:
            things[role] = None
            continue
        built = builder.measured(use, cell.seed)
        things[role] = built.thing
        weights += built.weights
        of_model = built.weights if role == "model" else of_model
        data = dict(built.digests) if role == "data" else data
    _check_fit(cell, things, builder, signatures)
    scratch = folder / "scratch"
    scratch.mkdir()
    # Draws depend on the treatment's name, not on the model's: every model meets the same noise.
    treatment = next((use for role in TREATMENTS if (use := cell.components.get(role))), cell.task)
    progress = partial(builder.on_progress, "")
    ctx = builder.context(treatment, cell.seed, scratch, progress)
    ctx = replace(ctx, chunk=cell.chunk, fitted_to=partial(_fitted_to, cell, builder))
    with first_call(things.get("model")) as calls:
        metering = Metering(builder.device)
        with own_settings(), tf32_where_asked(cell.components.get("model"), builder.device):
            outcome = task.thing.run(**things, ctx=ctx)
        spent = metering.spent()
    if not isinstance(outcome, Outcome):
        raise InvalidOutput(f"task {cell.task.name} returned a {type(outcome).__name__}, not an Outcome")
    table = to_table(outcome.records)
    check_examples(task.thing, outcome, table, things.get("data"))
    shutil.rmtree(scratch)
    with builder.store.explained():
        _write(folder, table, outcome)
    protocol = _plain_protocol(outcome)
    comparability: dict[str, Any] = {"task": cell.task.identity, "data": data, "protocol": protocol}
    model = cell.components.get("model")
    if halved := reduced_precision(model, builder.device):
        comparability["precision"] = halved
    if outcome.missing:
        comparability["missing"] = digest(sorted(name for ids in outcome.missing.values() for name in ids))
    costs = cost_block(things.get("model"), model, of_model, calls, builder, spent)
    return CellResult(
        status=Status.INVALID if outcome.problems else Status.SUSPECT if outcome.doubts else Status.OK,
        reason="; ".join(outcome.problems or outcome.doubts),
        n=table.num_rows,
        cost=checked_cost(outcome.cost, [metric.label for metric in cell.metrics]),
        weights=[asdict(each) for each in weights],
        comparability=comparability,
        facts={
            **_facts(things.get("model"), execution_text(model), outcome.display),
            **({"missing": {str(why): len(ids) for why, ids in outcome.missing.items()}} if outcome.missing else {}),
            **({"trusted": trusted} if (trusted := sorted({n for use in cell.uses for n in use.trusted})) else {}),
            **({"environment": {"name": cell.environment, "digest": environment_digest()}} if cell.environment else {}),
            "cost": costs.to_json(),
        },
        seconds=spent.seconds,
    )


def _plain_protocol(outcome: Outcome) -> dict[str, Any]:
    try:
        protocol: dict[str, Any] = json.loads(json.dumps(dict(outcome.protocol), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidOutput(f"the protocol cannot be written as JSON: {one_line(str(error))}") from error
    return protocol


def _fitted_to(cell: Cell, builder: Builder) -> dict[str, Dataset]:
    splits = builder.training_data(cell.task, _INSTRUMENT_SEED)
    for role, use in cell.components.items():
        if use is not None and role != "data":
            splits |= builder.training_data(use, cell.seed)
    return splits


def _facts(model: Any, execution: str, display: Mapping[str, str]) -> dict[str, Any]:
    """Return the facts that a model states, how it was run, and its display columns. Raises InvalidOutput."""
    stated = model.facts if isinstance(model, Described) else {}
    try:
        stated = json.loads(json.dumps(dict(stated), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InvalidOutput(f"the facts of the model cannot be written as JSON: {error}") from error
    if wrong := [name for name, text in display.items() if not isinstance(name, str) or not isinstance(text, str)]:
        raise InvalidOutput(f"the display column {wrong[0]!r} is {display[wrong[0]]!r}; heading and content are text")
    given = {"model": stated, "execution": execution, "display": dict(display)}
    return {name: value for name, value in given.items() if value}


def _check_fit(cell: Cell, things: Mapping[str, Any], builder: Builder, signatures: SignatureReader) -> None:
    """Raise NotApplicable where a built component lacks what another needs, which its class did not show."""
    needing: list[tuple[Use | None, str]] = [(cell.task, role) for role in things]
    needing += [(cell.components.get(role), "model") for role in TREATMENTS]
    for use, role in needing:
        if use is None or things.get(role) is None:
            continue
        needs = signatures.read(builder.catalog.find(use.kind, use.name).component).needs.get(role)
        unmet = needs.unmet(needs.missing_in(things[role])) if needs else ""
        if unmet:
            raise NotApplicable(f"{use.label} needs {role} {cell.labels[role]} to be {unmet}")


def _write(folder: Path, table: Any, outcome: Outcome) -> None:
    write_records(folder, table)
    if outcome.artifacts:
        (folder / "artifacts").mkdir()
    for name, value in outcome.artifacts.items():
        if Path(name).name != name:
            raise InvalidOutput(f"artifact name {name!r} is not a plain file name")
        if isinstance(value, bytes):
            (folder / "artifacts" / name).write_bytes(value)
        else:
            np.save(folder / "artifacts" / f"{name}.npy", np.asarray(value), allow_pickle=False)
