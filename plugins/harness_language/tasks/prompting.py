"""The text that a model is given for a question: template, system prompt, examples with their answers, chat format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.api import Chat, Dialogue, InvalidOutput, LanguageModel, NotApplicable, Turn
from harness_language.tasks.few_shot import Shot
from harness_language.tasks.likelihood import unknown_token

SLOT = "{prompt}"
Start = Literal["auto", "start", "none"]
SystemAs = Literal["system", "user"]
ShotsAs = Literal["text", "turns"]


@dataclass(frozen=True)
class Prompting:
    """How questions become prompts.

    Attributes:
        template: what is asked, with `{prompt}` for the question.
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

    def text(self, model: LanguageModel, prompt: str, shots: Sequence[Shot] = ()) -> str:
        """All of the text that the model is given.

        Raises:
            NotApplicable: the model does not take a system prompt, or turns.
        """
        asked = self.template.replace(SLOT, prompt)
        if self.shots_as == "turns" and shots:
            turns = [*(turn for shot in shots for turn in self._turns(shot)), Turn("user", asked)]
        else:
            turns = [Turn("user", self.separator.join([*(self._written(shot) for shot in shots), asked]))]
        if not isinstance(model, Chat):
            return self._plain(turns)
        if self.system and self.system_as == "user":
            turns[0] = Turn("user", f"{self.system}{self.separator}{turns[0].text}")
        elif self.system:
            turns = [Turn("system", self.system), *turns]
        return _conversation(model, turns)

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

    def rewritten_template(self, model: LanguageModel) -> str:
        """The template with the system prompt, where that is text: what an attack finds its text in."""
        return f"{self.system}{self.separator}{self.template}" if self._system_is_text(model) else self.template

    def protocol(self) -> dict[str, Any]:
        """What must be equal before two numbers may be compared, without what is at its default."""
        about = {"system": self.system, "bos": self.bos} | ({"system_as": self.system_as} if self.system else {})
        return {name: value for name, value in about.items() if value != getattr(Prompting, name)}

    def of_shots(self) -> dict[str, Any]:
        """The same of examples."""
        return {"shots_as": self.shots_as, "separator": self.separator}

    def _system_is_text(self, model: LanguageModel) -> bool:
        return bool(self.system) and (self.system_as == "user" or not isinstance(model, Chat))

    def _written(self, shot: Shot) -> str:
        """An example as text: its prompt and its answer, parted by a space where neither has white space."""
        asked = self.template.replace(SLOT, shot.prompt)
        parted = asked[-1:].isspace() or shot.answer[:1].isspace() or not asked
        return f"{asked}{shot.answer}" if parted else f"{asked} {shot.answer}"

    def _turns(self, shot: Shot) -> list[Turn]:
        return [Turn("user", self.template.replace(SLOT, shot.prompt)), Turn("assistant", shot.answer.strip())]

    def _plain(self, turns: Sequence[Turn]) -> str:
        if len(turns) > 1:
            raise NotApplicable("the model has no chat format, so examples cannot be turns: use `shots_as: text`")
        return f"{self.system}{self.separator}{turns[0].text}" if self.system else turns[0].text


def _conversation(model: Chat, turns: Sequence[Turn]) -> str:
    if len(turns) == 1:
        return model.converse(turns[0].text)
    if not isinstance(model, Dialogue):
        raise NotApplicable(
            "the chat model takes a single prompt: with `system_as: user` and `shots_as: text` all is part of it"
        )
    return model.dialogue(turns)
