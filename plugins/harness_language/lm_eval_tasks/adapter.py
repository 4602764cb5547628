"""A language model of ours as lm-evaluation-harness sees it. Alone imports that library."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from jinja2 import BaseLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from lm_eval import evaluate, utils
from lm_eval.api.model import LM, TemplateLM
from lm_eval.api.registry import METRIC_REGISTRY
from lm_eval.models.utils import handle_stop_sequences, normalize_gen_kwargs
from lm_eval.tasks import TaskManager

from harness.api import AnsweringModel, AnswerLimits, Context, LanguageModel, NotApplicable, Prompted, Turn, UsageError
from harness_language.tasks.decoding_loop import Generation, Prompt, generate
from harness_language.tasks.likelihood import Window, log_likelihoods
from harness_language.tasks.replies import replies_to

Rewrite = Callable[[Sequence[tuple[str, str]]], Mapping[tuple[str, str], str]]
"""Pairs of the name of an example and a text to the rewritten texts."""
_MAX_NEW_TOKENS = 256
_NO_WINDOW = 2**20


def known_metrics() -> frozenset[str]:
    """The metrics that the library has."""
    return frozenset(map(str, METRIC_REGISTRY.keys()))


def tasks_of(name: str, folder: Path | None, shots: int | None, *, allow_code: bool) -> dict[str, Any]:
    """The tasks of a name, which may be a group, as `evaluate` takes them.

    Raises:
        UsageError: there is no such task, or one wants to run what a model writes.
    """
    manager = TaskManager(include_path=None if folder is None else str(folder), include_defaults=folder is None)
    if name not in manager.all_tasks:
        known = ", ".join(sorted(manager.all_tasks)[:8])
        raise UsageError(
            f"lm-evaluation-harness knows no task {name!r}; {'the folder has' if folder else 'such as'} {known}"
        )
    loaded: dict[str, Any] = manager.load(name)
    for each, task in loaded["tasks"].items():
        if getattr(task, "UNSAFE_CODE", False) and not allow_code:
            raise UsageError(f"the task {each!r} runs code that the model writes; allow it with `allow_code: true`")
        if shots is not None:
            task.set_config(key="num_fewshot", value=shots)
        task.set_fewshot_seed(seed=0)
    return loaded


def evaluated(model: LM, tasks: Mapping[str, Any], limit: int | None, *, allow_code: bool) -> dict[str, Any]:
    """The results and samples of the library, without its bootstrap."""
    found: dict[str, Any] = evaluate(
        model, dict(tasks), limit=limit, bootstrap_iters=0, log_samples=True, confirm_run_unsafe_code=allow_code
    )
    return found


@contextmanager
def sandboxed() -> Iterator[None]:
    """Let templates of tasks only read the fields of their documents inside, and call nothing of Python."""
    sandbox = SandboxedEnvironment(loader=BaseLoader(), undefined=StrictUndefined, keep_trailing_newline=True)
    sandbox.filters.update(utils.env.filters)
    with mock.patch.object(utils, "env", sandbox):
        yield


class ScoredModel(TemplateLM):  # type: ignore[misc]
    """A model that gives likelihoods.

    Args:
        model: ours.
        ctx: says how large a batch may be.
        rewrite: rewrites the texts that are read.
        needs_greedy: whether a task asks whether a continuation is what the model would have said.
    """

    def __init__(self, model: LanguageModel, ctx: Context, rewrite: Rewrite, *, needs_greedy: bool) -> None:
        super().__init__()
        self._model, self._ctx, self._rewrite, self._needs_greedy = model, ctx, rewrite, needs_greedy
        self._window = model.window or _NO_WINDOW

    @property
    def eot_token_id(self) -> int:
        """The token that a text starts from."""
        start = self._model.bos if self._model.bos is not None else self._model.eos
        if start is None:
            raise NotApplicable("the model has no token that starts or ends texts, which the task asks for")
        return start

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **_: Any) -> list[int]:
        """The tokens of a text."""
        return list(self._model.encode(string))

    def loglikelihood(self, requests: Sequence[Any], disable_tqdm: bool = True) -> list[tuple[float, bool]]:
        """The log-likelihood of each continuation after its context."""
        found: list[tuple[float, bool]] = super().loglikelihood(_rewritten(requests, self._rewrite), disable_tqdm=True)
        return found

    def _loglikelihood_tokens(self, requests: Sequence[Any], **_: Any) -> list[tuple[float, bool]]:
        windows = []
        for _texts, context, continuation in requests:
            tokens = [*context, *continuation][-(self._window + 1) :]
            windows.append(Window(tokens, len(tokens) - len(continuation)))
        scores = log_likelihoods(self._model, windows, self._ctx)
        greedy = self._is_greedy(windows) if self._needs_greedy else [False] * len(windows)
        return [(float(values.sum()), is_greedy) for values, is_greedy in zip(scores, greedy, strict=True)]

    def _is_greedy(self, windows: Sequence[Window]) -> list[bool]:
        """Whether the likeliest token is the next one, all along each continuation."""
        by_length: dict[int, list[int]] = defaultdict(list)
        for row, window in enumerate(windows):
            by_length[len(window.tokens) - window.first].append(row)
        greedy = [False] * len(windows)
        for length, rows in by_length.items():
            prompts = [Prompt(str(row), windows[row].tokens[: windows[row].first]) for row in rows]
            for row, answer in zip(
                rows, generate(self._model, prompts, Generation(length, ()), self._ctx), strict=True
            ):
                greedy[row] = answer.tokens == list(windows[row].tokens[windows[row].first :])
        return greedy

    def loglikelihood_rolling(self, requests: Sequence[Any], disable_tqdm: bool = True) -> list[float]:
        """The log-likelihood of each text, in windows that do not overlap."""
        windows, counts = [], []
        for request in _rewritten(requests, self._rewrite):
            tokens = self.tok_encode(request.args[0])
            pairs = utils.get_rolling_token_windows(
                tokens, self.prefix_token_id, min(self._window, max(1, len(tokens))), 1
            )
            own = [(context, text) for context, text in map(utils.make_disjoint_window, pairs)]
            windows += [Window([*context, *text], len(context)) for context, text in own]
            counts.append(len(own))
        scores = iter(log_likelihoods(self._model, windows, self._ctx))
        return [sum(float(next(scores).sum()) for _ in range(n)) for n in counts]

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = True) -> list[str]:
        """The likeliest text after each context, up to a stop text."""
        answers = [""] * len(requests)
        for (length, stop), rows in _by_limits(requests).items():
            asked = _rewritten([requests[row] for row in rows], self._rewrite)
            prompts = [Prompt(_name(each), self.tok_encode(each.args[0])) for each in asked]
            for row, answer in zip(
                rows, generate(self._model, prompts, Generation(length, stop), self._ctx), strict=True
            ):
                answers[row] = answer.text
        return answers


class AnsweredModel(LM):  # type: ignore[misc]
    """A model that only answers."""

    def __init__(self, model: AnsweringModel, ctx: Context, rewrite: Rewrite) -> None:
        super().__init__()
        self._model, self._ctx, self._rewrite = model, ctx, rewrite

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = True) -> list[str]:
        """The answer to each context, which is a single turn of the user."""
        answers = [""] * len(requests)
        for (length, stop), rows in _by_limits(requests).items():
            asked = _rewritten([requests[row] for row in rows], self._rewrite)
            prompts = [Prompted(_name(each), (Turn("user", each.args[0]),)) for each in asked]
            replies = replies_to(self._model, prompts, AnswerLimits(length, stop), self._ctx)
            for row, reply in zip(rows, replies, strict=True):
                answers[row] = reply.text
        return answers

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """Refuse: see `NotApplicable`."""
        raise NotApplicable("the task scores texts by their likelihood, and the model only answers")

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        """Refuse: see `NotApplicable`."""
        raise NotApplicable("the task scores texts by their likelihood, and the model only answers")


class _Asked:
    """A request with another text."""

    def __init__(self, request: Any, text: str) -> None:
        self.args = (text, *request.args[1:])
        self.task_name, self.doc_id = request.task_name, request.doc_id


def _name(request: Any) -> str:
    return f"{request.task_name}/{request.doc_id}"


def _rewritten(requests: Sequence[Any], rewrite: Rewrite) -> list[Any]:
    """The requests with what is read rewritten; equal texts of one document stay equal."""
    pairs = list(dict.fromkeys((_name(request), str(request.args[0])) for request in requests))
    texts = rewrite(pairs)
    return [_Asked(request, texts[_name(request), str(request.args[0])]) for request in requests]


def _by_limits(requests: Sequence[Any]) -> dict[tuple[int, tuple[str, ...]], list[int]]:
    """The requests by their limits. Raises NotApplicable where answers are to be drawn."""
    by_limits: dict[tuple[int, tuple[str, ...]], list[int]] = defaultdict(list)
    for row, request in enumerate(requests):
        given = normalize_gen_kwargs(dict(request.args[1]), _MAX_NEW_TOKENS)
        if given.get("do_sample") or given.get("temperature"):
            raise NotApplicable("the task draws answers, and only the likeliest are given here")
        stop = tuple(text for text in handle_stop_sequences(given.get("until"), eos=None) if text)
        by_limits[int(given["max_gen_toks"]), stop].append(row)
    return by_limits
