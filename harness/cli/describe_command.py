"""`harness describe NAME`."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence

import click
from tabulate import tabulate

from harness.cli import Session
from harness.cli.streams import echo, styled
from harness.contract.errors import UsageError
from harness.plugins import Entry
from harness.signatures import Parameter, Signature, SignatureReader
from harness.suite.parameters import wording

_MAX_CHOICES_INLINE = 8


@click.command("describe")
@click.argument("name")
@click.argument("variant", required=False)
@click.pass_obj
def command(session: Session, name: str, variant: str | None) -> None:
    """Show component NAME: what it is, its parameters, and how a suite asks for it.

    VARIANT chooses among components with variants, e.g. harness describe torchattacks Square.
    """
    catalog = session.catalog()
    entries = catalog.named(name)
    if not entries:
        names = sorted({entry.component.name for entry in catalog.entries.values()})
        close = difflib.get_close_matches(name, names, 1)
        hint = f"; did you mean {close[0]!r}?" if close else "; see harness list"
        raise UsageError(
            "\n".join([f"there is no component named {name!r}{hint}", *(f"  {f}" for f in catalog.failures)])
        )
    reader = SignatureReader()
    for entry in entries:
        _show(entry, reader.read(entry.component), variant)


def _show(entry: Entry, signature: Signature, variant: str | None) -> None:
    component = entry.component
    echo(styled(f"{component.kind} {entry.qualified_name}", bold=True), nl=False)
    echo(f"  version {component.version}, from {entry.source}\n{entry.summary}")
    if variant is not None and variant not in signature.variants:
        choices = f"one of {', '.join(signature.variants)}" if signature.variants else "none"
        raise UsageError(f"{component.name} has no variant {variant!r}; known: {choices}")
    if rest := signature.doc.removeprefix(entry.summary).strip():
        echo(f"\n{rest}")
    chosen = signature.variants.get(variant) if variant else None
    if chosen and chosen.doc:
        echo(f"\n{variant}: {chosen.doc}")
    parameters = (*signature.parameters, *(chosen.parameters if chosen else ()))
    if parameters:
        echo(f"\n{_parameter_table(parameters)}")
    if signature.variants and not variant:
        names = click.wrap_text(", ".join(signature.variants), 100, "  ", "  ")
        echo(f"\n{signature.varies_with}, each with parameters of its own:\n{names}")
        echo(f"See, for instance: harness describe {component.name} {next(iter(signature.variants))}")
    for role, needs in signature.needs.items():
        echo(f"\nneeds of its {role}: {needs.protocol} ({', '.join(needs.members)})")
    facts = {"tasks": sorted(component.tasks), "requires": component.requires, "see": component.references}
    for what, values in facts.items():
        if values:
            echo(f"{what}: {'; '.join(values)}")
    if component.kind not in ("task", "executor"):
        choice = {signature.varies_with: variant} if variant else {}
        echo(f"\nin a suite:  {example_of(component.name, parameters, choice)}")


def rows_of(parameters: Sequence[Parameter]) -> list[list[str]]:
    """Of each parameter its name, what it takes, its default and what it means."""
    return [
        [
            p.name,
            _component(p) if p.component else _values(p),
            "required" if p.required else _default(p.default),
            p.doc,
        ]
        for p in parameters
    ]


def _parameter_table(parameters: Sequence[Parameter]) -> str:
    return str(
        tabulate(
            rows_of(parameters),
            ["parameter", "value", "default", "meaning"],
            tablefmt="simple",
            disable_numparse=True,
            maxcolwidths=[None, 32, 16, 60],
        )
    )


def _component(parameter: Parameter) -> str:
    if parameter.several:
        return f"{parameter.component}s"
    return f"{'an' if str(parameter.component)[0] in 'aeiou' else 'a'} {parameter.component}"


def _values(parameter: Parameter) -> str:
    choices = parameter.schema.get("enum", ())
    return f"one of {len(choices)}, below" if len(choices) > _MAX_CHOICES_INLINE else wording(parameter.schema)


def _default(value: object) -> str:
    """Return a default value as YAML writes it."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return json.dumps(value) if isinstance(value, bool | list | dict | None) else str(value)


def example_of(name: str, parameters: Sequence[Parameter], chosen: Mapping[str, str]) -> str:
    """How a suite asks for a component: the required parameters, and what was chosen."""
    values = {p.name: "..." for p in parameters if p.required} | dict(chosen)
    inner = ", ".join(f"{name}: {value}" for name, value in values.items())
    return f"{{use: {name}{f', with: {{{inner}}}' if inner else ''}}}"
