"""Continuing prompts: where answers end, what is read, and that nothing depends on company."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest
import torch
from scipy import stats
from torch import Tensor

from harness.api import Context, Decoding, InvalidOutput
from harness_language.tasks.decoding_loop import Generated, Generation, Prompt, generate
from scripted_models import Scripted, ScriptedIncremental, ScriptedPadded, always

PIECES = ["a", "b", "c", "#", "\n", "c\nb", ""]


class InverseCumulative:
    """Draws from the model's own distribution."""

    def choose(self, logits: Tensor, uniform: Tensor) -> Tensor:
        cumulative = logits.double().softmax(dim=1).cumsum(dim=1)
        return torch.searchsorted(cumulative, uniform[:, None], right=True).squeeze(1).clamp(max=logits.shape[1] - 1)


class Strict(InverseCumulative):
    """Takes nothing but a distribution."""

    def choose(self, logits: Tensor, uniform: Tensor) -> Tensor:
        assert logits.isfinite().all()
        return super().choose(logits, uniform)


def one(says: Sequence[str], stop: Sequence[str] = ("\n",), max_tokens: int = 6, **more: bool) -> Generated:
    model = Scripted(PIECES, always(PIECES, says), **more)
    return generate(model, [Prompt("q", [model.vocabulary])], Generation(max_tokens, stop), Context())[0]


def chain(read: tuple[int, ...]) -> Mapping[int, float]:
    """Depends on the last token and on how much was read, so that a wrong window or past would show."""
    last, position = read[-1] % 3, len(read) % 2
    weights = [1 + ((last + token + position) % 3) for token in range(3)]
    return {token: 0.95 * weight / sum(weights) for token, weight in enumerate(weights)} | {6: 0.05}


@pytest.mark.parametrize(
    ("says", "stop", "text", "tokens", "stopped"),
    [
        (["a", "b", "\n"], ["\n"], "ab", 3, "stop"),
        (["a", "#", "#"], ["##"], "a", 3, "stop"),  # spread over tokens
        (["a", "c\nb"], ["\n"], "ac", 2, "stop"),  # in the middle of one
        (["a", "c\nb"], ["b", "c\n"], "a", 2, "stop"),  # of several the first in the text
        (["\n"], ["\n"], "", 1, "stop"),
        (["a", ""], ["\n"], "a", 2, "eos"),
        (["a", "b"], ["\n"], "ababab", 6, "length"),
        (["a", "\n"], [], "a\na\na\n", 6, "length"),
        (["b", "#"], ["##"], "b#b#b#", 6, "length"),
    ],
)
def test_where_an_answer_ends(says: list[str], stop: list[str], text: str, tokens: int, stopped: str) -> None:
    answer = one(says, stop)
    assert (answer.text, len(answer.tokens), answer.stopped) == (text, tokens, stopped)
    assert answer.log_likelihoods == pytest.approx([math.log(0.9)] * tokens)


def test_half_a_character_is_no_text_until_its_other_half_is_there() -> None:
    from harness_language.bytes_tokenizer import ByteTokens

    class Bytes(ByteTokens, Scripted):
        def __init__(self) -> None:
            said = "aé".encode()
            Scripted.__init__(self, ["?"] * 256, lambda read: {said[(len(read) - 1) % 3]: 0.9})
            self.vocabulary, self.bos, self.eos = 256, 256, None

    model = Bytes()
    how = [Generation(2, []), Generation(9, ["é"]), Generation(3, ["x"])]
    answers = [generate(model, [Prompt("q", [256])], each, Context())[0].text for each in how]
    assert answers == ["a\ufffd", "a", "aé"]


def test_logits_that_are_no_numbers_end_an_answer() -> None:
    model = Scripted(PIECES, chain)
    model.logits = lambda states: torch.full((len(states), 7), math.nan)  # type: ignore[method-assign]
    for decoding in (None, Strict()):
        answer = generate(model, [Prompt("q", [7])], Generation(5, ["\n"], decoding), Context())[0]
        assert (answer.stopped, answer.text, len(answer.tokens)) == ("error", "", 1)


