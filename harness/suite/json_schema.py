"""The JSON Schema of suite files: completion and checks in editors, from the same sources as our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.contract.cells import TREATMENTS
from harness.contract.components import Kind
from harness.contract.errors import HarnessError
from harness.plugins import Catalog, Entry
from harness.signatures import Parameter, Signature, SignatureReader
from harness.suite.schema import Experiment, SuiteHead

_KIND_OF_KEY: dict[str, Kind] = {
    "data": "dataset",
    "models": "model",
    "attacks": "attack",
    "samplers": "sampler",
    "attributions": "attribution",
    "metrics": "metric",
    "aggregates": "aggregate",
    "reports": "reporter",
}
_FRACTION = {"description": "A budget such as 8/255.", "type": "string", "pattern": r"^[-+0-9.eE]+\s*/\s*[0-9.]+$"}


def suite_schema(catalog: Catalog, signatures: SignatureReader, packages: set[str] | None = None) -> dict[str, Any]:
    """The schema of a suite with the components of the catalog.

    Args:
        catalog: what is installed.
        signatures: reads parameters.
        packages: only components of these packages; None for all.
    """
    head, experiment = SuiteHead.model_json_schema(by_alias=True), Experiment.model_json_schema(by_alias=True)
    definitions = {**head.pop("$defs", {}), **experiment.pop("$defs", {})}
    properties = {**experiment["properties"], **head["properties"]}
    for key, kind in _KIND_OF_KEY.items():
        base = {"models": "ModelEntry", "data": "DataEntry"}.get(key, "UseEntry")
        definitions[kind] = _entry_schema(kind, base, catalog, signatures, packages)
        properties[key]["items"] = {"$ref": f"#/$defs/{kind}"}
    properties["data"] = {
        "anyOf": [properties["data"], {"$ref": "#/$defs/dataset"}],
        "description": properties["data"]["description"],
    }
    headline = definitions["HeadlineEntry"]["properties"]
    headline["rows"] = {"anyOf": [headline["rows"], headline["rows"]["items"]]}
    definitions["extractor"] = _entry_schema("extractor", "ModelEntry", catalog, signatures, packages)
    definitions["task"] = _entry_schema("task", "TaskEntry", catalog, signatures, packages)
    properties["task"] = {"$ref": "#/$defs/task", "description": properties["task"]["description"]}
    of_experiment = {key: value for key, value in properties.items() if key in Experiment.model_fields}
    properties["experiments"]["items"] = {"type": "object", "properties": of_experiment, "additionalProperties": False}
    definitions["ModelEntry"]["properties"]["trained_on"] = {"$ref": "#/$defs/dataset"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "harness suite",
        "description": "What to measure: every combination of data, models, treatments and seeds is a cell.",
        "type": "object",
        "required": ["suite"],
        "properties": dict(sorted(properties.items())),
        "additionalProperties": False,
        "$defs": dict(sorted((definitions | {"fraction": _FRACTION}).items())),
    }


def _entry_schema(
    kind: Kind, base: str, catalog: Catalog, signatures: SignatureReader, packages: set[str] | None
) -> dict[str, Any]:
    entries = [e for e in catalog.of_kind(kind) if packages is None or e.package in packages]
    names = [{"const": e.component.name, "description": e.summary} for e in entries]
    if kind in TREATMENTS:
        names.insert(0, {"const": "none", "description": f"Without {kind}."})
    name = {"anyOf": [*names, {"type": "string"}]}
    rules = [rule for e in entries if (rule := _parameter_rule(e, signatures)) is not None]
    entry: dict[str, Any] = {"$ref": f"#/$defs/{base}", "properties": {"use": name}, "required": ["use"]}
    return {"anyOf": [name, entry | {"allOf": rules} if rules else entry]}


def _parameter_rule(entry: Entry, signatures: SignatureReader) -> dict[str, Any] | None:
    """If `use` is this component, then `with` takes these parameters."""
    try:
        signature = signatures.read(entry.component)
    except HarnessError:
        return None
    chosen = {"properties": {"use": {"const": entry.component.name}}, "required": ["use"]}
    given = _parameters_schema(signature.parameters, closed=not signature.variants)
    if signature.variants:
        given["allOf"] = [
            {
                "if": {"properties": {signature.varies_with: {"const": choice}}, "required": [signature.varies_with]},
                "then": _parameters_schema((*signature.parameters, *variant.parameters), closed=True),
            }
            for choice, variant in signature.variants.items()
        ]
    named = _named_parameters(signature)
    drawn = {"properties": {"from": named}}
    return {"if": chosen, "then": {"properties": {"with": given, "sweep": named, "draws": drawn}}}


def _parameters_schema(parameters: tuple[Parameter, ...], *, closed: bool) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": {p.name: _value_schema(p) for p in parameters}}
    return {**schema, "additionalProperties": False} if closed else schema


def _value_schema(parameter: Parameter) -> dict[str, Any]:
    about = {"description": parameter.doc} if parameter.doc else {}
    default = {} if parameter.required else {"default": parameter.default}
    if parameter.component:
        one = {"$ref": f"#/$defs/{parameter.component}"}
        return ({"anyOf": [{"type": "array", "items": one, "minItems": 1}, one]} if parameter.several else one) | about
    return {**_with_fractions(parameter.schema), **about, **default}


def _with_fractions(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema that takes a fraction wherever it takes a number, in lists as well."""
    parts = [dict(part) for part in schema.get("anyOf", [schema])]
    for part in parts:
        if isinstance(part.get("items"), dict):
            part["items"] = _with_fractions(part["items"])
    if any(part.get("type") == "number" for part in parts):
        parts.append({"$ref": "#/$defs/fraction"})
    others = {name: value for name, value in schema.items() if name != "anyOf"} if "anyOf" in schema else {}
    return {**others, "anyOf": parts} if len(parts) > 1 or "anyOf" in schema else parts[0]


def _named_parameters(signature: Signature) -> dict[str, Any]:
    parameters = {p.name: p for p in signature.parameters}
    for variant in signature.variants.values():
        parameters |= {p.name: p for p in variant.parameters}
    return {"type": "object", "propertyNames": {"enum": sorted(parameters)}}
