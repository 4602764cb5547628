"""Sections that plugins add to the page of a run: their hooks are called and their templates filled in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from harness.contract.errors import InvalidOutput
from harness.contract.pages import TEMPLATES, Section
from harness.contract.rows import MeasuredCell
from harness.escaping import html_value
from harness.isolation import Fault
from harness.plugins import Catalog
from harness.scoring.redaction import Redactor, RedactorHere

HOOK = "harness_page_sections"
_PICTURE = "data:image/png;base64,"


@dataclass(frozen=True)
class FilledSection:
    """A section of a plugin whose template is filled in."""

    anchor: str
    title: str
    html: str
    style: str
    cells: frozenset[str]


def sections_of(
    plugin: str, cells: Sequence[MeasuredCell], catalog: Catalog, *, examples: bool
) -> list[FilledSection] | Fault:
    """Return the sections that a plugin makes of cells. Raises what its iterator raises, and InvalidOutput."""
    (call,) = (call for name, call in catalog.implementations(HOOK) if name == plugin)
    answer = call(cells=cells)
    redact = Redactor(catalog, RedactorHere(catalog))
    return answer if isinstance(answer, Fault) else filled(plugin, answer, redact, examples=examples)


def filled(plugin: str, sections: Iterable[Section], redact: Redactor, *, examples: bool) -> list[FilledSection]:
    """The sections of a plugin with their templates filled in; templates may not mark anything as safe.

    Args:
        plugin: its name.
        sections: what it yields.
        redact: says what is shown instead of a text.
        examples: whether sections that show single examples have a place.
    """
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(undefined=StrictUndefined, finalize=partial(_redacted, redact), **TEMPLATES)
    del environment.filters["safe"]
    done = []
    for number, section in enumerate(sections):
        if not isinstance(section, Section):
            raise InvalidOutput(f"it must yield Section objects, not {type(section).__name__}")
        if section.shows_examples and not examples:
            continue
        if "<" in section.style:
            raise InvalidOutput(f"the style of section {section.title!r} contains '<'; it is CSS without tags")
        html = environment.from_string(section.template).render(section.values)
        anchor = f"{plugin}-{number}"
        done.append(FilledSection(anchor, section.title, html, section.style, frozenset(section.cells)))
    return done


def _redacted(redact: Redactor, value: Any) -> Any:
    is_text = type(value) is str and not value.startswith(_PICTURE)
    return html_value(redact(value) if is_text else value)
