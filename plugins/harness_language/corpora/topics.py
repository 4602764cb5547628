"""English prose that ships with CPython: the help topics of `pydoc`."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from annotated_types import Ge

from harness.api import Examples
from harness_language.corpora.cutting import blocks, families, paragraphs

Split = Literal["train", "validation", "held_out"]

_SAME_WORDS = 12
_MIN_CHARACTERS_PER_TOPIC = 200
_LARGEST_HELD_OUT = 0.04
_SHARES: Mapping[Split, float] = {"held_out": 0.2, "validation": 0.08}


def topics(split: Split = "held_out", size: Annotated[int, Ge(1)] = 1000) -> Examples:
    """English prose that ships with Python: its help topics in documents of some paragraphs, with the group `topic`.

    Many paragraphs stand in several topics; each counts once. Topics that still share a run of twelve words are one,
    named by the first of them. A topic is in one split as a whole, so nothing that a model is judged by was learned.

    Args:
        split: about 72 % of the text to learn from, 8 % to choose by, 20 % to judge by.
        size: the fewest characters of a document, where its topic has as many.
    """
    from pydoc_data.topics import topics as found

    parts = without_repetition({name: paragraphs(text) for name, text in sorted(found.items())})
    names = list(parts)
    texts = ["\n\n".join(part) for part in parts.values()]
    of_topic = [names[first] for first in families(texts, _SAME_WORDS)]
    splits = assigned(of_topic, [len(text) for text in texts])
    ids, columns, groups = [], [], []
    for name, topic in zip(names, of_topic, strict=True):
        if splits[topic] != split:
            continue
        for number, text in enumerate(blocks(parts[name], size)):
            ids.append(f"{name}-{number:02d}")
            columns.append(text)
            groups.append(topic)
    whole = hashlib.sha256("\0".join(f"{name}\0{found[name]}" for name in sorted(found)).encode()).hexdigest()
    return Examples(
        ids=ids,
        columns={"texts": columns},
        groups={"topic": groups},
        facts={
            "source": "pydoc_data.topics",
            "sha256": whole,
            "python": platform.python_version(),
            "clusters": "topic",
        },
    )


def without_repetition(parts: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Every paragraph once, in the topic that has the most text, among its neighbours there.

    Topics of which little more than the heading is left are left out.
    """
    seen: set[str] = set()
    unique: dict[str, list[str]] = {}
    for name in sorted(parts, key=lambda name: (-sum(map(len, parts[name])), name)):
        unique[name] = []
        for part in parts[name]:
            words = " ".join(part.split())
            if words not in seen:
                unique[name].append(part)
            seen.add(words)
    return {name: unique[name] for name in parts if sum(map(len, unique[name])) >= _MIN_CHARACTERS_PER_TOPIC}


def assigned(topics: Sequence[str], sizes: Sequence[int]) -> dict[str, Split]:
    """The split of each topic, drawn by the hash of its name and filled to its share.

    A topic with more than 4 % of the text is learned, since an interval over topics means little where a few of them
    are most of the text.

    Args:
        topics: the topic of each text.
        sizes: the size of each text.
    """
    total = dict.fromkeys(topics, 0)
    for topic, size in zip(topics, sizes, strict=True):
        total[topic] += size
    whole = sum(sizes)
    drawn = sorted(total, key=lambda topic: hashlib.sha256(topic.encode()).digest())
    splits: dict[str, Split] = dict.fromkeys(topics, "train")
    waiting = [topic for topic in drawn if total[topic] <= _LARGEST_HELD_OUT * whole]
    for split, share in _SHARES.items():
        filled = 0
        while waiting and filled < share * whole:
            splits[waiting[0]] = split
            filled += total[waiting.pop(0)]
    return splits
