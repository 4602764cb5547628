"""Digit canvases: what they show, what their prompts say, and that no held-out digit stands in training."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_digits

from harness.api import Examples, HarnessError
from harness_generative.text.digit_canvas import Split, digit_canvas
from harness_generative.text.meanings import MEANINGS, Meaning, unseen_pairs
from harness_vision.digits import digits

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def by_hand(prompt: str) -> tuple[int, ...]:
    """The digits from left to right that a reader would expect."""
    text = f" {prompt} "
    for digit, word in enumerate(WORDS):
        text = text.replace(f" {word}{'es' if word == 'six' else 's'} ", f" plural-{digit} ")
    if "plural-" in text:
        digit = int(text.partition("plural-")[2][0])
        assert "two" in text or "pair" in text
        return digit, digit
    named = [WORDS.index(word) for word in prompt.split() if word in WORDS]
    return tuple(reversed(named)) if "right of" in prompt or "preceded" in prompt else tuple(named)


def shown(canvas: npt.NDArray[np.float32], known: dict[bytes, int]) -> tuple[int, ...]:
    """The digits from left to right that the pixels are, looked up among the images of scikit-learn."""
    grey = (canvas[0] * 16).astype(np.uint8)
    middle = known.get(grey[:, 4:12].tobytes())
    if middle is not None and not grey[:, :4].any() and not grey[:, 12:].any():
        return (middle,)
    return known[grey[:, :8].tobytes()], known[grey[:, 8:].tobytes()]


def pieces(data: Examples) -> set[str]:
    """Content hashes of the digits on the canvases of a set."""
    found = set()
    for canvas, kind in zip(data.columns["inputs"], data.groups["kind"], strict=True):
        for start in [4] if kind == "one" else [0, 8]:
            digit = np.ascontiguousarray(canvas[:, :, start : start + 8])
            found.add(hashlib.sha256(digit.tobytes()).hexdigest())
    return found


@pytest.fixture(scope="module")
def known() -> dict[bytes, int]:
    raw = load_digits()
    return {image.astype(np.uint8).tobytes(): int(digit) for image, digit in zip(raw.images, raw.target, strict=True)}


@pytest.fixture(scope="module", params=["train", "held_out"])
def data(request: pytest.FixtureRequest) -> Examples:
    return digit_canvas(request.param)


def test_prompts_mean_what_the_pixels_show(data: Examples, known: dict[bytes, int]) -> None:
    columns = data.columns
    for canvas, label, prompt in zip(columns["inputs"], columns["labels"], columns["prompts"], strict=True):
        meaning = MEANINGS[label]
        read = (meaning.left,) if meaning.right is None else (meaning.left, meaning.right)
        assert shown(canvas, known) == by_hand(prompt) == by_hand(data.facts["classes"][label]) == read


def test_inputs_are_grey_levels_in_the_box(data: Examples) -> None:
    inputs = data.columns["inputs"]
    assert inputs.dtype == np.float32
    assert inputs.shape == (3300, 1, 8, 16)
    assert set(np.unique(inputs * 16)) == set(range(data.facts["levels"]))
    assert data.facts["box"] == [0.0, 1.0]


def test_no_canvas_stands_twice(data: Examples) -> None:
    assert len({canvas.tobytes() for canvas in data.columns["inputs"]}) == len(data.ids) == len(set(data.ids))


def test_a_held_out_digit_stands_on_no_training_canvas() -> None:
    """Nor on one of the digits that judges and extractors of plain digits are trained on, and the other way round."""
    on_canvas = {split: pieces(digit_canvas(split, size=3000)) for split in get_args(Split)}
    plain = {
        split: {hashlib.sha256(image.tobytes()).hexdigest() for image in digits(split).columns["inputs"]}  # type: ignore[arg-type]
        for split in ("train", "validation", "test")
    }
    plain["held_out"] = plain["validation"] | plain["test"]
    for split, content in on_canvas.items():
        assert len(content) > 350
        assert content <= plain[split]
    assert not on_canvas["train"] & on_canvas["held_out"]


def test_meanings_are_equally_frequent() -> None:
    held_out, train = (Counter(digit_canvas(split).columns["labels"].tolist()) for split in ("held_out", "train"))
    assert held_out == dict.fromkeys(range(110), 30)
    assert len(train) == 100
    assert set(train.values()) == {33}


def test_unseen_pairs_are_only_in_held_out_data() -> None:
    """By default (0, 3), (1, 4), ... (9, 2): each digit once left and once right."""
    left_out = {(d, (d + 3) % 10) for d in range(10)}
    assert unseen_pairs(10) == {Meaning(*pair) for pair in left_out}
    train, held_out = digit_canvas("train"), digit_canvas("held_out")
    met = {MEANINGS[label] for label in train.columns["labels"]}
    assert all(train.groups["seen"])
    assert met == set(MEANINGS) - unseen_pairs(10)
    assert held_out.groups["seen"] == [MEANINGS[label] in met for label in held_out.columns["labels"]]


def test_any_number_of_pairs_can_be_left_out() -> None:
    different = {m for m in MEANINGS if m.kind == "different"}
    assert unseen_pairs(0) == frozenset()
    assert unseen_pairs(90) == different
    assert len(unseen_pairs(25)) == 25
    alone = digit_canvas("train", size=50, held_out_pairs=90)
    assert set(alone.groups["kind"]) == {"one", "alike"}


@pytest.mark.parametrize("count", [10, 30, 45])
def test_up_to_half_of_the_pairs_the_other_order_is_seen(count: int) -> None:
    mirrored = {Meaning(meaning.last, meaning.left) for meaning in unseen_pairs(count)}
    assert len(mirrored) == count
    assert not mirrored & unseen_pairs(count)


def test_attributes_follow_from_the_meaning() -> None:
    facts = digit_canvas(size=1).facts
    place = facts["classes"].index("a three and a five")
    told = {name: values[place] for name, values in facts["attributes"].items()}
    assert told == {"count": 2, "left": 3, "right": 5, "digits": "3 5"}
    place = facts["classes"].index("a five and a three")
    assert facts["attributes"]["digits"][place] == "3 5"
    place = facts["classes"].index("a seven")
    told = {name: values[place] for name, values in facts["attributes"].items()}
    assert told == {"count": 1, "left": 7, "right": 7, "digits": "7"}
    assert {len(values) for values in facts["attributes"].values()} == {len(facts["classes"])} == {110}


def test_every_wording_is_used_and_means_one_thing() -> None:
    for meaning in MEANINGS:
        expected = (meaning.left,) if meaning.right is None else (meaning.left, meaning.right)
        assert {by_hand(prompt) for prompt in meaning.prompts()} == {expected}
    prompts = digit_canvas(size=1100).columns["prompts"]
    used = [
        meaning.prompts().index(prompt) for meaning in MEANINGS for prompt in prompts if prompt in meaning.prompts()
    ]
    assert set(used) == {0, 1, 2, 3, 4}


def test_a_smaller_set_is_the_beginning_of_a_larger_one() -> None:
    small, large = digit_canvas("train", size=150), digit_canvas("train", size=700)
    assert large.ids[:150] == small.ids
    assert large.columns["prompts"][:150] == small.columns["prompts"]
    assert np.array_equal(large.columns["inputs"][:150], small.columns["inputs"])


def test_the_held_out_set_is_pinned() -> None:
    """Committed figures rest on these canvases, prompts and their order."""
    columns = digit_canvas().columns
    content = hashlib.sha256(columns["inputs"].tobytes() + columns["labels"].tobytes())
    content.update("\n".join(columns["prompts"]).encode())
    assert content.hexdigest() == "b26780f7809a4470b66d872449489ae971d450387985b8bd96b52e8d3a6c5a46"


def test_too_many_canvases_are_refused() -> None:
    """As many as the digits of the split give, and no more."""
    with pytest.raises(HarnessError, match="'test' of digit_canvas has 3960 canvases, not 3961; lower `size`"):
        digit_canvas("test", size=3961)
    assert len(digit_canvas("test", size=3960).ids) == 3960
