"""BLiMP: pairs of an acceptable and an unacceptable English sentence, 67 paradigms of 1,000 pairs (Warstadt 2020)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import Ge

from harness.api import Examples, Location, NotApplicable, PinnedFile, Uncounted, default_folder, read_pinned
from harness_language.questions.blimp_paradigms import SHA256

_URL = "https://raw.githubusercontent.com/alexwarstadt/blimp/3e56b06fcabca9b30822fc66435fca6b1aa40bb1/data"


def blimp(
    paradigms: Sequence[str] = (),
    per_paradigm: Annotated[int, Ge(1)] | None = None,
    folder: Location | None = None,
    download: Annotated[bool, Uncounted()] = True,
) -> Examples:
    """67 paradigms of minimal pairs of English grammar; the acceptable sentence is the first choice.

    Groups: paradigm, phenomenon and field, as the files name them. In seven pairs of the published files both
    sentences are the same; they stay, and give every model half a credit.

    Args:
        paradigms: the paradigms; by default all 67.
        per_paradigm: only the first pairs of each; by default all 1,000.
        folder: the folder where the .jsonl files lie; by default the user's cache.
        download: fetch those that are not there (29 MB in all).

    Raises:
        NotApplicable: there is no such paradigm.
        MissingData: a file is missing or not the published one.
    """
    unknown = [name for name in paradigms if name not in SHA256]
    if unknown:
        raise NotApplicable(f"BLiMP has no paradigm {unknown[0]!r}; it has {', '.join(SHA256)}")
    source = folder or default_folder("blimp")
    pairs: list[dict[str, Any]] = []
    for name in paradigms or SHA256:
        file = PinnedFile(f"{name}.jsonl", f"{_URL}/{name}.jsonl", (SHA256[name],))
        lines = read_pinned(file, source, download=download).decode().splitlines()
        pairs += [json.loads(line) for line in lines[:per_paradigm]]
    return Examples(
        ids=[f"{pair['UID']}-{int(pair['pairID']):03d}" for pair in pairs],
        columns={
            "choices": [[pair["sentence_good"], pair["sentence_bad"]] for pair in pairs],
            "labels": [0] * len(pairs),
        },
        groups={
            "paradigm": [pair["UID"] for pair in pairs],
            "phenomenon": [pair["linguistics_term"] for pair in pairs],
            # One file writes a slash where the others write an underscore.
            "field": [pair["field"].replace("/", "_") for pair in pairs],
        },
        facts={"source": "BLiMP", "licence": "CC BY 4.0"},
    )
