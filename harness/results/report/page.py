"""The page of a run: everything that the template shows, gathered from the run folder."""

from __future__ import annotations

import base64
import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from harness.contract.rows import MeasuredCell, Row, Status
from harness.files import read_plain
from harness.isolation import Fault
from harness.picture_section import cell_title, picture_section
from harness.plugins import Catalog
from harness.png import data_uri, read_png
from harness.results.certificate import certificate_text
from harness.results.cost_table import model_costs
from harness.results.expectations import ExpectationResult, check_expectations
from harness.results.headline.headline import Headline
from harness.results.report.baseline import Baseline
from harness.results.report.headline import make_headline_table
from harness.results.report.html import render_template
from harness.results.report.tables import Table, make_cost_table, make_table
from harness.results.table import TableView
from harness.scoring.page_sections import HOOK, FilledSection, filled
from harness.scoring.plugin_calls import PluginCalls
from harness.scoring.redaction import Redactor
from harness.store.records import read_records
from harness.store.run_folder import LOG, RunFolder
from harness.suite.plan import Plan

REPORT = "report.html"
LOG_LINES = 15
_MOST_SVG_BYTES = 1_000_000
_FACTS_FIRST = ("harness", "git", "argv", "python", "torch", "device", "accelerator", "processor", "cpus", "threads")


@dataclass(frozen=True)
class Picture:
    """A picture of the run as a data URI: the SVG beside a PNG file, or the file itself.

    Attributes:
        name: of the PNG file.
        title: its name in words.
        uri: its content.
    """

    name: str
    title: str
    uri: str


@dataclass(frozen=True)
class Failure:
    """A row that is not ok, with the end of its log."""

    title: str
    status: str
    reason: str
    log: str


@dataclass(frozen=True)
class Page:
    """The content of the page of a run.

    Attributes:
        suite, about, run: the suite, its question, the id of the run.
        date: when it started, in words.
        statuses: the number of cells with each status.
        n_derived: rows made of several cells.
        expectation_results: the result of each expectation, failures first.
        environment: device and versions in a few words.
        tables: one for each experiment.
        costs: the table of what the models took; None if that is not known.
        curves: pictures of the reporters.
        sections: what plugins add, then the pictures that no plugin shows.
        failures: rows that are not ok.
        headline: its sentences.
        headline_table: its rows; None without any.
        baseline: what differs from another run; None if it was not asked for.
        warnings: plugins whose sections are left out, and why.
        provenance: facts by name; `packages` are the installed distributions.
    """

    suite: str
    about: str
    run: str
    date: str
    statuses: Mapping[str, int]
    n_derived: int
    expectation_results: tuple[ExpectationResult, ...]
    environment: tuple[str, ...]
    tables: tuple[Table, ...]
    costs: Table | None
    curves: tuple[Picture, ...]
    sections: tuple[FilledSection, ...]
    failures: tuple[Failure, ...]
    headline: tuple[str, ...]
    headline_table: Table | None
    baseline: Baseline | None
    warnings: tuple[str, ...]
    provenance: Mapping[str, str]
    packages: Mapping[str, str]

    @property
    def expectations(self) -> Mapping[str, int]:
        """The number of expectations with each verdict."""
        counted = Counter(result.verdict for result in self.expectation_results)
        return {verdict: counted[verdict] for verdict in ("passed", "failed", "unresolved")}


def make_page(
    folder: RunFolder,
    plan: Plan,
    rows: Sequence[Row],
    views: Sequence[tuple[str, str, TableView]],
    catalog: Catalog,
    calls: PluginCalls,
    headline: Headline | None = None,
    baseline: Baseline | None = None,
    *,
    examples: bool = True,
) -> Page:
    """Gather the page of a run.

    Args:
        folder: the run.
        plan: what was planned.
        rows: all rows of the run, whose reasons can be shown.
        views: (name, question, view) of each experiment.
        catalog: the plugins, which may add sections and redact texts.
        calls: calls them.
        headline: stands first.
        baseline: what differs from another run stands next.
        examples: whether it may show single examples, as sections, pictures and logs do. A run without examples has
            none to show, and pictures of its rows alone.
    """
    about = folder.about_if_whole()
    has_examples = about.get("examples", True)
    redact = Redactor(catalog, calls)
    facts: Mapping[str, Any] = about.get("provenance") or {}
    cells = [row for row in rows if not row.derived]
    counted = Counter(str(row.status) for row in cells)
    severity = {"failed": 0, "unresolved": 1, "passed": 2}
    sections, warnings = _sections(folder, cells, catalog, calls, examples=examples and has_examples)
    return Page(
        suite=plan.suite,
        about=plan.about,
        run=folder.run_id,
        date=_date(about.get("started", "")),
        statuses={str(status): counted[str(status)] for status in Status if counted[str(status)]},
        n_derived=len(rows) - len(cells),
        expectation_results=tuple(sorted(check_expectations(plan, rows), key=lambda result: severity[result.verdict])),
        environment=tuple(_environment(facts)),
        tables=tuple(make_table(name, question, view) for name, question, view in views),
        costs=make_cost_table(model_costs(rows)),
        curves=tuple(_pictures(folder.path)) if examples or not has_examples else (),
        sections=tuple(sections),
        failures=tuple(
            _failure(folder, row, redact, examples=examples and has_examples)
            for row in rows
            if row.status is not Status.OK
        ),
        headline=headline.sentences if headline else (),
        headline_table=make_headline_table(headline) if headline else None,
        baseline=baseline,
        warnings=tuple(warnings),
        provenance={**dict(_provenance(about, facts)), **_certificate(folder)},
        packages=facts.get("packages") or {},
    )


