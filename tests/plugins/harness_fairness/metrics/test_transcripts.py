"""Word error rates: sum over sum, by speaker, with alignments by jiwer where it is installed."""

from __future__ import annotations

import unicodedata
from typing import Literal

import numpy as np
import pytest

from harness.api import InvalidOutput, Records
from harness_fairness.metrics.transcripts import Wer, WerGap, _words, errors_and_words


def records(**columns: object) -> Records:
    n = len(next(iter(columns.values())))  # type: ignore[arg-type]
    return Records.of(
        {"id": [str(i) for i in range(n)], **{k.replace("group_", "group."): v for k, v in columns.items()}}
    )


SOME = records(
    errors=[1.0, 9.0, 0.0, 4.0, 2.0, None],
    words=[2.0, 90.0, 8.0, 40.0, 10.0, 5.0],
    speaker=["ann", "ann", "bob", "cat", "dan", "dan"],
    group_sex=["f", "f", "m", "f", "m", "m"],
)


def test_the_corpus_rate_is_sum_over_sum() -> None:
    estimate = Wer().estimate(SOME)
    assert estimate.value == pytest.approx(16 / 150)
    assert (estimate.n, estimate.n_missing, estimate.method) == (5, 1, "jackknife over 4 speakers, log t")
    assert Wer(average="utterance").estimate(SOME).value == pytest.approx((0.5 + 0.1 + 0 + 0.1 + 0.2) / 5)


def test_the_gap_is_between_corpus_rates_of_groups() -> None:
    estimate = WerGap("sex").estimate(SOME)
    assert estimate.value == pytest.approx(14 / 132 - 2 / 18, abs=1e-12) or estimate.value == pytest.approx(
        2 / 18 - 14 / 132
    )
    assert estimate.reason == "too few for an interval: 4 clusters by speaker"
    assert estimate.n_missing == 1


def test_correct_words_will_do() -> None:
    assert Wer().estimate(records(correct_words=[3.0, 5.0], words=[5.0, 10.0])).value == pytest.approx(7 / 15)


def test_without_speakers_each_record_is_one_and_the_estimate_says_so() -> None:
    some = records(errors=[1.0, 2.0, 3.0, 1.0], words=[10.0] * 4, group_sex=["f", "f", "m", "m"])
    assert WerGap("sex").estimate(some).reason == (
        "the records name no speaker: each is taken for one; too few for an interval: 4 records"
    )


@pytest.mark.parametrize(("women", "men", "found"), [(3, 3, False), (3, 4, True)])
def test_a_gap_that_no_permutation_could_find_has_no_interval(women: int, men: int, found: bool) -> None:
    """Six speakers in groups of three can be divided in 10 ways."""
    n = women + men
    errors = [1.0 + 0.1 * i for i in range(women)] + [8.0 + 0.1 * i for i in range(men)]
    some = records(
        errors=errors,
        words=[10.0] * n,
        speaker=[str(i) for i in range(n)],
        group_sex=["f"] * women + ["m"] * men,
    )
    gap = WerGap("sex").estimate(some)
    assert gap.value == pytest.approx(np.mean(errors[women:]) / 10 - np.mean(errors[:women]) / 10)
    assert (gap.p is not None and gap.low is not None) is found
    assert gap.reason == ("7 clusters by speaker" if found else "too few for an interval: 6 clusters by speaker")


def test_what_is_refused() -> None:
    with pytest.raises(
        InvalidOutput, match="of the clusters by speaker, one belongs to several groups of 'sex': f and m"
    ):
        WerGap("sex").estimate(
            records(errors=[1.0, 1.0], words=[5.0, 5.0], speaker=["ann", "ann"], group_sex=["f", "m"])
        )
    with pytest.raises(InvalidOutput, match="negative counts of errors or words"):
        Wer().estimate(records(correct_words=[6.0], words=[5.0]))
    with pytest.raises(InvalidOutput, match="1 of 2 records have no 'speaker'"):
        Wer().estimate(records(errors=[1.0, 1.0], words=[5.0, 5.0], speaker=["ann", None]))


