"""Declarations of a plugin: components, their parameters, and the hooks."""

from harness.contract.cells import Cell, Use
from harness.contract.components import Component, Declarations, Kind
from harness.contract.context import Context
from harness.contract.errors import HarnessError, InvalidOutput, MissingData, NotApplicable, UsageError
from harness.contract.parameters import ComponentOf, FormerSpelling, ImportPath, Location, Uncounted, Variants
from harness.hooks import hookimpl

__all__ = [
    "Cell",
    "Component",
    "ComponentOf",
    "Context",
    "Declarations",
    "FormerSpelling",
    "HarnessError",
    "ImportPath",
    "InvalidOutput",
    "Kind",
    "Location",
    "MissingData",
    "NotApplicable",
    "Uncounted",
    "UsageError",
    "Use",
    "Variants",
    "hookimpl",
]