def render(page: Page) -> str:
    """The page as HTML."""
    return render_template("report.html.j2", (section.style for section in page.sections), page=page)


def _sections(
    folder: RunFolder, rows: Sequence[Row], catalog: Catalog, calls: PluginCalls, *, examples: bool
) -> tuple[list[FilledSection], list[str]]:
    """Return the sections of plugins, then one of pictures that they do not show, and a warning for each failure."""
    sections: list[FilledSection] = []
    warnings = []
    cells = [
        MeasuredCell(row, "", partial(read_records, path, row.protocol), path)
        for row in rows
        if row.n is not None and (path := folder.cell(row.cell)).is_dir()
    ]
    for plugin, _ in catalog.implementations(HOOK):
        added = calls.sections(plugin, cells, examples=examples)
        if isinstance(added, Fault):
            warnings.append(f"plugin {plugin!r} adds nothing to the page: {HOOK}: {added.reason}")
        else:
            sections += added
    shown = frozenset[str]().union(*(section.cells for section in sections))
    rest = [cell for cell in cells if cell.row.cell not in shown]
    pictures = filled("pictures", picture_section("Pictures", rest), Redactor(catalog, calls), examples=examples)
    return [*sections, *pictures], warnings


def _date(started: str) -> str:
    try:
        return f"{datetime.fromisoformat(started):%-d %B %Y, %H:%M} UTC"
    except ValueError:
        return started


def _environment(facts: Mapping[str, Any]) -> Iterator[str]:
    where = facts.get("accelerator") or facts.get("processor")
    device = facts.get("device", "")
    yield f"{device} ({where})" if where else str(device)
    threads = facts.get("threads")
    if threads:
        yield f"{threads} thread{'s' if threads != 1 else ''}"
    for name in ("harness", "torch"):
        if facts.get(name):
            yield f"{name} {facts[name]}"


def _pictures(folder: Path) -> Iterator[Picture]:
    for path in sorted(folder.glob("*.png")):
        uri = _svg_uri(path.with_suffix(".svg"))
        if not uri and (content := read_png(path)) is not None:
            uri = data_uri(content)
        if uri:
            yield Picture(path.name, path.stem.replace("-", " ").replace("_", " "), uri)


def _svg_uri(path: Path) -> str:
    """An SVG as the source of an image, in which a browser runs no script and loads nothing; empty if there is none."""
    content = read_plain(path) if path.is_file() and path.stat().st_size <= _MOST_SVG_BYTES else b""
    is_svg = content.lstrip().startswith((b"<?xml", b"<svg")) and b"<svg" in content
    return "data:image/svg+xml;base64," + base64.b64encode(content).decode("ascii") if is_svg else ""


def _failure(folder: RunFolder, row: Row, redact: Redactor, *, examples: bool) -> Failure:
    path = folder.cell(row.cell) / LOG
    log = ""
    if examples and row.cell and path.is_file():
        log = "\n".join(read_plain(path).decode(errors="replace").splitlines()[-LOG_LINES:])
    return Failure(f"{row.experiment}: {cell_title(row)}", str(row.status), row.reason, redact(log))


def _provenance(about: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The facts of run.json as text, what is known of the run first."""
    for name in ("run", "started", "ended", "status", "exit_code"):
        if about.get(name) is not None:
            yield name.replace("_", " "), str(about[name])
    for name in dict.fromkeys([*_FACTS_FIRST, *facts]):
        value = facts.get(name)
        if name == "packages" or value in (None, "", {}, []):
            continue
        yield name.replace("_", " "), _fact(name, value)


def _certificate(folder: RunFolder) -> dict[str, str]:
    text = certificate_text(folder)
    return {"certificate": text} if text else {}


def _fact(name: str, value: Any) -> str:
    if name == "git" and isinstance(value, Mapping):
        return f"{value.get('commit', '')}{' with changes' if value.get('dirty') else ''}"
    if name == "argv" and isinstance(value, list):
        return shlex.join(str(each) for each in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
