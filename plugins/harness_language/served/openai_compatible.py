"""Language models behind servers that speak as OpenAI's does: vLLM, llama.cpp, Ollama, and many that are for hire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt

from harness.api import AnswerLimits, Context, Location, Prompted, Reply, Turn, Uncounted, UsageError
from harness_language.served.failures import Broken
from harness_language.served.keys import checked_url
from harness_language.served.persistence import Patience
from harness_language.served.service import Answer, Request, Service
from harness_language.served.spending import Prices, Spending, SpendLimit, price_of_tokens

_TOKENS_OF_A_TURN = 16
"""More than any chat format adds to a turn."""
_SEEDS = 2**31


class OpenAICompatible:
    """A model behind a server, which answers by the chat or the completions interface of OpenAI.

    Each answer is kept on the disk by its request, so that a cell that was ended goes on where it was. The key of a
    server is bound to its host in ~/.config/harness/config.yaml (`keys: {api.example.org: NAME_OF_A_VARIABLE}`).

    Args:
        base_url: the address, such as http://localhost:8000/v1.
        model: the name of the model, as the server knows it.
        version: what you know of the version of the model behind this name; raise it to have all asked anew.
        api: "chat" for conversations, "completions" for texts to go on from.
        system: a system prompt that is part of the model, before that of a task.
        temperature: 0 for the likeliest tokens; else answers are drawn, with a seed for each example.
        parameters: further fields of each request, such as {top_p: 0.9}.
        limit_as: how the server calls the limit of an answer.
        logprobs: ask for the log-probabilities of the tokens of answers, for their confidence.
        answers_as: the name by which the server signs answers, if it is neither `model` nor begins with it.
        prices: of a million tokens, {prompt: 0.15, completion: 0.6}, for the price of a cell.
        spend_limit: of all that is ever asked of this version, {tokens: 1000000} or {price: 5}.
        connections: how many requests to make at a time.
        deadline: seconds until an answer must be there.
        retries: how often to ask again where the server fails.
        patience: seconds to go on without any answer, while a server throttles or is away.
        cache: the folder of kept answers; by default one in the user's cache.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        version: str = "",
        api: Literal["chat", "completions"] = "chat",
        system: str = "",
        temperature: Annotated[float, Ge(0)] = 0.0,
        parameters: dict[str, Any] | None = None,
        limit_as: Literal["max_tokens", "max_completion_tokens"] = "max_tokens",
        logprobs: bool = False,
        answers_as: str | None = None,
        prices: Prices | None = None,
        spend_limit: Annotated[SpendLimit | None, Uncounted()] = None,
        connections: Annotated[int, Ge(1), Uncounted()] = 16,
        deadline: Annotated[float, Gt(0), Uncounted()] = 120.0,
        retries: Annotated[int, Ge(0), Uncounted()] = 6,
        patience: Annotated[float, Gt(0), Uncounted()] = 600.0,
        cache: Location | None = None,
    ) -> None:
        address = checked_url(base_url)
        spending = Spending(spend_limit, prices)
        self.converses, self.version = api == "chat", version
        self._model, self._system, self._temperature = model, system, temperature
        self._limit_as, self._logprobs, self._answers_as = limit_as, logprobs, answers_as
        self._parameters, self._prices = dict(parameters or {}), prices
        if reserved := sorted(set(self._parameters) & {"model", "messages", "prompt", "stream", "n", limit_as, "stop"}):
            raise UsageError(f"`parameters` must not hold {reserved[0]!r}, which the task or the model sets")
        self._service = Service(
            f"{address}/chat/completions" if self.converses else f"{address}/completions",
            {"model": model, "version": version},
            model,
            connections,
            deadline,
            Patience(retries, patience),
            Path(cache) if cache else None,
            spending,
        )

    def answers(self, prompts: Sequence[Prompted], limits: AnswerLimits, ctx: Context) -> Sequence[Reply]:
        """One reply to each prompt.

        Raises:
            HarnessError: the server cannot be reached, does not know the model or the key, or the quota is reached.
        """
        replies: list[Reply | None] = [None] * len(prompts)
        requests = (self._request(prompt, limits, ctx) for prompt in prompts)
        for done, (number, answer) in enumerate(self._service.ask(requests, self._read), start=1):
            replies[number] = self._reply(answer)
            ctx.progress(done, len(prompts))
        return [reply for reply in replies if reply is not None]

    def _request(self, prompt: Prompted, limits: AnswerLimits, ctx: Context) -> Request:
        turns = _with_system(prompt.turns, self._system)
        body: dict[str, Any] = {
            **self._parameters,
            "model": self._model,
            "temperature": self._temperature,
            self._limit_as: limits.max_tokens,
        }
        if limits.stop:
            body["stop"] = list(limits.stop)
        if self._temperature:
            body.setdefault("seed", ctx.derive_seed("answer", prompt.id) % _SEEDS)
        if self.converses:
            body["messages"] = [{"role": turn.role, "content": turn.text} for turn in turns]
        else:
            body["prompt"] = "\n\n".join(turn.text for turn in turns)
        if self._logprobs:
            body["logprobs"] = True if self.converses else 1
        size = sum(len(turn.text.encode()) + _TOKENS_OF_A_TURN for turn in turns)
        return Request(body, size, limits.max_tokens)

    def _read(self, raw: Any) -> Answer:
        """What an answer says. Raises Broken."""
        choice = _first_choice(raw)
        text = _text_of_message(choice) if self.converses else choice.get("text")
        if not isinstance(text, str):
            raise Broken("the server gave an answer without text")
        usage = raw.get("usage") if isinstance(raw.get("usage"), dict) else {}
        prompt, completion = (_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens"))
        content = {
            "text": text,
            "stopped": str(choice.get("finish_reason") or "stop"),
            "tokens": completion,
            "asked_tokens": prompt,
            "log_likelihoods": self._log_likelihoods(choice),
            "model": str(raw.get("model") or ""),
        }
        # Without a count the bytes bound what was paid for.
        return Answer(content, prompt or 0, len(text.encode()) if completion is None else completion)

    def _log_likelihoods(self, choice: Mapping[str, Any]) -> list[float] | None:
        given = choice.get("logprobs") if self._logprobs else None
        if not isinstance(given, dict):
            return None
        content, numbers = given.get("content"), given.get("token_logprobs")
        if isinstance(content, list):
            numbers = [each.get("logprob") if isinstance(each, dict) else None for each in content]
        if not isinstance(numbers, list) or not all(isinstance(number, int | float) for number in numbers):
            return None
        return [float(number) for number in numbers]

    def _reply(self, answer: Answer) -> Reply:
        if answer.refused:
            return Reply("", refused=answer.refused)
        content = answer.content
        scores = content["log_likelihoods"]
        return Reply(
            content["text"],
            content["stopped"],
            content["tokens"],
            content["asked_tokens"],
            None if scores is None else tuple(scores),
            answer.seconds,
            price_of_tokens(self._prices, content["asked_tokens"], content["tokens"]),
            doubt=self._doubt(content["model"]),
        )

    def _doubt(self, signed: str) -> str:
        """Why another model may have answered: its name is neither this one nor a version of it; empty if not."""
        if not signed or signed == self._answers_as:
            return ""
        asked, name = (text.rsplit("/", 1)[-1].removesuffix(":latest") for text in (self._model, signed))
        if self._answers_as is None and (signed == self._model or name.startswith(asked)):
            return ""
        return f"{self._answers_as or self._model!r} was asked, and {signed!r} has signed answers (`answers_as`)"


def _with_system(turns: Sequence[Turn], system: str) -> Sequence[Turn]:
    """The turns, with a system prompt before that of the task."""
    if not system:
        return turns
    if turns[0].role != "system":
        return [Turn("system", system), *turns]
    return [Turn("system", f"{system}\n\n{turns[0].text}"), *turns[1:]]


def _first_choice(raw: Any) -> Mapping[str, Any]:
    choices = raw.get("choices") if isinstance(raw, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Broken("the server gave an answer without choices")
    first: Mapping[str, Any] = choices[0]
    return first


def _text_of_message(choice: Mapping[str, Any]) -> Any:
    """The text of a chat message; where there is none, that of a refusal, or none if a filter or the limit took it."""
    message = choice.get("message")
    if not isinstance(message, dict):
        return None
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    if content is None:
        content = message.get("refusal")
    took_it = choice.get("finish_reason") in ("content_filter", "length")
    return "" if content is None and took_it else content


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
