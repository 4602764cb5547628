"""Example questions and answers for the page of a run: of every cell the first wrong and the first right ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.api import MeasuredCell, Section, cell_title

PER_OUTCOME = 2
"""How many wrong and how many other answers of a cell are shown at most."""
MAX_CHARACTERS = 1_500
"""Of a prompt, whose end is shown, and of an answer, whose beginning is."""
MAX_CELLS = 100
_COLUMNS = ("id", "prompt", "answer", "expected", "correct")
_TEMPLATE = """
  <p>Of every cell the first wrong and the first other answers, each under its prompt.</p>
  {% for transcript in transcripts %}
  <details{% if loop.first %} open{% endif %}>
    <summary><b>{{ transcript.title }}</b></summary>
    {% for answer in transcript.answers %}
    <article>
      <p class="soft">{{ answer.id }}{{ {true: ' · right', false: ' · wrong'}.get(answer.correct, '') }}</p>
      <pre>{{ answer.prompt }}<b>{{ answer.answer }}</b></pre>
      {% if answer.expected is not none and not answer.correct %}<p class="soft">expected: {{ answer.expected }}</p>{% endif %}
    </article>
    {% endfor %}
  </details>
  {% endfor %}
  {% if left_out %}<p class="soft">{{ left_out }} more cells have answers; they stand in their records.</p>{% endif %}
"""  # noqa: E501


@dataclass(frozen=True)
class Transcript:
    """Example answers of one cell: records, as they are stored, with long texts cut."""

    title: str
    answers: tuple[dict[str, Any], ...]


def sections(cells: Sequence[MeasuredCell]) -> Iterator[Section]:
    """The section of the page, if any cell has answers."""
    answering = [cell for cell in cells if _has_answers(cell)]
    transcripts = [_transcript(cell) for cell in answering[:MAX_CELLS]]
    if transcripts:
        left_out = len(answering) - len(transcripts)
        yield Section("Transcripts", _TEMPLATE, {"transcripts": transcripts, "left_out": left_out})


def _has_answers(cell: MeasuredCell) -> bool:
    """Whether the records have the columns of questions and answers, whatever the task is called."""
    import pyarrow.parquet as pq

    # Of a file only the end is read, since other tasks may have large records.
    files = [] if cell.folder is None else list(cell.folder.glob("*.parquet"))
    names = pq.read_schema(files[0]).names if files else cell.records().table.column_names
    return set(_COLUMNS) <= set(names)


def _transcript(cell: MeasuredCell) -> Transcript:
    records = cell.records()
    is_wrong = records.floats("correct") == 0
    rows = [*np.flatnonzero(is_wrong)[:PER_OUTCOME], *np.flatnonzero(~is_wrong)[:PER_OUTCOME]]
    answers = records.table.select(_COLUMNS).take(rows).to_pylist()
    cut = ({"prompt": row["prompt"][-MAX_CHARACTERS:], "answer": row["answer"][:MAX_CHARACTERS]} for row in answers)
    return Transcript(cell_title(cell.row), tuple({**row, **short} for row, short in zip(answers, cut, strict=True)))
