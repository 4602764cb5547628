"""Published corpora: their parts, and what is said where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.api import MissingData
from harness_language.corpora.published import names, tinyshakespeare, wikitext2


def test_shakespeare_is_cut_at_speeches(data_folder: Path) -> None:
    folder = data_folder / "language"
    whole = (folder / "tinyshakespeare.txt").read_text()
    parts = [tinyshakespeare(split, 0, folder, False) for split in ("train", "validation", "held_out")]  # type: ignore[arg-type]
    assert "".join(part.columns["texts"][0] for part in parts) == whole
    assert tinyshakespeare("first_90_percent", 0, folder, False).columns["texts"] == [whole[:1003854]]
    documents = tinyshakespeare("train", folder=folder, download=False).columns["texts"]
    assert len(documents) > 150
    assert min(map(len, documents)) >= 3900
    # Two empty lines part the plays.
    assert "\n\n".join(documents) == whole[: int(0.8 * len(whole))].replace("\n\n\n", "\n\n").rstrip()


def test_wikitext_is_cut_at_articles(data_folder: Path) -> None:
    """Both parts have 60 articles; with a line's end as a word they have 217,646 and 245,569 words."""
    folder = data_folder / "language" / "wikitext-2"
    for split, published in (("validation", 217_646), ("held_out", 245_569)):
        articles = wikitext2(split, folder, False).columns["texts"]  # type: ignore[arg-type]
        assert len(articles) == 60
        assert all(article.startswith(" = ") for article in articles)
        # The empty line before the first article is left out.
        assert sum(len(article.split()) + article.count("\n") for article in articles) == published - 1


def test_names_are_documents(data_folder: Path) -> None:
    folder = data_folder / "language"
    splits = [names(split, folder, False) for split in ("train", "validation", "held_out")]  # type: ignore[arg-type]
    assert [len(split.ids) for split in splits] == [25_627, 3_203, 3_203]
    everything = names("all", folder, False)
    assert everything.columns["texts"][:3] == ["emma\n", "olivia\n", "ava\n"]
    assert sorted(name for split in splits for name in split.ids) == list(everything.ids)


@pytest.mark.parametrize(
    ("load", "file", "url"),
    [
        (tinyshakespeare, "tinyshakespeare.txt", "karpathy/char-rnn"),
        (wikitext2, "test.txt", "pytorch/examples"),
        (names, "names.txt", "karpathy/makemore"),
    ],
)
def test_where_they_are_not(tmp_path: Path, load: object, file: str, url: str) -> None:
    assert callable(load)
    with pytest.raises(MissingData, match=rf"{file} is not there. Get it from https://.*{url}.* or name its folder"):
        load(folder=tmp_path, download=False)
    (tmp_path / file).write_text("another text")
    with pytest.raises(MissingData, match=r"expected .*; it is damaged or another file"):
        load(folder=tmp_path, download=False)