def test_logits_in_half_precision_are_scored_in_float32() -> None:
    model = Scripted(PIECES, lambda read: {0: 0.31, 1: 0.3})
    exact = model.logits(model.states(torch.tensor([[7]]))[:, -1]).bfloat16()
    model.logits = lambda states: exact  # type: ignore[method-assign]
    answer = generate(model, [Prompt("q", [7])], Generation(1, []), Context())[0]
    assert answer.log_likelihoods == pytest.approx([float(exact.double().log_softmax(dim=1)[0, 0])], abs=1e-6)


def prompts(count: int = 64) -> list[Prompt]:
    """Of several lengths, in no order."""
    return [Prompt(f"q{i}", [7, *[(i * k) % 3 for k in range(i % 5 + 1)]]) for i in range(count)]


def said(
    model: Scripted, asked: Sequence[Prompt], batch_size: int = 64, seed: int = 0
) -> dict[str, tuple[object, ...]]:
    how = Generation(7, ["bb", "#"], InverseCumulative())
    answers = generate(model, asked, how, Context(batch_size=batch_size, seed=seed))
    return {
        prompt.id: (each.text, tuple(each.tokens), tuple(each.log_likelihoods), each.stopped)
        for prompt, each in zip(asked, answers, strict=True)
    }


@pytest.mark.parametrize("kind", [Scripted, ScriptedIncremental, ScriptedPadded])
@pytest.mark.parametrize("window", [None, 4, 9])
def test_an_answer_depends_on_its_own_prompt_only(kind: type[Scripted], window: int | None) -> None:
    asked = prompts()
    alone = said(kind(PIECES, chain, window=window), asked, batch_size=1)
    assert {stopped for *_, stopped in alone.values()} == {"stop", "eos", "length"}
    for batch_size in (7, 64):
        assert said(kind(PIECES, chain, window=window), asked, batch_size) == alone
    assert said(kind(PIECES, chain, window=window), asked[::-1], 7) == alone
    assert said(kind(PIECES, chain, window=window), asked[3:9]) == {p.id: alone[p.id] for p in asked[3:9]}


@pytest.mark.parametrize("kind", [ScriptedIncremental, ScriptedPadded])
@pytest.mark.parametrize("window", [None, 4, 9])
def test_going_on_and_reading_again_agree(kind: type[ScriptedIncremental], window: int | None) -> None:
    incremental = kind(PIECES, chain, window=window)
    assert said(incremental, prompts()) == said(Scripted(PIECES, chain, window=window), prompts())
    # What was read before is not read again, unless rows were dropped.
    assert sum(length == 1 for _, length in incremental.extended) >= len(incremental.extended) / 2
    assert window is None or max(length for _, length in incremental.read) <= window


def test_no_batch_mixes_lengths_and_finished_rows_leave() -> None:
    model = Scripted(PIECES, lambda read: {6: 0.9} if read[-1] == 1 else {0: 0.9})
    asked = [Prompt("a", [7, 0]), Prompt("b", [7, 1]), Prompt("c", [7, 1, 0])]
    answers = generate(model, asked, Generation(3, []), Context())
    assert [each.text for each in answers] == ["aaa", "", "aaa"]
    assert model.read == [(1, 3), (1, 4), (1, 5), (2, 2), (1, 3), (1, 4)]
    assert [each.batch for each in answers] == [1, 1, 0]


def test_prompts_of_about_one_length_share_a_batch_where_padding_is_left_out() -> None:
    lengths = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    asked = [Prompt(f"q{n}", [7] * n) for n in lengths]
    answers = generate(ScriptedPadded(PIECES, chain), asked, Generation(2, []), Context(batch_size=4))
    # Four at a time, and none shorter than half of the longest.
    assert [each.batch for each in answers] == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
    alone = generate(ScriptedIncremental(PIECES, chain), asked, Generation(2, []), Context(batch_size=4))
    assert [each.batch for each in alone] == list(range(10))


