"""Redaction: what plugins have pages and logs show instead of a text, such as a name in an example."""

from __future__ import annotations

from harness.isolation import Fault
from harness.plugins import Catalog


class Redactor:
    """Hands texts to the hook `harness_redact` of every plugin in turn.

    Args:
        catalog: the plugins.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._hooks = list(catalog.implementations("harness_redact"))

    def __call__(self, text: str) -> str:
        """Return the text to show. Of a plugin that fails nothing is shown: it may have wanted to remove anything."""
        for plugin, redact in self._hooks:
            answer = redact(text=text)
            if isinstance(answer, Fault):
                return f"[not shown: harness_redact of plugin {plugin!r} failed: {answer.reason}]"
            if answer is not None and not isinstance(answer, str):
                return f"[not shown: harness_redact of plugin {plugin!r} gave a {type(answer).__name__}, not text]"
            text = text if answer is None else answer
        return text
