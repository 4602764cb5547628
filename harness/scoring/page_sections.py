"""Sections that plugins add to the page of a run: their hooks are called and their templates filled in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.contract.errors import InvalidOutput
from harness.contract.pages import TEMPLATES, Section
from harness.contract.rows import MeasuredCell
from harness.isolation import Fault
from harness.plugins import Catalog

HOOK = "harness_page_sections"


@dataclass(frozen=True)
class FilledSection:
    """A section of a plugin whose template is filled in."""

    anchor: str
    title: str
    html: str
    style: str
    cells: frozenset[str]


def sections_of(plugin: str, cells: Sequence[MeasuredCell], catalog: Catalog) -> list[FilledSection] | Fault:
    """Return the sections that a plugin makes of cells. Raises what its iterator raises, and InvalidOutput."""
    (call,) = (call for name, call in catalog.implementations(HOOK) if name == plugin)
    answer = call(cells=cells)
    return answer if isinstance(answer, Fault) else filled(plugin, answer)


def filled(plugin: str, sections: Iterable[Section]) -> list[FilledSection]:
    """The sections of a plugin with their templates filled in; templates may not mark anything as safe."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(undefined=StrictUndefined, **TEMPLATES)
    del environment.filters["safe"]
    done = []
    for number, section in enumerate(sections):
        if not isinstance(section, Section):
            raise InvalidOutput(f"it must yield Section objects, not {type(section).__name__}")
        if "<" in section.style:
            raise InvalidOutput(f"the style of section {section.title!r} contains '<'; it is CSS without tags")
        html = environment.from_string(section.template).render(section.values)
        anchor = f"{plugin}-{number}"
        done.append(FilledSection(anchor, section.title, html, section.style, frozenset(section.cells)))
    return done
