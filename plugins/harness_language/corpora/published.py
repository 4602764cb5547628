"""Published corpora from their original files."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from annotated_types import Ge

from harness.api import Examples, Location, PinnedFile, Uncounted, default_folder, read_pinned
from harness_language.corpora.cutting import blocks, paragraphs

Split = Literal["train", "validation", "held_out"]
Download = Annotated[bool, Uncounted()]

_RAW = "https://raw.githubusercontent.com"
_TINYSHAKESPEARE = PinnedFile(
    "tinyshakespeare.txt",
    f"{_RAW}/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    ("86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",),
)
_NAMES = PinnedFile(
    "names.txt",
    f"{_RAW}/karpathy/makemore/master/names.txt",
    ("0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",),
)
_WIKITEXT2_FOLDER = f"{_RAW}/pytorch/examples/main/word_language_model/data/wikitext-2"
_WIKITEXT2 = {
    "train": PinnedFile(
        "train.txt", f"{_WIKITEXT2_FOLDER}/train.txt", git_blob="2d84b35af79e411d73ea7cae83c73964c6ac83b4"
    ),
    "validation": PinnedFile(
        "valid.txt",
        f"{_WIKITEXT2_FOLDER}/valid.txt",
        ("f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",),
    ),
    "held_out": PinnedFile(
        "test.txt",
        f"{_WIKITEXT2_FOLDER}/test.txt",
        ("d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",),
    ),
}
# An empty line tells the title of an article from a formula.
_ARTICLE = re.compile(r"^(?= = [^=\n].* = \n \n)", re.MULTILINE)
_ENDS = {"train": (0.0, 0.8), "validation": (0.8, 0.9), "held_out": (0.9, 1.0)}


def tinyshakespeare(
    split: Literal["train", "validation", "held_out", "first_90_percent"] = "held_out",
    size: Annotated[int, Ge(0)] = 4000,
    folder: Location | None = None,
    download: Download = True,
) -> Examples:
    """Plays by Shakespeare, 1.1 MB (Karpathy 2015).

    Args:
        split: the first 80 % of the characters to learn from, the next 10 % to choose by, the last to judge by; or, as
            is usual elsewhere, the first 90 % at once.
        size: the fewest characters of a document, which ends with a speech; 0 makes the split one document.
        folder: the folder where tinyshakespeare.txt lies; by default the user's cache.
        download: fetch it if it is not there.
    """
    whole = read_pinned(_TINYSHAKESPEARE, folder or default_folder("tinyshakespeare"), download=download).decode()
    start, end = (0.0, 0.9) if split == "first_90_percent" else _ENDS[split]
    part = whole[int(start * len(whole)) : int(end * len(whole))]
    return _examples(f"tinyshakespeare-{split}", blocks(paragraphs(part), size) if size else [part])


def wikitext2(split: Split = "held_out", folder: Location | None = None, download: Download = True) -> Examples:
    """WikiText-2 (Merity et al. 2016): articles of Wikipedia, cut into words, with rare ones as <unk>.

    A document is an article. Published perplexities per word count the end of each line as a word; ours count what
    white space parts.

    Args:
        split: the original parts; `held_out` is the test set.
        folder: the folder where train.txt, valid.txt and test.txt lie; by default the user's cache.
        download: fetch them if they are not there.
    """
    content = read_pinned(_WIKITEXT2[split], folder or default_folder("wikitext-2"), download=download).decode()
    return _examples(f"wikitext2-{split}", [article for article in _ARTICLE.split(content) if article.strip()])


def names(
    split: Literal["all", "train", "validation", "held_out"] = "held_out",
    folder: Location | None = None,
    download: Download = True,
) -> Examples:
    """32,033 first names (Karpathy 2022), a document each, which ends with a line's end.

    Args:
        split: all of them, or of ten in the original order eight to learn from, one to choose by, one to judge by.
        folder: the folder where names.txt lies; by default the user's cache.
        download: fetch it if it is not there.
    """
    lines = read_pinned(_NAMES, folder or default_folder("names"), download=download).decode().split()
    parts = {"validation": (8,), "held_out": (9,), "train": range(8), "all": range(10)}
    chosen = [number for number in range(len(lines)) if number % 10 in parts[split]]
    return Examples(
        ids=[f"names-{number:05d}" for number in chosen], columns={"texts": [f"{lines[number]}\n" for number in chosen]}
    )


def _examples(name: str, texts: list[str]) -> Examples:
    return Examples(ids=[f"{name}-{number:05d}" for number in range(len(texts))], columns={"texts": texts})