def test_nothing_to_count() -> None:
    assert Wer().estimate(records(errors=[0.0], words=[0.0])).reason == "the references have no words"
    assert not Wer().estimate(records(label=[1])).applies
    one = WerGap("sex").estimate(records(errors=[1.0, 1.0], words=[5.0, 5.0], group_sex=["f", "m"]))
    assert one.reason == "0 groups have 2 records that count; a gap needs 2"


def test_texts_are_aligned() -> None:
    pytest.importorskip("jiwer")
    some = records(
        reference=["the cat sat on the mat", "Hello, World!", "", None],
        hypothesis=["the cat sat mat", "hello world", "uh", "x"],
    )
    # Two words left out of six; one spurious word; two wrong words of two unless case and punctuation are taken off.
    assert Wer().estimate(some).value == pytest.approx((2 + 2 + 1) / 8)
    assert Wer(normalise=True).estimate(some).value == pytest.approx((2 + 0 + 1) / 8)
    assert Wer().estimate(some).n_missing == 1


def counts(reference: list[object], hypothesis: list[object], normalise: bool = False) -> list[object]:
    """Errors and words of each pair."""
    both = errors_and_words(records(reference=reference, hypothesis=hypothesis), normalise)
    assert both is not None
    return [None if np.isnan(e) else (int(e), int(w)) for e, w in zip(*both, strict=True)]


@pytest.mark.parametrize("normalise", [False, True])
def test_an_empty_transcript_is_an_answer_and_only_none_is_missing(normalise: bool) -> None:
    pairs: list[tuple[object, object]] = [
        ("red green blue", ""),
        ("red green blue", "  \t"),
        ("", "um er"),
        ("", ""),
        ("red", None),
        (None, "red"),
        (None, None),
    ]
    expected = [(3, 3), (3, 3), (2, 0), (0, 0), None, None, None]
    assert counts(*map(list, zip(*pairs, strict=True)), normalise=normalise) == expected


def test_a_recogniser_that_writes_nothing_has_all_words_wrong() -> None:
    """Two words heard in silence besides: jiwer.wer of the same lists is 7 / 5."""
    some = records(reference=["one two three", "four five", ""], hypothesis=["", "", "six seven"])
    assert Wer().estimate(some).value == pytest.approx(7 / 5)
    assert (Wer().estimate(some).n, Wer().estimate(some).n_missing) == (3, 0)


def test_words_heard_in_silence_count_in_the_gap() -> None:
    """Group b: 1 + 3 errors over 8 words, of which 3 by a speaker who said nothing; group a: none over 8."""
    some = records(
        errors=[0.0, 0.0, 1.0, 0.0, 3.0],
        words=[4.0, 4.0, 4.0, 4.0, 0.0],
        speaker=["p", "q", "r", "s", "t"],
        group_sex=["a", "a", "b", "b", "b"],
    )
    assert WerGap("sex").estimate(some).value == pytest.approx(0.5)
    silent = some.where(np.array([True, True, True, False, True]))
    assert WerGap("sex").estimate(silent).reason == "1 groups have 2 clusters by speaker that count; a gap needs 2"


def test_an_utterance_without_words_has_no_rate_of_its_own() -> None:
    estimate = Wer(average="utterance").estimate(records(errors=[1.0, 0.0, 2.0], words=[2.0, 2.0, 0.0]))
    assert (estimate.value, estimate.n_missing) == (pytest.approx(0.25), 1)
    assert estimate.reason == "1 without a word said have no rate; too few to show whether they are skewed: 2"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("text", ["déjà vu à Nîmes", "Việt Nam", "한국어 말", "Ελλάδα", "й ё", "İstanbul"])
def test_composed_and_decomposed_letters_are_the_same(text: str, normalise: bool, form: Literal["NFC", "NFD"]) -> None:
    assert _words(unicodedata.normalize(form, text), normalise) == _words(text, normalise)
    assert len(_words(text, normalise)) == len(text.split())


@pytest.mark.parametrize(
    "text",
    [
        "मैं किताब पढ़ती हूँ",  # Devanagari
        "நான் படிக்கிறேன்",  # Tamil
        "ฉันกำลังอ่าน หนังสือ",  # Thai
        "שָׁלוֹם עוֹלָם",  # pointed Hebrew
        "مَرْحَبًا بِكُمْ",  # Arabic with vowels
        "می\u200cخواهم بروم",  # Persian, with a non-joiner
        "ක්\u200dරියා කරන්න",  # Sinhala, with a joiner
    ],
)
def test_marks_and_joiners_part_no_word(text: str) -> None:
    assert len(_words(text, normalise=True)) == len(text.split())
    assert _words(f"«{text}!»", normalise=True) == _words(text, normalise=True)


