"""What runs on a place that an executor has found: the core's own process executor with one slot.

An executor only carries texts and bytes between the coordinator and its agents; how a job is isolated, timed, logged
and brought home is decided here.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from harness.contract.cells import Cell
from harness.contract.errors import HarnessError, InvalidOutput
from harness.contract.rows import Status
from harness.execution.code_digests import code_digests, differing_packages
from harness.execution.executor import Ended, Job, RunSettings
from harness.execution.process import ProcessExecutor, setups_for
from harness.execution.worker import job_message
from harness.plugins import load_catalog
from harness.store.archive import pack, unpack
from harness.store.cell_result import CellResult
from harness.store.locks import Claim, try_claim

_PREFIX = "harness-node-"
_LIVING = "living"
_MAX_NAMED = 3


def settings_text(run: RunSettings) -> str:
    """Return the settings of a run as the text that an agent is made with."""
    return json.dumps(asdict(run))


def job_text(job: Job) -> str:
    """Return a job as the text that an agent runs."""
    return json.dumps({**job_message(job.cell, job.folder, job.batch_size, job.key), "folder": ""})


def bring_home(job: Job, reply: str, archive: bytes) -> CellResult:
    """Put the files of a job into its folder and return its result.

    Args:
        job: as it was submitted.
        reply, archive: what `NodeAgent.run` returned.

    Returns:
        The result; `lost` where what came back cannot be read.
    """
    try:
        unpack(archive, job.folder)
        return CellResult.from_json(json.loads(reply))
    except (InvalidOutput, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        shutil.rmtree(job.folder, ignore_errors=True)
        job.folder.mkdir()
        return lost(job, f"what came back from its place cannot be read: {error}")


def lost(job: Job, reason: str) -> CellResult:
    """Return the result of a job whose place went away; the coordinator tries it again."""
    return CellResult(Status.LOST, reason, batch_size=job.batch_size)


class NodeAgent:
    """Runs the jobs of a coordinator on this machine, one at a time, in a worker process of its own.

    It keeps its scratch folder below the folder for temporary files, and removes what dead agents have left there. Jobs
    run in one thread that lives as long as the agent: a worker ends with the thread that has started it.

    Args:
        settings: the settings of the run, as `settings_text` makes them.
        device: where it computes; by default as the settings say.
        scratch: the folder for temporary files.

    Raises:
        HarnessError: this machine has other code than the coordinator; the message names the packages.
    """

    def __init__(self, settings: str, *, device: str = "", scratch: Path | None = None) -> None:
        raw = json.loads(settings)
        run = RunSettings(**{**raw, "plugin_folders": tuple(raw["plugin_folders"])})
        folders = [Path(folder) for folder in run.plugin_folders]
        _check_code(run.code, code_digests(load_catalog(folders)))
        self._root, self._claim = _make_scratch(scratch or Path(tempfile.gettempdir()))
        self._progress = ("", 0, 0)
        self._executor = ProcessExecutor(
            setups_for([device or run.device], run.threads, self._root / "store", folders, run.remote),
            timeout=run.timeout,
            cells_per_worker=run.cells_per_worker,
        )

    def run(self, job: str) -> tuple[str, bytes]:
        """Run a job as `job_text` writes it; returns its result as JSON, and the files that it left, for `bring_home`.

        Raises:
            HarnessError: its worker cannot start or cannot write.
        """
        raw = json.loads(job)
        folder = Path(tempfile.mkdtemp(dir=self._root))
        try:
            self._executor.submit(Job(Cell.from_json(raw["cell"]), folder, raw["batch_size"], raw["key"]))
            while not isinstance(news := self._executor.next(None), Ended):
                self._progress = (news.what, news.done, news.total) if news else self._progress
            self._progress = ("", 0, 0)
            return json.dumps(asdict(news.result)), pack(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def progress(self) -> tuple[str, int, int]:
        """Return how far the job is, as the fields of `Working`; may be called from another thread."""
        return self._progress

    def close(self) -> None:
        """End the worker and remove the scratch folder; closing twice is fine."""
        self._executor.close()
        shutil.rmtree(self._root, ignore_errors=True)
        self._claim.release()


def _check_code(wanted: Mapping[str, str], own: Mapping[str, str]) -> None:
    """Raise HarnessError where this machine has other code than is wanted."""
    if names := differing_packages(own, wanted):
        more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
        raise HarnessError(
            f"{os.uname().nodename} has other code of {', '.join(names[:_MAX_NAMED])}{more} than the coordinator; "
            "install the same versions there"
        )


def _make_scratch(parent: Path) -> tuple[Path, Claim]:
    """Make a scratch folder with a claim that ends with this process, after removing those without a claim."""
    for left in parent.glob(f"{_PREFIX}*"):
        if left.is_dir() and not left.is_symlink() and (claim := _claim_on(left)):
            shutil.rmtree(left, ignore_errors=True)
            claim.release()
    # Under another name until it is claimed, since another agent may sweep meanwhile.
    new = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=parent))
    claim = try_claim(new / _LIVING)
    assert claim is not None
    (new / "store").mkdir()
    root = new.rename(new.with_name(new.name.removeprefix(".")))
    return root, claim


def _claim_on(folder: Path) -> Claim | None:
    """Return the claim on a scratch folder; None while its agent lives, or where it belongs to somebody else."""
    try:
        return try_claim(folder / _LIVING)
    except OSError:
        return None
