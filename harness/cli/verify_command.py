"""`harness verify RUN`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from harness.cli import Session
from harness.cli.options import allow_imports_option, environment_option, results_option, trust_option
from harness.cli.output import only_printed
from harness.cli.streams import echo, styled
from harness.contract.errors import Exit
from harness.escaping import on_a_line
from harness.results.certificate import CERTIFICATE, Certificate, CertifiedCell
from harness.results.headline.make import run_headline
from harness.results.table import write_tables
from harness.scoring.plugin_calls import PluginCalls, Scoring
from harness.scoring.redaction import Redactor
from harness.scoring.rows import recorded_rows
from harness.store.open import cached_signatures, open_store
from harness.store.run_folder import RunFolder

if TYPE_CHECKING:
    from harness.coordinator.options import RunArguments
    from harness.plugins import Catalog

_COLOURS = {"not equal": "red", "not measured again": "yellow"}


@click.command("verify")
@click.argument("run")
@click.option("--cells", type=click.IntRange(min=1), default=5, show_default=True, help="Size of the sample.")
@click.option("--suite", default="", help="The suite file, if it lies no longer where the run read it.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help="Number of examples in a batch. [default: less than half of what the run had]",
)
@click.option("--device", help="cpu, cuda, cuda:N or mps. [default: the run's]")
@click.option("--threads", type=click.IntRange(min=1), help="Number of torch threads. [default: the run's]")
@click.option(
    "--isolation",
    type=click.Choice(["inline", "process", "cell"]),
    default="cell",
    show_default=True,
    help="Measure in this process, in kept workers, or each cell in a new worker.",
)
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds that a cell may take. [default: as a run]"
)
@click.option("--executor", default="", help="Measure on this executor of a plugin; see `harness list executor`.")
@results_option
@allow_imports_option
@trust_option
@environment_option
@click.pass_obj
def command(session: Session, /, run: str, cells: int, suite: str, **how: Unpack[RunArguments]) -> int:
    """Measure a sample of RUN's cells again, in other batches, new workers and another order, and compare the records.

    RUN is the folder of a run, or the name of a suite for its latest run. No entry of the store changes. Each cell is
    certified as equal to the bit, equal within round-off, or not equal, which exits with 3. The certificate is kept
    as certificate.json in the folder of the run, and told below its tables and on its page. Exits with 1 if a cell
    cannot be measured again.
    """
    from harness.coordinator.options import RunOptions
    from harness.coordinator.verify import verify

    results = Path(how["results"])
    folder = RunFolder.find(run, results)
    facts = folder.about_if_whole().get("provenance", {})
    how["device"] = how.get("device") or str(facts.get("device") or "auto").partition(",")[0]
    how["threads"] = how.get("threads") or facts.get("threads")
    how["batch_size"] = how.get("batch_size") or 0
    how |= {"plugin_folders": session.plugins_dirs}
    catalog = session.catalog()
    with session.calls(catalog) as calls:
        redact = Redactor(catalog, calls).reason
        certificate = verify(folder, RunOptions(**how), cells, suite=suite, told=_tell, redact=redact)
        _write_tables(folder, results, catalog, calls)
    echo(f"\n{on_a_line(certificate.sentence)}\nCertificate: {folder.path / CERTIFICATE}")
    return _exit_code(certificate)


def _tell(cell: CertifiedCell) -> None:
    verdict, line = cell.verdict, on_a_line(str(cell))
    echo(line.replace(verdict, styled(verdict, fg=_COLOURS.get(verdict, "green")), 1))


def _exit_code(certificate: Certificate) -> int:
    if certificate.count("not equal"):
        return Exit.GATE_FAILED
    return Exit.CELL_NOT_OK if certificate.count("not measured again") else Exit.OK


def _write_tables(folder: RunFolder, results: Path, catalog: Catalog, calls: PluginCalls) -> None:
    """Write the tables of the run again, now with the certificate below them."""
    signatures = cached_signatures(results, catalog)
    plan, rows = recorded_rows(folder, Scoring(catalog, open_store(results, needs_writing=False), calls))
    headline = run_headline(folder, plan, rows, catalog, signatures, calls)
    origin = folder.about_if_whole().get("provenance", {})
    with only_printed():
        write_tables(folder, plan, rows, origin, signatures, catalog, lead=headline)
