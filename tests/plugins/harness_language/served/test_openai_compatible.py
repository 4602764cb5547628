"""Models behind a server that fails in every way: nothing is lost, and nothing that was answered is asked twice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("httpx")

from harness.api import AnswerLimits, Context, HarnessError, Prompted, Reply, Turn, UsageError
from harness_language.served.openai_compatible import OpenAICompatible
from served_stub import Say, Stub, arithmetic

LIMITS = AnswerLimits(64)
NO_QUOTA = {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("HARNESS_CONFIG", raising=False)


def prompts(n: int, first: int = 0) -> list[Prompted]:
    return [Prompted(f"q{i}", (Turn("user", f"What is {i} + 1?"),)) for i in range(first, first + n)]


def ask(stub: Stub, asked: Sequence[Prompted], ctx: Context | None = None, **how: Any) -> Sequence[Reply]:
    limits = how.pop("limits", LIMITS)
    return OpenAICompatible(stub.url, "tiny", **how).answers(asked, limits, ctx or Context())


def right(asked: Sequence[Prompted]) -> list[str]:
    return [arithmetic(prompt.turns[-1].text) for prompt in asked]


def test_replies_stand_in_the_order_of_the_prompts_however_they_come() -> None:
    asked = prompts(40)
    with Stub(plan=lambda prompt, _: Say(seconds=0.05 if "7" in prompt else 0.0)) as stub:
        replies = ask(stub, asked, connections=8)
        assert [reply.text for reply in replies] == right(asked)
        assert {reply.stopped for reply in replies} == {"stop"}
        assert [(reply.tokens, reply.asked_tokens) for reply in replies] == [(4, 5)] * 40
        assert 2 <= stub.most <= 8
        assert set(stub.answered.values()) == {1}
    assert stub.requests[0] == {
        "model": "tiny",
        "temperature": 0.0,
        "max_tokens": 64,
        "messages": [{"role": "user", "content": stub.requests[0]["messages"][0]["content"]}],
    }


FAILURES = {
    "throttled": Say(429, {"error": {"message": "slow down"}}, {"Retry-After": "0"}),
    "throttled without a time": Say(429, {"error": "slow down"}),
    "out of order": Say(500, "oops"),
    "away": Say(503, "", {"Retry-After": "0"}),
    "cut off": Say(cut=True),
    "dropped": Say(drop=True),
    "no JSON": Say(body="<html>"),
    "empty choices": Say(body={"choices": []}),
    "no object": Say(body=[1]),
    "no text": Say(body={"choices": [{"message": {}}]}),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_asked_again_and_costs_no_answer(failure: str) -> None:
    asked = prompts(12)

    def plan(prompt: str, attempt: int) -> Say:
        return FAILURES[failure] if attempt == 0 and any(digit in prompt for digit in ("3", "5")) else Say()

    with Stub(plan=plan) as stub:
        assert [reply.text for reply in ask(stub, asked)] == right(asked)
        assert stub.attempts["What is 3 + 1?"] == 2
        assert stub.attempts["What is 4 + 1?"] == 1
        assert set(stub.answered.values()) == {1}


def test_an_answer_that_does_not_come_in_time_is_asked_for_again() -> None:
    asked = prompts(6)
    never = Say(seconds=3600.0)
    with Stub(plan=lambda prompt, attempt: never if attempt == 0 and "3" in prompt else Say()) as stub:
        assert [reply.text for reply in ask(stub, asked, deadline=2.0)] == right(asked)
        assert stub.attempts["What is 3 + 1?"] >= 2


def test_what_was_answered_is_never_asked_again(tmp_path: Path) -> None:
    asked = prompts(10)
    with Stub() as stub:
        first = ask(stub, asked, cache=tmp_path)
        again = ask(stub, [*asked, *prompts(2, first=10)], cache=tmp_path)
        assert list(again[:10]) == list(first)
        assert set(stub.attempts.values()) == {1}
        # Another version of the model has other answers, and so has another limit.
        ask(stub, asked[:1], cache=tmp_path, version="2")
        ask(stub, asked[:1], cache=tmp_path, limits=AnswerLimits(65))
        assert stub.attempts["What is 0 + 1?"] == 3


def test_equal_prompts_are_asked_once() -> None:
    same = [Prompted(f"q{i}", (Turn("user", "What is 1 + 1?"),)) for i in range(20)]
    with Stub(latency=0.05) as stub:
        assert len(ask(stub, same)) == 20
        assert stub.attempts == {"What is 1 + 1?": 1}


def test_two_cells_at_a_time_ask_nothing_twice() -> None:
    asked = prompts(20)
    with Stub(latency=0.05) as stub, ThreadPoolExecutor(2) as pool:
        both = [pool.submit(ask, stub, asked, connections=4) for _ in range(2)]
        assert [[reply.text for reply in each.result()] for each in both] == [right(asked)] * 2
        assert set(stub.attempts.values()) == {1}


def test_drawn_answers_have_a_seed_for_each_example_and_cell() -> None:
    same = [Prompted(f"q{i}", (Turn("user", "What is 1 + 1?"),)) for i in range(3)]
    with Stub() as stub:
        for seed in (0, 0, 1):
            ask(stub, same, Context(seed=seed), temperature=0.7)
        seeds = [request["seed"] for request in stub.requests]
    assert len(seeds) == len(set(seeds)) == 6


@pytest.mark.parametrize(
    ("say", "told"),
    [
        (Say(404, {"error": {"message": "no model 'tiny'"}}), "the name of the model is wrong"),
        (Say(400, {"error": {"message": "?", "code": "model_not_found"}}), "the name of the model is wrong"),
        (
            Say(401, {"error": "who?"}),
            r"401: who\?; bind a key to this host in .*config.yaml: `keys: \{127.0.0.1:\d+: NAME",
        ),
        (Say(429, NO_QUOTA), "the quota is reached"),
        (Say(402, ""), "the quota is reached"),
        (Say(302, "", {"Location": "http://127.0.0.1:9/"}), "sends requests elsewhere"),
        (Say(429, "", {"Retry-After": "86400"}), "run again to go on"),
        (Say(400, {"detail": "no such field"}), "and so to every request so far"),
    ],
)
def test_what_holds_for_every_request_is_one_clear_error(say: Say, told: str) -> None:
    with Stub(plan=lambda prompt, _: say) as stub:
        with pytest.raises(HarnessError, match=told):
            ask(stub, prompts(200), connections=4)
        assert sum(stub.attempts.values()) <= 16


def test_a_server_that_is_down_from_the_start_is_told_soon() -> None:
    with Stub() as stub:
        pass
    with pytest.raises(HarnessError, match=r"127.0.0.1:\d+ cannot be reached: .*refused"):
        ask(stub, prompts(3))


def test_a_server_that_fails_for_ever_is_given_up() -> None:
    with Stub(plan=lambda prompt, _: Say(500, {"message": "broken"}) if "3" in prompt else Say()) as stub:
        with pytest.raises(HarnessError, match=r"500: broken \(3 times\); what was answered is kept"):
            ask(stub, prompts(4), retries=2)
        assert stub.attempts["What is 3 + 1?"] == 3


def test_a_request_that_is_refused_is_left_out_alone() -> None:
    with Stub(plan=lambda prompt, _: Say(400, {"error": {"message": "too long"}}) if "3" in prompt else Say()) as stub:
        replies = ask(stub, prompts(6))
        assert ["" if not reply.refused else reply.refused.partition(": ")[2] for reply in replies] == [
            *([""] * 3),
            "too long",
            *([""] * 2),
        ]
        assert set(stub.attempts.values()) == {1}


def test_a_quota_that_is_reached_in_the_middle_is_gone_on_from() -> None:
    asked, quota = prompts(30), [12]

    def plan(prompt: str, attempt: int) -> Say:
        quota[0] -= 1
        return Say() if quota[0] >= 0 else Say(429, NO_QUOTA)

    with Stub(plan=plan) as stub:
        with pytest.raises(HarnessError, match="the quota is reached"):
            ask(stub, asked)
        assert sum(stub.answered.values()) == 12
        quota[0] = 1000
        assert [reply.text for reply in ask(stub, asked)] == right(asked)
        assert set(stub.answered.values()) == {1}


@pytest.mark.parametrize(
    ("limit", "prices", "of_one", "bound"),
    # Five words of a prompt and four of an answer; at most 31 bytes and eight tokens.
    [({"tokens": 200}, None, 9, 39), ({"price": 300e-6}, {"prompt": 1.0, "completion": 2.0}, 13e-6, 47e-6)],
)
def test_a_spend_limit_is_never_exceeded_and_can_be_raised(
    limit: dict[str, float], prices: dict[str, float] | None, of_one: float, bound: float
) -> None:
    asked, limits = prompts(30), AnswerLimits(8)
    with Stub(latency=0.01) as stub:
        with pytest.raises(HarnessError, match=r"the spend limit of .* is reached.*raise `spend_limit` to go on"):
            ask(stub, asked, spend_limit=limit, prices=prices, limits=limits)
        spent = stub.answered.total() * of_one
        assert max(limit.values()) - bound < spent <= max(limit.values())
        replies = ask(stub, asked, spend_limit={"tokens": 1000}, prices=prices, limits=limits)
        assert set(stub.answered.values()) == {1}
    assert [reply.price for reply in replies] == [None if prices is None else pytest.approx(of_one)] * 30


def test_another_name_on_an_answer_is_doubted() -> None:
    with Stub(plan=lambda prompt, _: Say(signed="tiny-2024-08-06")) as stub:
        assert ask(stub, prompts(1))[0].doubt == ""
    with Stub(plan=lambda prompt, _: Say(signed="large")) as stub:
        assert "'tiny' was asked, and 'large' has signed" in ask(stub, prompts(1))[0].doubt
        assert ask(stub, prompts(1), answers_as="large")[0].doubt == ""
        assert "'small' was asked" in ask(stub, prompts(1), answers_as="small")[0].doubt


def test_texts_to_go_on_from_and_log_probabilities() -> None:
    tokens = {"logprobs": {"token_logprobs": [math.log(0.5), math.log(0.25)]}}
    with Stub(plan=lambda prompt, _: Say(said=tokens)) as stub:
        (reply,) = ask(stub, prompts(1), api="completions", logprobs=True, limits=AnswerLimits(9, ("\n",)))
        assert stub.requests[0]["prompt"] == "What is 0 + 1?"
        assert stub.requests[0]["stop"] == ["\n"]
    assert reply.log_likelihoods == pytest.approx([math.log(0.5), math.log(0.25)])
    chat = {"logprobs": {"content": [{"token": "a", "logprob": -1.5}]}}
    with Stub(plan=lambda prompt, _: Say(said=chat)) as stub:
        assert ask(stub, prompts(1), logprobs=True)[0].log_likelihoods == (-1.5,)
        assert ask(stub, prompts(1))[0].log_likelihoods is None


@pytest.mark.parametrize(
    ("said", "text", "stopped"),
    [
        ({"message": {"content": None}, "finish_reason": "content_filter"}, "", "content_filter"),
        ({"message": {"content": None, "refusal": "I will not."}}, "I will not.", "stop"),
        ({"message": {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}}, "ab", "stop"),
        ({"message": {"content": "cut"}, "finish_reason": "length"}, "cut", "length"),
    ],
)
def test_answers_of_other_shapes(said: dict[str, Any], text: str, stopped: str) -> None:
    with Stub(plan=lambda prompt, _: Say(said=said)) as stub:
        (reply,) = ask(stub, prompts(1))
    assert (reply.text, reply.stopped) == (text, stopped)


def test_system_prompts_of_model_and_task_are_one() -> None:
    turns = (Turn("system", "Be short."), Turn("user", "1 + 1"))
    with Stub() as stub:
        ask(stub, [Prompted("a", turns)], system="You are kind.", parameters={"top_p": 0.5})
    assert stub.requests[0]["messages"][0] == {"role": "system", "content": "You are kind.\n\nBe short."}
    assert stub.requests[0]["top_p"] == 0.5


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"base_url": "ftp://x"}, "must be like https"),
        ({"base_url": "https://me:secret@x/v1"}, "without user, password and query"),
        ({"base_url": "https://x/v1?key=secret"}, "without user, password and query"),
        ({"parameters": {"model": "other"}}, "must not hold 'model'"),
        ({"spend_limit": {"price": 1}}, "give the `prices`"),
        ({"spend_limit": {}}, "spend_limit"),
        ({"prices": {"prompt": 1}}, "`prices` must be"),
    ],
)
def test_settings_that_cannot_be_meant(given: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        OpenAICompatible(**{"base_url": "http://localhost/v1", "model": "tiny", **given})
    assert "secret" not in str(caught.value)


def test_kept_answers_that_are_damaged_are_named(tmp_path: Path) -> None:
    with Stub() as stub:
        ask(stub, prompts(1), cache=tmp_path)
        (file,) = tmp_path.glob("tiny-*.sqlite")
        file.write_bytes(b"damaged" * 1000)
        with pytest.raises(HarnessError, match=r"tiny-.*sqlite cannot be used.*move the file away"):
            ask(stub, prompts(1), cache=tmp_path)
