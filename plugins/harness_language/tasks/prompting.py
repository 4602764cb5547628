"""The text that a model is given for a question: template, system prompt, examples with their answers, chat format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.api import AnsweringModel, Chat, Dialogue, InvalidOutput, LanguageModel, NotApplicable, Turn
from harness_language.tasks.few_shot import Shot
from harness_language.tasks.letters import letter_at
from harness_language.tasks.likelihood import unknown_token

SLOT = "{prompt}"
CHOICES_SLOT = "{choices}"
_SLOTS = re.compile("|".join(map(re.escape, (SLOT, CHOICES_SLOT))))
Start = Literal["auto", "start", "none"]
SystemAs = Literal["system", "user"]
ShotsAs = Literal["text", "turns"]


@dataclass(frozen=True)
class Prompting:
    """How questions become prompts.

    Attributes:
        template: what is asked, with `{prompt}` for the question and maybe `{choices}` for what there is to choose.
        system: what is said before all else; empty for nothing.
        system_as: whether a chat model is given it as the system's turn or at the beginning of the first user's.
        shots_as: whether examples stand in one text or are turns of the conversation.
        separator: what parts examples from one another and from the question, and a system prompt from both.
        bos: whether a start token is put before the text.
    """

    template: str = SLOT
    system: str = ""
    system_as: SystemAs = "system"
    shots_as: ShotsAs = "text"
    separator: str = "\n\n"
    bos: Start = "auto"

    def text(self, model: LanguageModel, prompt: str, shots: Sequence[Shot] = (), listed: Sequence[str] = ()) -> str:
        """All of the text that the model is given.

        Raises:
            NotApplicable: the model does not take a system prompt, or turns.
        """
        turns = self.turns(prompt, shots, listed, converses=converses(model))
        return _conversation(model, turns) if isinstance(model, Chat) else turns[0].text

    def turns(
        self, prompt: str, shots: Sequence[Shot] = (), listed: Sequence[str] = (), *, converses: bool
    ) -> tuple[Turn, ...]:
        """What is said to a model; one that does not converse is given a single text.

        Args:
            prompt: the question.
            shots: examples before it.
            listed: the choices that the prompt lists.
            converses: whether the model takes a conversation.

        Raises:
            NotApplicable: examples are to be turns of a model that does not converse.
        """
        asked = self._filled(prompt, listed)
        if self.shots_as == "turns" and shots:
            turns = [*(turn for shot in shots for turn in self._turns(shot)), Turn("user", asked)]
        else:
            turns = [Turn("user", self.separator.join([*(self._written(shot) for shot in shots), asked]))]
        if not converses:
            return (Turn("user", self._plain(turns)),)
        if self.system and self.system_as == "user":
            turns[0] = Turn("user", f"{self.system}{self.separator}{turns[0].text}")
        elif self.system:
            turns = [Turn("system", self.system), *turns]
        return tuple(turns)

    def tokens(self, model: LanguageModel, text: str, name: str) -> tuple[int, ...]:
        """The tokens of a text, with the start token before them as `bos` says.

        Raises:
            InvalidOutput: it holds a token that the model does not have.
        """
        tokens = model.encode(text)
        if reason := unknown_token(model, tokens):
            raise InvalidOutput(f"{name!r} cannot be asked: {reason} (it has {model.vocabulary})")
        # What a chat format needs stands in it; of a text that begins with the start token there is one already.
        given = self.bos == "none" or (self.bos == "auto" and isinstance(model, Chat))
        if given or model.bos is None or (len(tokens) and tokens[0] == model.bos):
            return tuple(tokens)
        return (model.bos, *tokens)

    def rewritten_template(self, model: LanguageModel | AnsweringModel) -> str:
        """The template with the system prompt, where that is text: what an attack finds its text in."""
        return f"{self.system}{self.separator}{self.template}" if self._system_is_text(model) else self.template

    def protocol(self) -> dict[str, Any]:
        """What must be equal before two numbers may be compared, without what is at its default."""
        about = {"system": self.system, "bos": self.bos} | ({"system_as": self.system_as} if self.system else {})
        return {name: value for name, value in about.items() if value != getattr(Prompting, name)}

    def of_shots(self) -> dict[str, Any]:
        """The same of examples."""
        return {"shots_as": self.shots_as, "separator": self.separator}

    def _system_is_text(self, model: LanguageModel | AnsweringModel) -> bool:
        return bool(self.system) and (self.system_as == "user" or not converses(model))

    def _filled(self, prompt: str, listed: Sequence[str]) -> str:
        # In one pass, since a prompt may hold the name of a slot.
        filling = {SLOT: prompt, CHOICES_SLOT: listed_text(listed)}
        return _SLOTS.sub(lambda match: filling[match[0]], self.template)

    def _written(self, shot: Shot) -> str:
        """An example as text: its prompt and its answer, parted by a space where neither has white space."""
        asked = self._filled(shot.prompt, shot.listed)
        parted = asked[-1:].isspace() or shot.answer[:1].isspace() or not asked
        return f"{asked}{shot.answer}" if parted else f"{asked} {shot.answer}"

    def _turns(self, shot: Shot) -> list[Turn]:
        return [Turn("user", self._filled(shot.prompt, shot.listed)), Turn("assistant", shot.answer.strip())]

    def _plain(self, turns: Sequence[Turn]) -> str:
        if len(turns) > 1:
            raise NotApplicable("the model has no chat format, so examples cannot be turns: use `shots_as: text`")
        return f"{self.system}{self.separator}{turns[0].text}" if self.system else turns[0].text


def converses(model: object) -> bool:
    """Whether a model takes a conversation."""
    return isinstance(model, Chat) or (isinstance(model, AnsweringModel) and model.converses)


def listed_text(choices: Sequence[str]) -> str:
    """The choices in lines that begin with their letters."""
    return "\n".join(f"{letter_at(position)}. {text.strip()}" for position, text in enumerate(choices))


def _conversation(model: Chat, turns: Sequence[Turn]) -> str:
    if len(turns) == 1:
        return model.converse(turns[0].text)
    if not isinstance(model, Dialogue):
        raise NotApplicable(
            "the chat model takes a single prompt: with `system_as: user` and `shots_as: text` all is part of it"
        )
    return model.dialogue(turns)
