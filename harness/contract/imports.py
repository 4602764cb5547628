"""Code that a suite names as "package.module:attribute", and where it may come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ImportRights:
    """Where code that a suite names may come from; part of no key.

    Attributes:
        folders: where modules are looked up first: the folder of the suite, then those of plugins.
        packages: of plugins.
        anywhere: whether any other package may be imported, which only the user can allow.
    """

    folders: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    anywhere: bool = False

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> ImportRights:
        """The inverse of `dataclasses.asdict`."""
        return cls(tuple(raw["folders"]), tuple(raw["packages"]), raw["anywhere"])


NO_RIGHTS = ImportRights()


class NamedCode(str):
    """The text of an import path as a component receives it, with what the suite may import."""

    __slots__ = ("rights",)
    rights: ImportRights

    def __new__(cls, text: str, rights: ImportRights) -> NamedCode:
        named = super().__new__(cls, text)
        named.rights = rights
        return named
