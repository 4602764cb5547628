"""A page for each kind of component: all of the kind, with parameters, needs and sources, and as a suite names them."""

from __future__ import annotations

from collections.abc import Iterator

from harness.cli.describe_command import example_of, rows_of
from harness.cli.reference_pages import markdown as md
from harness.contract.components import KINDS
from harness.contract.errors import HarnessError
from harness.plugins import Catalog, Entry
from harness.signatures import Signature, SignatureReader

_HEADING = ("parameter", "value", "default", "meaning")
_VARIANTS_SHOWN = 60


def component_pages(catalog: Catalog) -> Iterator[tuple[str, str]]:
    """The name and the content of the page of each kind that has components."""
    reader = SignatureReader()
    for kind in KINDS:
        entries = catalog.of_kind(kind)
        if entries:
            listed = md.table(["name", "what it is"], [[_link(entry), md.text(entry.summary)] for entry in entries])
            sections = [_section(entry, _signature(entry, reader)) for entry in entries]
            lead = f"What plugins offer as `{kind}`; `harness list {kind}` prints the list for your installation."
            yield f"{kind}s", md.page(f"{kind.capitalize()}s", lead, listed, *sections)


def _signature(entry: Entry, reader: SignatureReader) -> Signature:
    """The signature; where what the component requires is not installed, what to do instead of its parameters."""
    try:
        return reader.read(entry.component)
    except HarnessError as error:
        return Signature(f"{entry.summary}\n\nIts parameters can be read where it can be imported: {error}")


def _link(entry: Entry) -> str:
    return f"[`{entry.component.name}`](#{_anchor(entry)})"


def _anchor(entry: Entry) -> str:
    return f"{entry.component.kind}-{entry.component.name}".replace("_", "-")


def _section(entry: Entry, signature: Signature) -> str:
    component = entry.component
    rest = signature.doc.removeprefix(entry.summary).strip()
    parameters = [[md.code(name), md.text(value), md.text(default), md.text(doc)] for name, value, default, doc in
                  rows_of(signature.parameters)]  # fmt: skip
    parts = [
        f"({_anchor(entry)})=\n## `{component.name}`",
        md.text(entry.summary),
        md.prose(rest),
        md.table(_HEADING, parameters) if parameters else "",
        _variants(component.name, signature),
        "\n".join(f"- {fact}" for fact in _facts(entry, signature)),
    ]
    if component.kind not in ("task", "executor"):
        parts.append(md.block("yaml", example_of(component.name, signature.parameters, {})))
    return "\n\n".join(filter(None, parts))


def _variants(name: str, signature: Signature) -> str:
    if not signature.variants:
        return ""
    chosen = ", ".join(md.code(variant) for variant in list(signature.variants)[:_VARIANTS_SHOWN])
    return (
        f"`{signature.varies_with}` is one of {chosen}; each has parameters of its own: `harness describe {name} NAME`."
    )


def _facts(entry: Entry, signature: Signature) -> Iterator[str]:
    component = entry.component
    for role, needs in signature.needs.items():
        yield f"needs of its {role}: {needs.protocol} ({', '.join(map(md.code, needs.members))})"
    if component.tasks:
        yield f"tasks: {', '.join(map(md.code, sorted(component.tasks)))}"
    if component.requires:
        yield f"requires: {', '.join(map(md.code, component.requires))}"
    if signature.columns:
        what = "columns of its records" if component.kind == "task" else "reads the columns"
        yield f"{what}: {', '.join(map(md.code, signature.columns))}"
    if component.references:
        yield f"source: {md.text('; '.join(component.references))}"
    yield f"from `{entry.package}`, version {component.version}"