def test_a_wrong_word_with_vowel_signs_is_one_error() -> None:
    pytest.importorskip("jiwer")
    assert counts(["मैं किताब पढ़ती हूँ"], ["मैं किताब पढ़ती था"], normalise=True) == [(1, 4)]


@pytest.mark.parametrize("apostrophe", ["'", "’", "‘", "ʼ", "＇", "`"])
def test_apostrophes_close_up(apostrophe: str) -> None:
    assert _words(f"Don{apostrophe}t go", normalise=True) == ["dont", "go"]
    assert _words(f"{apostrophe}quoted{apostrophe} words", normalise=True) == ["quoted", "words"]


def test_punctuation_and_symbols_are_no_words() -> None:
    assert _words("Wait… — 50 % \u2764\ufe0f, (so_called) e\u00adlite\ufeff a\u200bb!", normalise=True) == [
        *("wait", "50", "so", "called", "elite", "a", "b")
    ]
    assert _words("Wait, a moment!", normalise=False) == ["Wait,", "a", "moment!"]


def test_a_transcript_that_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidOutput, match=r"a transcript is 7\.0, a float; references and hypotheses are texts"):
        _words(7.0, normalise=False)


def test_no_error_is_not_certainty() -> None:
    """5 speakers without an error: at most 1 - .05^(1/5) = .45 of the speakers have any, with 95 % confidence."""
    perfect = Wer().estimate(records(errors=[0.0] * 5, words=[20.0] * 5))
    assert (perfect.value, perfect.low) == (0.0, 0.0)
    assert perfect.high == pytest.approx(0.4507, abs=1e-4)
    assert perfect.method == "rule of three over 5 records"
    assert Wer().estimate(records(errors=[1.0], words=[9.0])).low is None


@pytest.mark.parametrize(("speakers", "least"), [(3, 0.90), (5, 0.88), (20, 0.88)])
def test_the_rate_of_few_speakers_is_covered(speakers: int, least: float) -> None:
    """Each with a rate of its own, lognormal around .1; a percentile bootstrap covers .67 with 3 and .74 with 5."""
    rng, draws, covered = np.random.default_rng(speakers), 300, 0
    who = np.repeat(np.arange(speakers), 4).astype(str)

    def rates(n: int) -> np.ndarray:  # type: ignore[type-arg]
        return np.minimum(np.exp(rng.normal(np.log(0.1) - 0.5, 1.0, n)), 1.0)

    truth = float(rates(400_000).mean())
    for _ in range(draws):
        words = rng.integers(5, 20, 4 * speakers)
        errors = rng.binomial(words, np.repeat(rates(speakers), 4))
        found = Wer().estimate(records(errors=errors, words=words, speaker=who))
        covered += found.low <= truth <= found.high  # type: ignore[operator]
    assert covered / draws >= least


def test_two_speakers_have_no_interval_and_three_a_sober_one() -> None:
    two = Wer().estimate(records(errors=[1.0, 3.0], words=[10.0, 10.0], speaker=["a", "b"]))
    assert (two.value, two.low, two.method) == (0.2, None, "too few for an interval: 2 speakers")
    three = Wer().estimate(records(errors=[1.0, 9.0, 2.0], words=[10.0, 10.0, 10.0], speaker=["a", "b", "c"]))
    assert three.value == pytest.approx(0.4)
    # By hand: pseudo values .1, .9, .2 with variance .19, error .2517; t 4.3027 for two degrees: a reach of 2.707.
    assert three.low == pytest.approx(0.4 * np.exp(-2.7073), rel=1e-3)
    assert three.high == pytest.approx(0.4 * (1 + 2.7073 * (np.e - 1)), rel=1e-3)


def test_every_word_wrong_is_not_certainty() -> None:
    found = Wer().estimate(records(errors=[10.0, 10.0, 10.0], words=[10.0, 10.0, 10.0], speaker=["a", "b", "c"]))
    assert found.low is not None
    assert found.high is not None
    assert found.low < 1.0 < found.high
