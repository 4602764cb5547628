"""harness: one benchmark harness for the ways in which neural networks fail.

import harness

run = harness.run("robustness", device="cpu")
run.table                                            # a pandas DataFrame
run.records(run.row(model="linear", attack="pgd-linf eps=0.1"))
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from harness.version import __version__ as __version__

if TYPE_CHECKING:
    from harness.library import Run, open_run, run

__all__ = ["Run", "open_run", "run"]


def __getattr__(name: str) -> Any:
    # The library imports torch and more, which `harness --help` can spare.
    if name in __all__:
        from harness import library

        return getattr(library, name)
    raise AttributeError(f"module 'harness' has no attribute {name!r}")


class _Package(ModuleType):
    """This package, whose attribute `run` is the function of that name, also once the room `harness.run` is imported.

    Importing a submodule sets an attribute of its package, which would hide the function from the second call on.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name not in __all__ or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
