"""The task `language`: which tokens are scored, of what, and what is said of those that are not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.api import Context, Examples, InvalidOutput, NotApplicable, Status, TextBatch
from harness.testing import assert_same_records, run_suite
from harness_language.noise import Homoglyphs
from harness_language.tasks.score_text import Language
from tiny.tiny_language import Reader

BOS = 256


def loop(model: Reader, text: str, window: int, stride: int, *, start: bool) -> list[float]:
    """The log-likelihood of each token, read alone from what the window shows of the text before it."""
    tokens = ([BOS] if start else []) + list(text.encode())
    found = []
    for place in range(1, len(tokens)):
        end = window + 1
        while end <= place:
            end += stride
        first = max(0, min(end, len(tokens)) - window - 1)
        state = model.states(torch.tensor([tokens[first:place]]))[0, -1:]
        found.append(float(model.logits(state).log_softmax(dim=1)[0, tokens[place]]))
    return found


def records(model: Any, texts: Sequence[str | bytes], attack: Any = None, batch_size: int = 128, **how: Any) -> Any:
    data = Examples(
        [f"d{i}" for i in range(len(texts))], {"texts": list(texts)}, groups={"of": list(range(len(texts)))}
    )
    return Language(**how).run(model, data, attack, Context(batch_size=batch_size)).records


TEXTS = ["a", "ab", "abcd", "abcde", "abcdef", "Ünï", "x" * 17, "The quick brown fox.", "\x00\x00\x00"]


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("bos", ["start", "none"])
def test_every_token_is_scored_once_in_its_window(stride: int, bos: str) -> None:
    found = records(Reader(), TEXTS, window=5, stride=stride, bos=bos)
    for row, text in enumerate(TEXTS):
        expected = loop(Reader(), text, 5, stride, start=bos == "start")
        if not expected:
            assert found["unscored"][row] == "too short"
            continue
        assert found["nll"][row] == pytest.approx(-math.fsum(expected), rel=1e-12)
        assert found["tokens"][row] == len(expected)
        assert found["bytes"][row] == len(expected)
        assert found["windows"][row] == 1 + max(0, math.ceil((len(text.encode()) - 5 - (bos == "none")) / stride))


def test_a_window_as_long_as_the_text_is_the_whole_text() -> None:
    text = "What is read at once."
    (whole,) = records(Reader(), [text], window=300, stride=300)["nll"]
    assert whole == pytest.approx(-math.fsum(loop(Reader(), text, 300, 300, start=True)), rel=1e-12)


class WideTokenizer(Reader):
    """A tokenizer with a token, of "#", beyond the 256 of the model."""

    def encode(self, text: str) -> Sequence[int]:
        return [401 if byte == ord("#") else byte for byte in text.encode()]


@pytest.mark.parametrize("bos", ["start", "none"])
def test_a_document_with_a_token_that_the_model_lacks_is_not_scored(bos: str) -> None:
    found = records(WideTokenizer(), ["abc # def", "plain"], bos=bos)
    assert found["unscored"] == ["the text holds token 401, which the model does not have", None]
    assert found["nll"] == [None, records(Reader(), ["plain"], bos=bos)["nll"][0]]


def test_the_start_token_is_read_and_never_predicted() -> None:
    model = Reader()
    found = records(model, ["abc"])
    assert found["first_ids"] == ["256 97 98 99"]
    assert found["tokens"] == [3]
    assert model.seen[0].tolist() == [[256, 97, 98]]
    assert records(Reader(), ["abc"], bos="none")["first_ids"] == ["97 98 99"]


def test_without_a_start_token_only_what_is_scored_is_counted() -> None:
    """The first byte of é is not scored, its second is; so is all of "a bc" but its first byte."""
    assert records(Reader(), ["é", "a bc", "🙂!"], bos="none")["bytes"] == [1, 3, 4]
    assert records(Reader(), ["é", "a bc", "🙂!"], bos="start")["bytes"] == [2, 4, 5]


def test_a_word_that_is_only_read_is_no_word_that_is_scored() -> None:
    texts = ["a bc", "ab c", "é x", "a"]
    assert records(Reader(), texts, bos="none")["words"] == [1, 2, 2, None]
    assert records(Reader(), texts, bos="start")["words"] == [2, 2, 2, 1]


def test_what_cannot_be_scored_is_counted_with_its_reason() -> None:
    found = records(Reader(), ["", b"ab\xff\xfe", b"fine", "\n", "a\ud800"])
    assert found["unscored"] == ["empty", "no UTF-8 at byte 2", None, None, "no UTF-8 at character 1"]
    assert [value is None for value in found["nll"]] == [True, True, False, False, True]
    assert found["tokens"] == [None, None, 4, 1, None]
    assert found["words"] == [None, None, 1, 0, None]
    assert found["group.of"] == [0, 1, 2, 3, 4]


def test_a_text_that_spells_the_start_token_is_not_scored() -> None:
    assert records(Reader(bos=97), ["banana", "xyz"])["unscored"] == ["the text holds the start token", None]


def test_a_tokenizer_without_a_start_token() -> None:
    with pytest.raises(NotApplicable, match="no start token; with `bos: none` the first token is not scored"):
        records(Reader(bos=None), ["abc"])
    assert records(Reader(bos=None), ["abc"], bos="none")["tokens"] == [2]


def test_a_window_that_the_model_cannot_read() -> None:
    with pytest.raises(NotApplicable, match="reads at most 8 tokens, the task's window is 256"):
        records(Reader(window=8), ["abc"])
    with pytest.raises(NotApplicable, match="stride 9 is larger than the window of 8"):
        Language(window=8, stride=9)
    # A document may be longer than both.
    assert records(Reader(window=8), ["x" * 100], window=8, stride=4)["tokens"] == [100]


def test_padding_is_on_the_right_and_changes_nothing() -> None:
    model = Reader()
    together = records(model, ["abc", "abcdefgh", "ab"])
    assert model.seen[0].tolist()[1:] == [[256, 97, 98, 0, 0, 0, 0, 0], [256, 97, 0, 0, 0, 0, 0, 0]]
    alone = [records(Reader(), [text])["nll"][0] for text in ("abc", "abcdefgh", "ab")]
    assert together["nll"] == pytest.approx(alone, rel=1e-14)


@pytest.mark.parametrize("batch_size", [1, 2, 7])
def test_the_batch_size_changes_nothing(batch_size: int) -> None:
    texts = [chr(97 + n % 26) * (37 * n % 211 + 1) for n in range(20)]
    assert records(Reader(), texts, batch_size=batch_size)["nll"] == pytest.approx(
        records(Reader(), texts)["nll"], rel=1e-13
    )


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_logits_that_are_not_finite_are_a_problem_and_no_number(value: str) -> None:
    data = Examples(["one", "two"], {"texts": ["abc", ""]})
    outcome = Language().run(Reader(broken=value), data, None, Context())
    assert outcome.records["nll"] == [None, None]
    assert outcome.problems == ("1 of 2 likelihoods are not finite, first for document 'one'",)


def test_data_without_texts() -> None:
    with pytest.raises(InvalidOutput, match="lacks the column 'texts'; it has prompts"):
        Language().run(Reader(), Examples(["a"], {"prompts": ["x"]}), None, Context())


class Candidates:
    """Returns what it is told."""

    def __init__(self, *returned: Any) -> None:
        self.returned = returned

    def rewrite(self, model: object, batch: TextBatch, ctx: Context) -> Any:
        return list(self.returned)


def test_of_several_candidates_the_worst_per_byte_is_kept() -> None:
    tries = ["abcd", "abxd", "a", "abcdefgh"]
    found = records(Reader(), ["abcd"], Candidates(tries))
    rates = {text: -math.fsum(loop(Reader(), text, 256, 128, start=True)) / len(text) for text in tries}
    worst = max(rates, key=lambda text: rates[text])
    assert found["nll"] == pytest.approx([rates[worst] * len(worst)], rel=1e-12)
    assert found["bytes"] == [len(worst)]
    assert found["candidates"] == [4]
    assert found["edited"] == [{"abcd": 0, "abxd": 0.25, "a": 0.75, "abcdefgh": 0.5}[worst]]


@pytest.mark.parametrize(("draws", "told"), [(1, True), (3, False)])
def test_noise_that_replaces_letters_is_told_and_counted_in_clean_bytes(draws: int, told: bool) -> None:
    """A Cyrillic letter takes two bytes; the clean text is as long as before. Of several draws the worst is no draw."""
    noise = Homoglyphs(rate=1.0, draws=draws)
    found = records(Reader(), ["peace"], noise)
    assert found["bytes"] == [5]
    assert found["edited"] == [1.0]
    assert found["noise_nats"] == ([0.0] if told else [None])
    assert records(Reader(), ["abcd"], Candidates(["xbcd"]))["noise_nats"] == [None]


def test_candidates_of_one_document_do_not_move_those_of_the_next() -> None:
    """A document that cannot be scored has candidates too, which are not its neighbour's."""
    found = records(Reader(), ["ab", b"\xff", "cd"], Candidates(["ab", "ax"], ["zz", "yy"], ["cd"]))
    alone = records(Reader(), ["cd"], Candidates(["cd"]))
    assert found["unscored"][1] == "no UTF-8 at byte 0"
    assert found["nll"][2] == pytest.approx(alone["nll"][0], rel=1e-14)
    assert found["edited"][2] == 0


