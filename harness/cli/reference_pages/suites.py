"""The page of the keys of suite files, from their JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.cli.reference_pages import markdown as md

Schema = Mapping[str, Any]


def suites_page(schema: Schema) -> str:
    """All keys of a suite, and those of its entries.

    Args:
        schema: the JSON Schema of suite files.
    """
    entries = {name: entry for name, entry in schema["$defs"].items() if "properties" in entry}
    sections = [
        f"## `{name}`\n\n{md.text(entry.get('description', ''))}\n\n{_keys(entry)}" for name, entry in entries.items()
    ]
    return md.page(
        "Keys of a suite",
        "A suite is a YAML file. An unknown key is an error that names its line and column.",
        _keys(schema),
        *sections,
    )


def _keys(entry: Schema) -> str:
    required = entry.get("required", ())
    rows = [
        [
            md.code(name),
            md.text(_kind(value)),
            "required" if name in required else md.code(json.dumps(value["default"])) if "default" in value else "",
            md.text(value.get("description", "")),
        ]
        for name, value in entry["properties"].items()
    ]
    return md.table(["key", "value", "default", "meaning"], rows)


def _kind(value: Schema) -> str:
    """What a value may be, in a few words."""
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2]
    if "enum" in value:
        return ", ".join(json.dumps(choice) for choice in value["enum"])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in value:
            return " or ".join(dict.fromkeys(filter(None, map(_kind, value[several]))))
    if value.get("type") == "array" and isinstance(value.get("items"), Mapping):
        return f"list of {_kind(value['items'])}"
    kind = value.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
