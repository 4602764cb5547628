"""The help topics: what is in which split, and that no text is in two."""

from __future__ import annotations

import hashlib
import platform
from itertools import combinations

import pytest

from harness_language.corpora.cutting import blocks, families, paragraphs
from harness_language.corpora.topics import assigned, topics, without_repetition


@pytest.fixture(scope="module")
def splits() -> dict[str, list[str]]:
    return {split: topics(split).columns["texts"] for split in ("train", "validation", "held_out")}  # type: ignore[arg-type]


def test_no_paragraph_and_no_run_of_twelve_words_is_in_two_splits(splits: dict[str, list[str]]) -> None:
    """Topics of pydoc quote each other: `compound` holds all of `try`, `with` and `class`."""

    def runs(texts: list[str]) -> set[str]:
        split = [text.split() for text in texts]
        return {" ".join(words[i : i + 12]) for words in split for i in range(len(words) - 11)}

    def parts(texts: list[str]) -> set[str]:
        return {" ".join(part.split()) for text in texts for part in paragraphs(text) if len(part) > 40}

    for one, other in combinations(splits.values(), 2):
        assert not runs(one) & runs(other)
        assert not parts(one) & parts(other)


def test_enough_documents_of_enough_topics(splits: dict[str, list[str]]) -> None:
    held_out = topics()
    sizes = {split: sum(map(len, texts)) for split, texts in splits.items()}
    assert 0.15 < sizes["held_out"] / sum(sizes.values()) < 0.3
    assert len(held_out.ids) >= 50
    assert len(set(held_out.groups["topic"])) >= 20
    by_topic = dict.fromkeys(held_out.groups["topic"], 0)
    for topic, text in zip(held_out.groups["topic"], held_out.columns["texts"], strict=True):
        by_topic[topic] += len(text)
    assert max(by_topic.values()) < 0.2 * sizes["held_out"]


def test_the_facts_say_which_python_it_was() -> None:
    from pydoc_data.topics import topics as found

    facts = topics().facts
    whole = "\0".join(f"{name}\0{found[name]}" for name in sorted(found))
    assert facts["python"] == platform.python_version()
    assert facts["sha256"] == hashlib.sha256(whole.encode()).hexdigest()
    assert facts["clusters"] in topics().groups


def test_a_topic_is_in_one_split_and_large_ones_are_learned() -> None:
    names = [f"t{i}" for i in range(40)]
    splits = assigned([*names, "huge"], [10] * 40 + [600])
    assert splits["huge"] == "train"
    counts = [list(splits.values()).count(split) for split in ("held_out", "validation")]
    assert counts == [20, 8]
    # A topic more does not move the others about, as long as the shares are filled.
    assert assigned(["a", "a", "b"], [1, 1, 100])["b"] == "train"


def test_repeated_paragraphs_stay_in_the_larger_topic() -> None:
    long = "a paragraph that is rather long " * 10
    parts = {"small": ["same  words", long + "1"], "large": ["same words", long + "2", long + "3"], "title": ["Title"]}
    assert without_repetition(parts) == {"small": [long + "1"], "large": ["same words", long + "2", long + "3"]}


def test_paragraphs_keep_their_indentation() -> None:
    assert paragraphs("one\ntwo  \n\n \n   three\n\n") == ["one\ntwo", "   three"]
    assert paragraphs("\n\n") == []


def test_blocks_are_at_least_as_long_as_asked() -> None:
    assert blocks(["aaa", "bb", "c", "dddd", "e"], 4) == ["aaa\n\nbb", "c\n\ndddd\n\ne"]
    assert blocks(["a"], 4) == ["a"]
    assert blocks([], 4) == []


def test_families_are_tied_over_others() -> None:
    texts = ["a b c d", "x b c d y z", "p q r", "r x y z", "y z p"]
    assert families(texts, 3) == [0, 0, 2, 3, 4]
    assert families(texts, 2) == [0, 0, 2, 0, 0]
    assert families(["a b", "b a"], 3) == [0, 1]
