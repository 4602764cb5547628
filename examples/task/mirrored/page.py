"""The section of the task on the page of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.api import MeasuredCell, Section, cell_title, data_uri, pixels, png

_TEMPLATE = """
{% for title, images in shown %}
<h3>{{ title }}</h3>
<div class="pictures">
{% for image in images %}<figure class="paper"><img src="{{ image }}" alt="{{ title }}"></figure>{% endfor %}
</div>
{% endfor %}
"""


def section(cells: Sequence[MeasuredCell]) -> Iterator[Section]:
    """The images of every cell of this task whose mirror image was given another class."""
    shown = []
    for cell in cells:
        if cell.row.task == "mirrored/mirrored" and cell.row.n:
            images = cell.records().artifact("changed")
            shown.append((cell_title(cell.row), [data_uri(png(pixels(image, 0.0, 1.0))) for image in images]))
    if shown:
        yield Section("Given another class by a mirror", _TEMPLATE, {"shown": shown})
