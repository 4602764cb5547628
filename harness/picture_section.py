"""The PNG files that tasks left beside their records, as a section of the page of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.contract.pages import Section
from harness.contract.rows import MeasuredCell, Row
from harness.png import data_uri, read_png

MAX_PICTURE_BYTES = 6_000_000
"""Number of bytes that the pictures of a section may take."""
_TEMPLATE = """
  {% for title, pictures in shown %}
  <h3>{{ title }}</h3>
  <div class="pictures">
  {% for name, uri in pictures.items() %}
  <figure class="paper"><img src="{{ uri }}" alt="{{ name }} of {{ title }}" loading="lazy"><figcaption>{{ name }}</figcaption></figure>
  {% endfor %}
  </div>
  {% endfor %}
  {% if left_out %}<p class="soft">{{ left_out }} more did not fit into this page; they lie in the artifacts of their cells.</p>{% endif %}
"""  # noqa: E501


def picture_section(
    title: str,
    cells: Sequence[MeasuredCell],
    most_bytes: int = MAX_PICTURE_BYTES,
    captions: Mapping[str, str] | None = None,
) -> Iterator[Section]:
    """The section with the pictures of these cells, which the page then shows nowhere else; none without pictures.

    Args:
        title: of the section.
        cells: whose pictures.
        most_bytes: what all pictures may take.
        captions: file name to caption; pictures that it names come first, in its order. Others follow by name, under
            their name in words.
    """
    words = dict(captions or {})
    order = {name: place for place, name in enumerate(words)}
    left, left_out = most_bytes, 0
    shown: list[tuple[str, dict[str, str]]] = []
    for cell in cells:
        pictures: dict[str, str] = {}
        found = cell.folder.glob("artifacts/*.png") if cell.folder else ()
        for path in sorted(found, key=lambda path: (order.get(path.name, len(order)), path.name)):
            uri = data_uri(content) if (content := read_png(path)) else ""
            if len(uri) > left:
                left_out += 1
            elif uri:
                left -= len(uri)
                pictures[words.get(path.name) or _in_words(path.stem)] = uri
        shown += [(cell_title(cell.row), pictures)] if pictures else []
    if shown:
        values = {"shown": shown, "left_out": left_out}
        yield Section(title, _TEMPLATE, values, cells=frozenset(cell.row.cell for cell in cells))


def _in_words(stem: str) -> str:
    return stem.replace("_", " ").replace("-", " ")


def cell_title(row: Row) -> str:
    """Return the labels of a cell as a title, e.g. "cnn / pgd eps=0.1, seed 1"."""
    labels = " / ".join(label for role, label in row.labels.items() if role != "data") or row.experiment
    return labels + (f", seed {row.seed}" if row.seed else "")
