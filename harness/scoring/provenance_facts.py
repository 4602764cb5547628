"""Facts that plugins add to the provenance of a run, as JSON of a bounded size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.contract.errors import InvalidOutput
from harness.contract.plain import plain_document
from harness.isolation import Fault
from harness.plugins import Catalog

HOOK = "harness_provenance"
_MAX_CHARACTERS = 1_000_000


def facts_of(plugin: str, catalog: Catalog) -> Mapping[str, Any] | Fault:
    """Return the facts of a plugin. Raises what its mapping raises, and InvalidOutput for what JSON cannot hold."""
    (call,) = (call for name, call in catalog.implementations(HOOK) if name == plugin)
    answer = call()
    if isinstance(answer, Fault):
        return answer
    if not isinstance(answer, Mapping):
        raise InvalidOutput(f"it must return a mapping, not {type(answer).__name__}")
    try:
        text = json.dumps(plain_document(answer, "its answer"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidOutput(f"what it returned cannot stand in JSON: {error}") from error
    if len(text) > _MAX_CHARACTERS:
        raise InvalidOutput(f"its facts have {len(text):,} characters as JSON, more than {_MAX_CHARACTERS:,}")
    facts: Mapping[str, Any] = json.loads(text)
    return facts
