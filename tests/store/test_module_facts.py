"""What a source says of itself."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest

from harness.store.module_facts import Code, Facts, Import, read_facts


def facts(source: str, *, is_package: bool = False) -> Facts:
    return read_facts(dedent(source).encode(), is_package=is_package)


def whole(source: str) -> Code:
    return facts(source).whole


def test_docstrings_comments_and_layout_do_not_count() -> None:
    one = '''
        """About."""
        A = 1
        """How many."""
        class B:
            """Text."""
            def f(self):
                """More."""
                return (1,
                        2)
    '''
    other = """
        A = 1  # a comment
        class B:
            def f(self): return (1, 2)
    """
    assert whole(one) == whole(other)
    assert whole(one).digest != whole(one.replace("A = 1", "A = 2")).digest
    assert whole(one).digest != whole(one.replace("return (1,", "return ('1',")).digest


def test_every_import_statement_that_may_run() -> None:
    code = whole(
        """
        from __future__ import annotations
        import a.b
        import c.d as e
        from f import g, h as i
        from . import j
        from ..k import *
        def late():
            from l import m
        try:
            import n
        except ImportError:
            pass
        """
    )
    assert set(code.imports) == {
        Import("a"),
        Import("a.b"),
        Import("c.d"),
        Import("f", 0, ("g", "h")),
        Import("", 1, ("j",)),
        Import("k", 2, ("*",)),
        Import("n"),
        Import("l", 0, ("m",)),
    }


@pytest.mark.parametrize(
    ("guard", "runs"),
    [
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import x", False),
        ("import typing as t\nif t.TYPE_CHECKING:\n    import x", False),
        ("from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n    import x", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING or 1:\n    import x", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import y\nelse:\n    import x", True),
        ("from typing import TYPE_CHECKING\nTYPE_CHECKING = True\nif TYPE_CHECKING:\n    import x", True),
        ("from settings import TYPE_CHECKING\nif TYPE_CHECKING:\n    import x", True),
    ],
)
def test_imports_for_type_checkers(guard: str, runs: bool) -> None:
    assert (Import("x") in whole(guard).imports) is runs
    assert Import("y") not in whole(guard).imports


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("import_module('a.b')", Import("a.b")),
        ("__import__('a')", Import("a")),
        ("import_module('.b', __package__)", Import("b", 1)),
        ("import_module('..b', package=__name__)", Import("b", 2)),
    ],
)
def test_imports_by_a_constant_name(statement: str, expected: Import) -> None:
    code = whole(f"from importlib import import_module\nx = {statement}")
    assert expected in code.imports
    assert code.unfollowed == ()
    assert expected in whole(f"import importlib\nx = importlib.{statement.removeprefix('importlib.')}").imports


@pytest.mark.parametrize(
    "statement",
    [
        "import_module(name)",
        "import_module(f'a.{name}')",
        "load(name)",
        "map(import_module, names)",
        "importlib.import_module('.a', package)",
        "__import__(name)",
        "exec(text)",
        "spec.loader.exec_module(module)",
        "runpy.run_path(path)",
    ],
)
def test_what_only_a_run_can_tell(statement: str) -> None:
    source = f"from importlib import import_module, import_module as load\n\nx = {statement}"
    assert whole(source).unfollowed == (3,)
    assert whole(f"{source}  # keyed: by the caller").unfollowed == ()
    assert whole("def run(model): model.exec(1); model.eval()").unfollowed == ()


def test_declarations_do_not_count() -> None:
    source = (
        "from harness.api import hookimpl\nA = 1\n@hookimpl\ndef harness_components():\n    import x\n    return [1]\n"
    )
    assert whole(source) == whole(source.replace("[1]", "[2]"))
    assert Import("x") not in whole(source).imports


def test_what_counts_of_a_parent_is_what_python_runs() -> None:
    source = """
        import a
        WORDS = frozenset({"one"})
        USED = 3
        def _component():
            import b
        def _prepare():
            import c
            _again()
        def _again():
            import d
        def __getattr__(name):
            import e
        _prepare()
        registry.limit = USED
    """
    found = facts(source, is_package=True)
    assert found.parent.imports == (Import("a"), Import("c"), Import("d"))
    assert {Import("b"), Import("e")} <= set(found.whole.imports)
    assert Import("e") not in found.named.imports
    assert facts(source.replace('"one"', '"two"'), is_package=True).parent.digest == found.parent.digest
    assert facts(source.replace("USED = 3", "USED = 4"), is_package=True).parent.digest != found.parent.digest


def test_faces() -> None:
    face = facts(
        '"""Face."""\nfrom .a import A, b as B\nfrom . import c\nimport d as e\nfrom x import *\n__all__ = ["A"]\n'
    )
    assert face.face == {"A": ("a", 1, "A"), "B": ("a", 1, "b"), "c": ("", 1, "c"), "e": ("d", 0, "")}
    assert face.stars == (("x", 0),)
    assert facts("").face == {}
    assert facts("from a import A, B\nB = 1\ndef __getattr__(name): import c\n").face == {"A": ("a", 0, "A")}
    for more in ("B = A()", "@A\ndef f(): pass", "A()", "class B(A): pass", "if A:\n    from a import y", "A.b = 1"):
        assert facts(f"from a import A\n{more}\n").face is None


@pytest.mark.parametrize(
    ("source", "acts"),
    [
        ("from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int = 1\n", False),
        ("import torch\n@torch.no_grad()\ndef f(): return g()\n", False),
        ("def keep(x): return x\n@keep\ndef f(): pass\nA = keep(1)", False),
        ("from .registry import register\n@register('a')\nclass A: pass\n", True),
        ("from .registry import ALL\nALL['a'] = 1\n", True),
        ("from .registry import register\nA = register(1)\n", True),
        ("print(1)\n", True),
        ("class A(B, name='a'): pass\n", True),
        ("from .registry import Meta\nclass A(metaclass=Meta): pass\n", True),
    ],
)
def test_modules_that_act_when_imported(source: str, acts: bool) -> None:
    assert facts(source).acts is acts


def test_modules_that_read_files() -> None:
    for reads in ("p = __file__", "from importlib import resources", "import importlib.resources", "import pkgutil"):
        assert whole(reads).reads_files
    assert not whole("import importlib\nfrom importlib import import_module").reads_files


def test_what_python_cannot_parse_counts_by_its_bytes() -> None:
    assert whole("def (").digest != whole("def ((").digest
    assert read_facts(b"\x7fELF\x00", is_package=False).whole.imports == ()


def test_facts_survive_the_disk() -> None:
    for source in ("import a\nA = 1\n", "from .a import A\nfrom b import *\n", "def __getattr__(n):\n    import e\n"):
        found = facts(source, is_package=True)
        assert Facts.from_json(json.loads(json.dumps(found.to_json()))) == found
