"""The chat format of a model of the transformers library: its template, and the tokens that end a turn."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.api import NotApplicable, Turn

# Templates that ask for the date would make a prompt of tomorrow another one.
_DATE = "26 Jul 2024"
_SAID = "harness"
"""What the assistant says where the end of a turn is looked for."""


class ChatTemplate:
    """A tokenizer's chat template with its arguments.

    Args:
        tokenizer: a tokenizer that has a template.
        arguments: what the template is given besides the turns, such as `enable_thinking`.
    """

    def __init__(self, tokenizer: Any, arguments: Mapping[str, Any]) -> None:
        self._tokenizer = tokenizer
        self._arguments = {"date_string": _DATE, **arguments}
        about = [tokenizer.chat_template, *([dict(arguments)] if arguments else [])]
        self.digest = hashlib.sha256(json.dumps(about if arguments else about[0], sort_keys=True).encode()).hexdigest()

    def rendered(self, turns: Sequence[Turn], *, ask: bool = True) -> str:
        """The text of a conversation; `ask`: with the beginning of the assistant's answer.

        Raises:
            NotApplicable: the template refuses the turns, or leaves out the system's.
        """
        from jinja2 import TemplateError

        messages = [{"role": turn.role, "content": turn.text} for turn in turns]
        try:
            text: str = self._tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=ask, **self._arguments
            )
        except TemplateError as error:
            raise NotApplicable(
                f"the chat template of the model refuses turns of {_roles(turns)}: {error}{_advice(turns)}"
            ) from error
        for turn in turns:
            if turn.role == "system" and turn.text.strip() not in text:
                raise NotApplicable(f"the chat template of the model leaves out the system prompt{_advice(turns)}")
        return text

    def end_of_turn(self, ends: frozenset[int]) -> int | None:
        """The one of these tokens that the template puts after what the assistant said; None if it puts none."""
        try:
            text = self.rendered([Turn("user", _SAID), Turn("assistant", _SAID)], ask=False)
        except NotApplicable:
            return None
        after = text.rpartition(_SAID)[2]
        tokens: list[int] = self._tokenizer(after, add_special_tokens=False)["input_ids"]
        return next((token for token in tokens if token in ends), None)


def ends_of_turn(network: Any, tokenizer: Any, vocabulary: int) -> frozenset[int]:
    """The tokens that end an answer: all that the generation configuration names, and the tokenizer's."""
    listed = getattr(getattr(network, "generation_config", None), "eos_token_id", None)
    of_network = listed if isinstance(listed, list | tuple) else [listed]
    ends = {*of_network, tokenizer.eos_token_id}
    return frozenset(int(token) for token in ends if token is not None and 0 <= int(token) < vocabulary)


def _roles(turns: Sequence[Turn]) -> str:
    return ", ".join(dict.fromkeys(turn.role for turn in turns))


def _advice(turns: Sequence[Turn]) -> str:
    with_system = any(turn.role == "system" for turn in turns)
    return "; `system_as: user` puts the system prompt before the first user's turn" if with_system else ""
