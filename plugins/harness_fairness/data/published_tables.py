"""Published tables that audits are often shown on: COMPAS scores, the census data Adult, errors of captions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from harness.api import Examples, Location, PinnedFile, Split, Table, Uncounted, data_folder, parse_table, read_pinned
from harness_fairness.data.column_roles import Roles, examples_of

Download = Annotated[bool, Uncounted()]

_COMPAS = PinnedFile(
    "compas_for_aequitas.csv",
    "https://raw.githubusercontent.com/dssg/aequitas/master/src/aequitas_webapp/sample_data/compas_for_aequitas.csv",
    ("91e245a5d267e082daf500443c4672a5cb00e089974d53527929fba0ab030580",),
)
_ADULT = PinnedFile(
    "adult.csv",
    "https://raw.githubusercontent.com/algofairness/fairness-comparison/master/fairness/data/raw/adult.csv",
    ("c30ce1e55a965b04950321870db74c19f4aa437120a692f32e72f6a4fa31c418",),
)
_CAPTIONS = PinnedFile(
    "youtubeAutocaptinByDialect.txt",
    "https://raw.githubusercontent.com/rctatman/youtubeDialectAccuracy/master/youtubeAutocaptinByDialect.txt",
    ("72417d7ad9bd3d0d99dd0f724f12fadc2908703a7084c3830cf6f0093eb02b01",),
)
_ADULT_FEATURES = (
    "age",
    "workclass",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
)


def compas(folder: Location | None = None, download: Download = False) -> Examples:
    """COMPAS scores of Broward County as audited by ProPublica: 7,214 people, for `from_scores`; folder or download.

    The prediction is "will reoffend" for every score that is not Low, the label is rearrest within two years. A filter
    to 6,172 rows is common and gives other rates than those published.

    Args:
        folder: the folder where compas_for_aequitas.csv lies; by default $HARNESS_DATA/bias, else a cache.
        download: fetch the file if it is not there.

    Raises:
        MissingData: the file is not there or is another one.
    """
    roles = Roles(id="entity_id", label="label_value", prediction="score", groups=("race", "sex", "age_cat"))
    return examples_of(published(_COMPAS, folder, "compas", download=download), roles)


def adult(
    folder: Location | None = None,
    download: Download = False,
    split: Split = "test",
    with_groups: bool = True,
) -> Examples:
    """The training part of Adult (UCI, census of 1994): 32,561 people, income above 50,000; a folder or a download.

    Args:
        folder: the folder where adult.csv lies; by default $HARNESS_DATA/bias, else a cache.
        download: fetch the file if it is not there.
        split: by the hash of the row: 20 % test, 20 % validation, 60 % training.
        with_groups: whether sex and race are among the features; they are groups in any case.

    Raises:
        MissingData: the file is not there or is another one.
    """
    features = tuple(name for name in _ADULT_FEATURES if with_groups or name not in ("race", "sex"))
    roles = Roles(label="income-per-year", positive=">50K", groups=("sex", "race"), features=features)
    return examples_of(published(_ADULT, folder, "adult", download=download), roles, split)


def captions(folder: Location | None = None, download: Download = False) -> Examples:
    """Errors of YouTube's captions for 80 speakers of five dialects, women and men, for `from_scores`.

    Columns: correct_words and words of each speaker, so that `wer` counts no insertions. Groups: State (the dialect)
    and Gen (F or M). Published: mean errors of women .527, of men .392. A row is a speaker; the addresses of the videos
    name none, since a few stand at two rows of different gender.

    Args:
        folder: the folder where youtubeAutocaptinByDialect.txt lies; by default $HARNESS_DATA/bias, else a cache.
        download: fetch the file if it is not there.

    Raises:
        MissingData: the file is not there or is another one.
    """
    kept = {"correct_words": "Correct", "words": "Total"}
    roles = Roles(groups=("State", "Gen"), keep=kept)
    return examples_of(published(_CAPTIONS, folder, "captions", download=download), roles)


def published(file: PinnedFile, folder: Path | None, dataset: str, *, download: bool) -> Table:
    """The verified content of a published table. Raises MissingData."""
    content = read_pinned(file, data_folder(dataset, "bias", [file.name], folder), download=download)
    return parse_table(content, file.name)