@pytest.mark.parametrize("returned", ["text", [], [b"bytes"], [None]])
def test_an_attack_that_returns_no_texts(returned: Any) -> None:
    with pytest.raises(InvalidOutput, match="Candidates must return one or more texts for 'd0'"):
        records(Reader(), ["ab"], Candidates(returned))


def test_an_attack_that_loses_documents() -> None:
    with pytest.raises(InvalidOutput, match="returned 1 lists of texts for 2 texts"):
        records(Reader(), ["ab", "cd"], Candidates(["ab"]))


# --- through the engine -----------------------------------------------------------------------------------------

SUITE = """
suite: tiny
task: {use: language, with: {window: 32, stride: 16}}
data: {use: corpus}
models: [reader]
attacks: [none, {use: word_swap, with: {rate: 0.5, draws: 3}}]
metrics: [bits_per_byte, perplexity]
"""


def test_a_run_counts_what_was_not_scored(tmp_path: Path) -> None:
    folder = Path(__file__).parents[3] / "tiny"
    one = run_suite(SUITE, tmp_path / "one", plugin_folders=[folder], batch_size=1)
    many = run_suite(SUITE, tmp_path / "many", plugin_folders=[folder], batch_size=64)
    assert [row.status for row in one.rows] == [Status.OK, Status.OK]
    assert_same_records(one, many)
    estimate = one.rows[0].estimates["bits_per_byte"]
    assert (estimate.n, estimate.n_missing) == (3, 2)
    assert one.rows[0].protocol["window"] == 32


def test_a_model_that_is_not_sure_of_anything_has_no_likelihood(tmp_path: Path) -> None:
    suite = SUITE.replace("[reader]", '[{use: reader, with: {broken: "nan"}}]')
    run = run_suite(suite, tmp_path, plugin_folders=[Path(__file__).parents[3] / "tiny"])
    assert {row.status for row in run.rows} == {Status.INVALID}
    assert "3 of 5 likelihoods are not finite, first for document 'd0'" in run.rows[0].reason
