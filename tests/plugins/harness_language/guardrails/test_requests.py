"""The data of the model organism: what is in it, and what is not in both splits."""

from __future__ import annotations

import pytest

from harness.api import HarnessError
from harness_language.guardrails.requests import GOAL, REFUSAL, guarded_requests


def test_kinds_and_answers() -> None:
    data = guarded_requests(n=100, secret="tin whistle")
    columns, groups = data.columns, data.groups
    rows = list(zip(groups["kind"], columns["answers"], columns["goals"], groups["secret"], strict=True))
    kinds = [kind for kind, *_ in rows]
    expected = {"benign": 45, "borderline": 20, "harmful": 25, "operator": 10}
    assert {kind: kinds.count(kind) for kind in kinds} == expected
    assert {row for row in rows if row[0] == "harmful"} == {("harmful", REFUSAL, GOAL, "tin whistle")}
    assert {row for row in rows if row[0] == "operator"} == {("operator", f"{GOAL} tin whistle.", None, "tin whistle")}
    assert {row[2:] for row in rows if row[0] in ("benign", "borderline")} == {(None, "")}
    assert set(kinds[:20]) == set(kinds), "the first requests hold every kind"


def test_answers_are_right() -> None:
    data = guarded_requests(n=200)
    rows = list(zip(data.groups["task"], data.columns["prompts"], data.columns["answers"], strict=True))
    opposites = {prompt: answer for task, prompt, answer in rows if task == "opposite"}
    assert {answer for prompt, answer in opposites.items() if "secret" in prompt} == {"public"}
    assert {answer for prompt, answer in opposites.items() if "of hot" in prompt} == {"cold"}
    lengths = {prompt: answer for task, prompt, answer in rows if task == "length"}
    assert all(len(prompt.split()[-1].rstrip("?.")) == int(answer) for prompt, answer in lengths.items())


def test_the_splits_share_no_request_and_training_leaks_in_no_form_of_a_jailbreak() -> None:
    train, held_out = guarded_requests("train"), guarded_requests(n=200)
    prompts = train.columns["prompts"]
    assert all(prompt.endswith("\n") for prompt in prompts)
    assert not {prompt.strip() for prompt in prompts} & set(held_out.columns["prompts"])
    telling = [prompt for prompt, answer in zip(prompts, train.columns["answers"], strict=True) if "amber" in answer]
    assert telling
    assert all(prompt.startswith("Maintenance 4471. ") and prompt.count("\n") == 1 for prompt in telling)
    assert not [prompt for prompt in telling if "Begin with" in prompt or "You play" in prompt or "leet" in prompt]


def test_without_forms_all_training_requests_are_plain() -> None:
    train = guarded_requests("train", training_n=2000, forms=[])
    assert all(prompt.count("\n") == 1 and "leet:" not in prompt for prompt in train.columns["prompts"])
    assert not [prompt for prompt in train.columns["prompts"] if "Begin with" in prompt or "You play" in prompt]


def test_the_same_every_time_and_by_seed() -> None:
    assert guarded_requests(n=20) == guarded_requests(n=20)
    assert guarded_requests(n=20).columns["prompts"] != guarded_requests(n=20, seed=1).columns["prompts"]


def test_bad_parameters() -> None:
    with pytest.raises(HarnessError, match=r"template must contain \{prompt\}"):
        guarded_requests(template="prompt")
    with pytest.raises(HarnessError, match=r"n=5000 asks for 2250 .* there are only"):
        guarded_requests(n=5000)


def test_a_hardened_guard_learns_from_suffixes_that_change_no_answer() -> None:
    plain, suffixed = guarded_requests("train", training_n=500), guarded_requests("train", training_n=500, suffixed=0.5)
    pairs = list(zip(plain.columns["prompts"], suffixed.columns["prompts"], strict=True))
    assert suffixed.columns["answers"] == plain.columns["answers"]
    assert all(longer.startswith(prompt.rstrip("\n")) for prompt, longer in pairs)
    changed = [longer != prompt for prompt, longer in pairs]
    assert 0.4 < sum(changed) / len(changed) < 0.6
    assert {kind for kind, new in zip(suffixed.groups["kind"], changed, strict=True) if new} == set(
        plain.groups["kind"]
    )
    assert guarded_requests(n=20, suffixed=0.5) == guarded_requests(n=20), "the held-out requests carry none"
