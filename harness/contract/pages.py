"""Sections that plugins add to the page of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

TEMPLATES: Mapping[str, Any] = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
"""How the templates of pages are read: everything is escaped."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page of a run: a template, and the values that are put into it.

    The page escapes every value, runs no script but its own and loads nothing, so a picture is a `data_uri`. What the
    page has a look for: `figure`, `table`, `details` and `pre`, and the classes `soft`, `paper` and `pictures`.

    Attributes:
        title: its heading, also in the list of sections at the top.
        template: its content as a Jinja template.
        values: what stands for the names in the template.
        style: CSS for classes of its own.
        cells: the ids of cells whose pictures it shows, so that the page does not show them once more.
        shows_examples: whether it may show inputs or outputs of single examples; then `--no-examples` leaves it out.
    """

    title: str
    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    style: str = ""
    cells: Collection[str] = ()
    shows_examples: bool = True
