"""Pages of one file: what they are made of, and the only style and script that may run in them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.contract.pages import TEMPLATES
from harness.escaping import html_value

_HERE = Path(__file__).parent


def render_template(name: str, styles: Iterable[str] = (), **values: Any) -> str:
    """Return a page as HTML. Everything it shows is escaped; only its own style and script may run.

    Args:
        name: the file of the template, beside this module.
        styles: CSS beside that of all pages.
        values: what stands for the names in the template.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), undefined=StrictUndefined, finalize=html_value, **TEMPLATES
    )
    environment.globals["zip"] = zip
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    style += "".join(dict.fromkeys(styles))
    hashes = {"style_hash": _content_hash(style), "script_hash": _content_hash(script)}
    return environment.get_template(name).render(style=style, script=script, **hashes, **values)


def _content_hash(text: str) -> str:
    """Return the hash by which a Content-Security-Policy allows an inline style or script and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
