"""Importing the class or function that a suite names, if it makes networks and comes from where it may."""

from __future__ import annotations

import importlib
import inspect
import sys
import typing
from collections.abc import Callable
from functools import partial
from typing import Any

from typing_extensions import is_protocol

from harness.code_folders import find_module, make_importable, name_taken_by, spec_in
from harness.contract.errors import HarnessError
from harness.contract.imports import ImportRights, NamedCode

CORE = "harness"
NETWORKS = "torch"
"""The library whose modules a suite may name without being allowed to."""
REMEDY = "put its file beside the suite or into a plugin, or allow the import with --allow-imports"


def import_named(path: str, within: str = "") -> Callable[..., Any]:
    """The subclass of `torch.nn.Module`, or the function that makes one, that a parameter marked `ImportPath` names.

    Code that a suite names comes from its own folder or from plugins, or is a class of torch; more if the user allows
    it. Code that a caller in Python names may come from anywhere.

    Args:
        path: "package.module:attribute", as the component received it.
        within: the module that a name without a module is looked up in.

    Raises:
        HarnessError: it cannot be imported, may not be, or makes no torch module.
    """
    target, rights = _imported(path, within)
    if reason := _why_no_network(target) or _why_foreign(target, rights):
        raise HarnessError(f"{str(path)!r} {reason}")
    made: Callable[..., Any] = target
    return made


def import_function(path: str) -> Callable[..., Any]:
    """The function that a parameter marked `ImportPath` names, whatever it returns; else as `import_named`.

    Raises:
        HarnessError: it cannot be imported, may not be, or cannot be called.
    """
    target, rights = _imported(path)
    if not callable(target):
        raise HarnessError(f"{str(path)!r} is a {type(target).__name__}, not a function")
    if reason := _why_foreign(target, rights):
        raise HarnessError(f"{str(path)!r} {reason}")
    function: Callable[..., Any] = target
    return function


def _imported(path: str, within: str = "") -> tuple[Any, ImportRights | None]:
    """What is named, and what the suite that names it may import; None where no suite does, or it names no module."""
    module, _, attribute = path.rpartition(":")
    rights = path.rights if isinstance(path, NamedCode) else None
    if module and rights is not None:
        if reason := why_not_allowed(path, rights):
            raise HarnessError(f"{str(path)!r} {reason}")
        make_importable(rights.folders)
        if taken_by := name_taken_by(rights.folders, module.partition(".")[0]):
            raise HarnessError(f"{str(path)!r} cannot be imported: its name is taken by {taken_by}; rename the file")
    if not (module or within):
        raise HarnessError(f'{str(path)!r} must be written as "package.module:attribute"')
    try:
        target = getattr(importlib.import_module(module or within), attribute)  # keyed: as an import path
    except (ImportError, AttributeError) as error:
        hint = "" if module else f'; another than one of {within} is named as "package.module:attribute"'
        raise HarnessError(f"{str(path)!r} cannot be imported: {type(error).__name__}: {error}{hint}") from error
    return target, rights if module else None


def is_import_path(text: str) -> bool:
    """Whether a text has the form "package.module:attribute"."""
    module, colon, attribute = text.rpartition(":")
    return bool(colon) and attribute.isidentifier() and all(part.isidentifier() for part in module.split("."))


def why_not_allowed(path: str, rights: ImportRights) -> str:
    """Return why a suite may not import a module, before anything is imported; empty if it may."""
    if not is_import_path(path):
        return 'must be an import path, written "package.module:attribute"'
    module = path.rpartition(":")[0]
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return f"names code of Python's own module {top!r}, which makes no networks; name a class beside the suite"
    if top == CORE:
        return "names code of the core, which makes no networks; name a class beside the suite"
    if top == NETWORKS or _is_granted(top, rights) or rights.anywhere:
        return ""
    beside = rights.folders[0] if rights.folders else "that of no file"
    if find_module((), top) is None:
        return (
            f"names the package {top!r}, which is neither in the suite's folder ({beside}) nor a plugin, nor installed"
        )
    return f"names the package {top!r}, which is neither in the suite's folder ({beside}) nor a plugin; {REMEDY}"


def _is_granted(top: str, rights: ImportRights) -> bool:
    return top in rights.packages or spec_in(rights.folders, top) is not None


def _why_no_network(target: Any) -> str:
    """Return why calling this makes no torch module, as far as it can be told without calling it."""
    from torch import nn

    if inspect.isclass(target):
        is_factory = issubclass(target, nn.Module) or target.__new__ is not object.__new__
        return "" if is_factory else f"is the class {target.__name__}, no subclass of torch.nn.Module"
    if not callable(target):
        return f"is a {type(target).__name__}; a subclass of torch.nn.Module is needed, or a function that makes one"
    made = _annotated(target)
    if made is None or (inspect.isclass(made) and not (issubclass(made, nn.Module) or _may_be_module(made))):
        return f"is a function that makes no torch module; it says that it gives {getattr(made, '__name__', made)}"
    return ""


def _annotated(function: Any) -> Any:
    """What a function says that it returns; `Any` where it does not say, or in a way that cannot be read."""
    function = function.func if isinstance(function, partial) else function
    try:
        return typing.get_type_hints(function).get("return", Any)
    except (NameError, TypeError, AttributeError):
        return Any


def _may_be_module(made: type) -> bool:
    from torch import nn

    return made in (Any, object) or is_protocol(made) or issubclass(nn.Module, made)


def _why_foreign(target: Any, rights: ImportRights | None) -> str:
    """Return why a suite may not have this called, by where it is defined; empty if it may, or if no suite names it."""
    from torch import nn

    if rights is None:
        return ""
    if inspect.isclass(target) and issubclass(target, nn.Module):
        return ""
    home = _home(target)
    top = home.partition(".")[0]
    never = top in sys.stdlib_module_names or top in (CORE, NETWORKS)
    if not never and (rights.anywhere or _is_granted(top, rights)):
        return ""
    return (
        f"is a function of {home or 'an unknown module'}; functions must be defined in the suite's folder or in a "
        "plugin (a class must be a torch.nn.Module)"
    )


def _home(target: Any) -> str:
    """The module that defines a function, the function inside a `partial`, or the class of an object that is called."""
    while isinstance(target, partial):
        target = target.func
    home = getattr(target, "__module__", None) or getattr(type(target), "__module__", "")
    return str(home)