def test_a_prompt_leaves_room_for_its_answer() -> None:
    seen = []

    def rule(read: tuple[int, ...]) -> Mapping[int, float]:
        seen.append(read)
        return {2: 0.9}

    asked = [Prompt("q", [7, 0, 0, 1, 1])]
    (answer,) = generate(Scripted(PIECES, rule, window=4), asked, Generation(2, []), Context())
    assert seen == [(1, 1), (1, 1, 2)]
    assert (answer.cut, answer.forgotten) == (3, 0)


@pytest.mark.parametrize("kind", [Scripted, ScriptedIncremental])
def test_a_long_prompt_is_read_once_and_a_long_answer_in_halves_of_the_window(kind: type[Scripted]) -> None:
    """Counted in positions: 803 tokens in a window of 256 once cost 256 positions for every token of the answer."""
    model = kind(PIECES, lambda read: {0: 0.9}, window=256)
    (answer,) = generate(model, [Prompt("q", [7, *[0] * 802])], Generation(100, []), Context())
    assert (answer.cut, answer.forgotten, len(answer.tokens)) == (803 - 156, 0, 100)
    (long,) = generate(model, [Prompt("q", [7, *[0] * 802])], Generation(600, []), Context())
    assert (long.cut, long.forgotten, len(long.tokens)) == (803 - 128, 4 * 129, 600)
    if isinstance(model, ScriptedIncremental):
        read = sum(n * length for n, length in model.extended)
        assert read == (156 + 99) + (128 + 599 + 4 * 127)


def test_an_answer_ends_at_any_of_the_tokens_that_end_one() -> None:
    model = Scripted(PIECES, always(PIECES, ["a", "#", "b"]))
    model.ends = {3, 6}  # type: ignore[attr-defined]
    (answer,) = generate(model, [Prompt("q", [7])], Generation(6, []), Context())
    assert (answer.text, answer.stopped, answer.tokens) == ("a", "eos", [0, 3])


def test_draws_follow_the_model_and_change_with_the_seed() -> None:
    weights = {0: 0.5, 1: 0.3, 2: 0.15, 3: 0.05, 4: 0.0, 5: 0.0, 6: 0.0}
    model = Scripted(PIECES, lambda read: weights)
    asked = [Prompt(f"q{i}", [7]) for i in range(2000)]
    how = Generation(2, [], InverseCumulative())
    tokens = [answer.tokens for answer in generate(model, asked, how, Context(batch_size=500))]
    expected = [2000 * weights[token] for token in range(4)]
    for position in (0, 1):
        counted = [sum(each[position] == token for each in tokens) for token in range(4)]
        assert stats.chisquare(counted, expected).pvalue > 1e-3
    # Two tokens of an answer are independent draws.
    pairs = [[sum(each == [i, j] for each in tokens) for j in range(3)] for i in range(3)]
    assert stats.chi2_contingency(pairs).pvalue > 1e-3
    other = generate(model, asked, how, Context(batch_size=500, seed=1))
    assert sum(a == b.tokens for a, b in zip(tokens, other, strict=True)) < 1000


class Wrong:
    def __init__(self, returned: Tensor) -> None:
        self.returned = returned

    def choose(self, logits: Tensor, uniform: Tensor) -> Tensor:
        return self.returned


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (torch.tensor([0, 0]), r"returned \[2\], expected int64 tokens \[1\]"),
        (torch.tensor([0.0]), "expected int64"),
        (torch.tensor([7]), "outside the vocabulary of 7"),
    ],
)
def test_a_rule_that_breaks_its_contract_is_told_so(returned: Tensor, message: str) -> None:
    rule: Decoding = Wrong(returned)
    with pytest.raises(InvalidOutput, match=message):
        generate(Scripted(PIECES, chain), [Prompt("q", [7])], Generation(1, [], rule), Context())


def test_states_of_the_wrong_shape_are_told() -> None:
    model = Scripted(PIECES, chain)
    model.states = lambda tokens: torch.zeros(3, 1, 1)  # type: ignore[method-assign]
    with pytest.raises(InvalidOutput, match=r"states are \[3, 1, 1\], expected \[1, length"):
        generate(model, [Prompt("q", [7])], Generation(1, []), Context())
