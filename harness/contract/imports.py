"""What a suite may have run: code that it names as "package.module:attribute", and files that run code when loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PosixPath
from typing import Any


@dataclass(frozen=True, slots=True)
class ImportRights:
    """Where code that a suite names may come from; part of no key. A suite grants itself none of it.

    Attributes:
        folders: where modules are looked up first: the folder of the suite, then those of plugins.
        packages: of plugins.
        anywhere: whether any other package may be imported, which only the user can allow.
        trusted: files that may run code when they are loaded, such as pickles, which only the user can allow.
    """

    folders: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    anywhere: bool = False
    trusted: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> ImportRights:
        """The inverse of `dataclasses.asdict`."""
        return cls(tuple(raw["folders"]), tuple(raw["packages"]), raw["anywhere"], tuple(raw.get("trusted", ())))


NO_RIGHTS = ImportRights()


class NamedCode(str):
    """The text of an import path as a component receives it, with what the suite may import."""

    __slots__ = ("rights",)
    rights: ImportRights

    def __new__(cls, text: str, rights: ImportRights) -> NamedCode:
        named = super().__new__(cls, text)
        named.rights = rights
        return named


class TrustedPath(PosixPath):
    """The path of a file that the user trusts to run code when it is loaded (`--trust`)."""


def is_trusted(path: Path) -> bool:
    """Whether the user trusts a file to run code when it is loaded; a component that is given its path may then."""
    return isinstance(path, TrustedPath)
