"""The objective of searches for adversarial suffixes: positions of tokens, likelihood of the goal, its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.api import Chat, DifferentiableLanguageModel, HarnessError, LanguageModel

_MARK = "\ue000"
"""A character of private use, which stands for the suffix while the text around it is found out."""
_FILLER = " !"


@dataclass(frozen=True)
class Target:
    """A prompt with a suffix, as the model reads it, and the goal that its answer should begin with.

    Attributes:
        before, after: the text around the suffix.
        lead: the space that a suffix begins with, where the tokenizer drops it in decoding.
        head, tail: the tokens around the suffix; `head` begins with the start token, if there is one.
        goal: the tokens of the goal.
        start: the tokens of the suffix that a search begins with.
    """

    before: str
    after: str
    lead: str
    head: tuple[int, ...]
    tail: tuple[int, ...]
    goal: tuple[int, ...]
    start: tuple[int, ...]

    @property
    def slots(self) -> slice:
        """The positions of the suffix in `tokens`."""
        return slice(len(self.head), len(self.head) + len(self.start))

    @property
    def first(self) -> int:
        """The position of the goal in `tokens`."""
        return len(self.head) + len(self.start) + len(self.tail)

    def tokens(self, suffix: Sequence[int]) -> list[int]:
        """All tokens up to the end of the goal."""
        return [*self.head, *suffix, *self.tail, *self.goal]

    def text(self, model: LanguageModel, suffix: Sequence[int]) -> str:
        """The suffix as text."""
        return self.lead + model.decode(suffix)

    def survives(self, model: LanguageModel, suffix: Sequence[int]) -> bool:
        """Whether the suffix is tokenized to the same tokens after decoding."""
        whole = self.before + self.text(model, suffix) + self.after
        return _encoded(model, whole) == [*self.head, *suffix, *self.tail]


def target_of(model: LanguageModel, prompt: str, goal: str, template: str, length: int) -> Target:
    """Find the tokens of a suffix of at most `length` tokens after a prompt.

    Raises:
        HarnessError: the tokenizer joins any suffix with what is around it, or all of it does not fit the window.
    """
    before, after = _around(model, prompt, template)
    for repeats in range(length, 0, -1):
        suffix = _FILLER * repeats
        whole = _encoded(model, before + suffix + after)
        span = _place(model, whole, suffix, len(_encoded(model, before)), length)
        if span is None:
            continue
        start = whole[span]
        lead = "" if model.decode(start) == suffix else suffix[: len(suffix) - len(suffix.lstrip())]
        with_goal = _encoded(model, before + suffix + after + goal)
        joined = with_goal[: len(whole)] != whole
        wanted = list(model.encode(goal)) if joined else with_goal[len(whole) :]
        parts = (whole[: span.start], whole[span.stop :], wanted, start)
        target = Target(before, after, lead, *(tuple(part) for part in parts))
        _check_window(model, target)
        return target
    raise HarnessError(f"this tokenizer leaves no suffix after {prompt!r:.60} as tokens of its own: nothing to search")


def usable_tokens(model: LanguageModel) -> npt.NDArray[np.int64]:
    """The tokens of printable ASCII, without those that start or end a text."""
    special = {model.bos, model.eos}
    texts = ((token, model.decode([token])) for token in range(model.vocabulary) if token not in special)
    return np.array([token for token, text in texts if text and text.isascii() and text.isprintable()], dtype=np.int64)


@torch.no_grad()
def goal_nll(
    model: LanguageModel, target: Target, suffixes: Sequence[Sequence[int]], device: str, at_once: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The goal's negative log-likelihood in nats after each suffix, and whether each of its tokens is most likely.

    All rows have one length, so that nothing is padded.
    """
    nlls, reached = [], []
    for begin in range(0, len(suffixes), at_once):
        tokens = torch.tensor([target.tokens(suffix) for suffix in suffixes[begin : begin + at_once]], device=device)
        logits = _goal_logits(model, model.states(tokens[:, :-1]), target)
        wanted = tokens[:, target.first :]
        nlls.append(_nll(logits, wanted).cpu().numpy())
        reached.append((logits.argmax(dim=2) == wanted).all(dim=1).cpu().numpy())
    return np.concatenate(nlls).astype(np.float64), np.concatenate(reached)


def goal_gradient(
    model: DifferentiableLanguageModel, target: Target, suffix: Sequence[int], device: str
) -> npt.NDArray[np.float64]:
    """The gradient of the goal's NLL by the one-hot tokens of the suffix, `[len(suffix), vocabulary]`.

    Zou et al. 2023, section 2.2: how the NLL would change, to first order, with a little of each token in each place.
    """
    tokens = torch.tensor([target.tokens(suffix)], device=device)
    with torch.enable_grad():
        embedded = model.embed(tokens[:, :-1]).detach().requires_grad_()
        logits = _goal_logits(model, model.states_of(embedded), target)
        (by_vector,) = torch.autograd.grad(_nll(logits, tokens[:, target.first :]).sum(), embedded)
    with torch.no_grad():
        vectors = model.embed(torch.arange(model.vocabulary, device=device)[:, None])[:, 0]
        gradient = _full(by_vector[0, target.slots]) @ _full(vectors).T
    return gradient.cpu().numpy().astype(np.float64)


def _goal_logits(model: LanguageModel, states: Tensor, target: Target) -> Tensor:
    """Logits `[n, goal, vocabulary]` of the goal's tokens, float32 or float64."""
    of_goal = states[:, target.first - 1 :]
    logits: Tensor = model.logits(of_goal.flatten(0, 1)).unflatten(0, of_goal.shape[:2])
    return _full(logits)


def _full(tensor: Tensor) -> Tensor:
    """The tensor in float32 or more, since half precision would make unequal values equal."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def _nll(logits: Tensor, wanted: Tensor) -> Tensor:
    scores: Tensor = logits.gather(2, wanted[:, :, None]).squeeze(2) - logits.logsumexp(dim=2)
    return -scores.double().sum(dim=1)


def _around(model: LanguageModel, prompt: str, template: str) -> tuple[str, str]:
    """The text that the model reads before and after what follows the prompt. Raises HarnessError."""
    text = template.replace("{prompt}", prompt + _MARK)
    parts = (model.converse(text) if isinstance(model, Chat) else text).split(_MARK)
    if len(parts) != 2:
        raise HarnessError(f"the template must hold the prompt once; it holds it {len(parts) - 1} times")
    return parts[0], parts[1]


def _encoded(model: LanguageModel, text: str) -> list[int]:
    """Tokens with the start token before them; the text of a conversation is all that the model reads."""
    tokens = list(model.encode(text))
    if model.bos is None or isinstance(model, Chat) or tokens[:1] == [model.bos]:
        return tokens
    return [model.bos, *tokens]


def _place(model: LanguageModel, whole: list[int], suffix: str, start: int, length: int) -> slice | None:
    """The position of the suffix among the tokens; None if it has none of its own, or too many."""
    # The tokens before it may be fewer than without it, if the tokenizer joins them.
    for begin in range(max(0, start - 1), min(start + 1, len(whole)) + 1):
        for end in range(begin + 1, min(len(whole), begin + length) + 1):
            if model.decode(whole[begin:end]) in (suffix, suffix.lstrip()):
                return slice(begin, end)
    return None


def _check_window(model: LanguageModel, target: Target) -> None:
    size = len(target.tokens(target.start)) - 1
    if model.window is not None and size > model.window:
        raise HarnessError(
            f"prompt, suffix and goal have {size} tokens, and the model reads at most {model.window}: "
            "use a shorter suffix (`length`) or prompts that fit"
        )
