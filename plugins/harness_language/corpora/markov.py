"""Text of a Markov source with a known entropy rate, which no model can beat."""

from __future__ import annotations

import string
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Le

from harness.api import Examples, HarnessError

Split = Literal["train", "validation", "held_out"]
Floats = npt.NDArray[np.float64]

_STREAM_OF: dict[Split, int] = {"train": 1, "validation": 2, "held_out": 3}
_MOST_CONTEXTS = 1024


@dataclass(frozen=True)
class MarkovSource:
    """A stationary Markov chain over letters.

    Attributes:
        transitions: `[letters ** order, letters]`, the probabilities of the next letter in each context, whose number
            has its oldest letter as the leading digit.
        order: how many letters make a context.
    """

    transitions: Floats
    order: int

    @classmethod
    def drawn(cls, order: int, letters: int, concentration: float, seed: int) -> MarkovSource:
        """A source whose transitions are independent draws of a symmetric Dirichlet distribution."""
        rng = np.random.default_rng([seed, 0])
        return cls(rng.dirichlet(np.full(letters, concentration), size=letters**order), order)

    @property
    def letters(self) -> int:
        """The number of different letters."""
        return int(self.transitions.shape[1])

    @cached_property
    def stationary(self) -> Floats:
        """The probability of each context, `[letters ** order]`: the left eigenvector of the chain to the value 1."""
        contexts = len(self.transitions)
        chain = np.zeros((contexts, contexts))
        rows = np.arange(contexts)
        for letter in range(self.letters):
            chain[rows, (rows * self.letters + letter) % contexts] += self.transitions[:, letter]
        equations = np.vstack([chain.T - np.eye(contexts), np.ones(contexts)])
        solution: Floats = np.linalg.lstsq(equations, np.append(np.zeros(contexts), 1.0), rcond=None)[0]
        # What is 0 may come out as -1e-18.
        positive: Floats = np.clip(solution, 0, None)
        positive /= positive.sum()
        return positive

    @cached_property
    def entropy_rate(self) -> float:
        """Bits per letter in the long run; Cover & Thomas 2006, equation 4.27."""
        positive = np.where(self.transitions > 0, self.transitions, 1.0)
        return float(self.stationary @ -(self.transitions * np.log2(positive)).sum(axis=1))

    def draw(self, documents: int, length: int, rng: np.random.Generator) -> list[str]:
        """Draw documents that start in the stationary distribution."""
        contexts = len(self.transitions)
        state = _chosen(self.stationary.cumsum()[None], rng.random(documents))
        drawn = np.empty((documents, self.order + length), np.int64)
        for position in range(self.order):
            drawn[:, position] = state // self.letters ** (self.order - 1 - position) % self.letters
        ends = self.transitions.cumsum(axis=1)
        for position in range(self.order, length):
            drawn[:, position] = _chosen(ends[state], rng.random(documents))
            state = (state * self.letters + drawn[:, position]) % contexts
        alphabet = np.frombuffer(string.ascii_lowercase.encode(), np.uint8)
        return [bytes(alphabet[row]).decode() for row in drawn[:, :length]]


def markov(
    split: Split = "held_out",
    order: Annotated[int, Ge(1)] = 2,
    letters: Annotated[int, Ge(2), Le(26)] = 4,
    concentration: Annotated[float, Ge(0.1)] = 0.5,
    documents: Annotated[int, Ge(1)] = 100,
    training_documents: Annotated[int, Ge(1)] = 400,
    length: Annotated[int, Ge(1)] = 1000,
    source: Annotated[int, Ge(0)] = 0,
) -> Examples:
    """Documents of a random Markov source over the first letters, each drawn on its own; its entropy rate is known.

    The fact `entropy_rate` is exact, in bits per byte. It is a limit in the long run: the first `order` letters of a
    document cost a little more than the others, so the best model stays above it by at most
    `order * log2(letters) / length`.

    Args:
        split: independent draws of the same source.
        order: how many letters the next one depends on.
        letters: the number of different letters.
        concentration: of the Dirichlet distribution of the next letter; the smaller, the easier to predict.
        documents: the number of documents for validation or testing.
        training_documents: the number of documents for training.
        length: letters of a document.
        source: the seed of the source and its texts.

    Raises:
        HarnessError: there are too many contexts to solve for their frequencies.
    """
    if letters**order > _MOST_CONTEXTS:
        raise HarnessError(
            f"{letters} letters of order {order} make {letters**order} contexts; at most {_MOST_CONTEXTS} can be solved"
        )
    chain = MarkovSource.drawn(order, letters, concentration, source)
    count = training_documents if split == "train" else documents
    texts = chain.draw(count, length, np.random.default_rng([source, _STREAM_OF[split]]))
    return Examples(
        ids=[f"markov-{split}-{number:05d}" for number in range(count)],
        columns={"texts": texts},
        facts={"entropy_rate": chain.entropy_rate, "order": order, "letters": letters},
    )


def _chosen(ends: Floats, uniform: Floats) -> npt.NDArray[np.int64]:
    """For each row the first position whose cumulated probability exceeds a uniform draw."""
    # Rounding may leave the last end a little below 1.
    chosen: npt.NDArray[np.int64] = np.minimum((ends <= uniform[:, None]).sum(axis=1), ends.shape[1] - 1)
    return chosen
