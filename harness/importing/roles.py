"""Which fields of a log are the id, the prompt and so on, where a user says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.contract.errors import UsageError
from harness.importing.logs import Sample, field_of, score_of, text_of

_ROLES = ("id", "prompt", "reference", "answer")
_MAPPED = re.compile(r"((?P<tool>[a-z-]+):)?(?P<role>id|prompt|reference|answer|(score|group)\.[\w-]+)=(?P<path>.+)")
Score = Callable[[Any, str, str], float | None]


@dataclass(frozen=True)
class Roles:
    """Role to the path of the field that has it, such as {"prompt": "doc.question", "score.acc": "acc"}."""

    paths: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, texts: Sequence[str], tool: str) -> Roles:
        """What a user declares as `[TOOL:]ROLE=FIELD` for logs of one tool. Raises UsageError."""
        paths = {}
        for text in texts:
            match = _MAPPED.fullmatch(text)
            if match is None:
                raise UsageError(
                    f"--map {text!r}: write ROLE=FIELD or TOOL:ROLE=FIELD; a role is {', '.join(_ROLES)}, score.NAME "
                    "or group.NAME"
                )
            if match["tool"] in (None, tool):
                paths[match["role"]] = match["path"]
        return cls(paths)

    def named(self, kind: str) -> dict[str, str]:
        """The names under `score.` or `group.` with their paths."""
        return {role.partition(".")[2]: path for role, path in self.paths.items() if role.startswith(f"{kind}.")}

    def applied(self, sample: Sample, raw: Mapping[str, Any], score: Score = score_of) -> Sample:
        """A sample with the declared fields of its raw line in place of its own.

        Args:
            sample: what the reader of the tool has made of the line.
            raw: the line.
            score: makes a number of a score as the tool writes it.

        Raises:
            UsageError: there is no such field, or a score is no number.
        """
        if not self.paths:
            return sample
        own = {role: text_of(field_of(raw, self.paths[role], sample.where)) for role in _ROLES if role in self.paths}
        groups = {name: text_of(field_of(raw, path, sample.where)) for name, path in self.named("group").items()}
        declared = self.named("score")
        scores = {name: score(field_of(raw, path, sample.where), sample.where, path) for name, path in declared.items()}
        return replace(sample, **own, groups={**sample.groups, **groups}, scores=scores or sample.scores)
