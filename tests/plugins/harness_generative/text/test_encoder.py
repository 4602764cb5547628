"""Prompts as token ids, and the transformer that reads them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.special import erf, softmax
from torch import nn

from harness.api import NotApplicable
from harness_generative.text.encoder import LONGEST, VOCABULARY, TextEmbedding, TextEncoder, tokenised
from harness_generative.text.meanings import MEANINGS

Array = npt.NDArray[np.float64]


def encoder(layers: int = 1, heads: int = 2) -> TextEncoder:
    torch.manual_seed(0)
    return TextEncoder(width=8, layers=layers, heads=heads).eval()


def words_of(tokens: torch.Tensor) -> list[str]:
    return [VOCABULARY[token - 2] for token in tokens.tolist() if token >= 2]


def test_tokens_are_a_start_the_words_and_padding() -> None:
    tokens = tokenised(["a three and a five", "two sixes"])
    assert tokens.dtype == torch.int64
    assert tokens.shape == (2, 1 + LONGEST)
    assert tokens[:, 0].tolist() == [1, 1]
    assert words_of(tokens[0]) == ["a", "three", "and", "a", "five"]
    assert words_of(tokens[1]) == ["two", "sixes"]
    assert (tokens == 0).sum(dim=1).tolist() == [LONGEST - 5, LONGEST - 2]
    assert (tokens[1, 3:] == 0).all()


def test_every_prompt_of_the_data_is_known_and_none_is_told_apart_by_its_length_alone() -> None:
    prompts = [prompt for meaning in MEANINGS for prompt in meaning.prompts()]
    tokens = tokenised(prompts)
    assert [" ".join(words_of(row)) for row in tokens] == prompts
    assert len({tuple(row.tolist()) for row in tokens}) == len(set(prompts)) == 530
    assert len(VOCABULARY) == len(set(VOCABULARY))


def test_case_and_punctuation_do_not_matter() -> None:
    assert torch.equal(tokenised(['A Three, and  a "FIVE"!']), tokenised(["a three and a five"]))


def test_nothing_and_the_empty_prompt_ask_for_nothing() -> None:
    nothing = [1] + [0] * LONGEST
    assert tokenised([None, "", "  "]).tolist() == [nothing] * 3
    assert encoder().nothing(2).tolist() == [nothing] * 2
    assert tokenised([]).shape == (0, 1 + LONGEST)


@pytest.mark.parametrize(
    ("prompts", "told"),
    [
        (["a zebra and a five"], "does not know the words 'zebra'; it knows: a an and"),
        (["a cat", "a dog and a cat"], "'cat', 'dog';"),
        ([" ".join(["a"] * (LONGEST + 1))], f"has {LONGEST + 1} words; the model reads at most {LONGEST}"),
        ([3], "takes prompts as conditions, such as 'a three and a five', not 3"),
        ([["a", "three"]], "takes prompts as conditions"),
    ],
)
def test_what_cannot_be_read_is_refused(prompts: list[object], told: str) -> None:
    with pytest.raises(NotApplicable, match=told):
        tokenised(prompts)


def test_padding_is_not_looked_at() -> None:
    """Whatever padding stands for, and however much there is of it, a word is read alike."""
    text, tokens = encoder(layers=2), tokenised(["two sixes", "a three and a five"])
    present = text.present(tokens)
    assert present.sum(dim=1).tolist() == [3, 6]
    with torch.no_grad():
        before = text(tokens)
        text.table.weight[0] = 3 * torch.randn(8)
        text.positions[6:] = 3 * torch.randn(2, 8)
        after = text(tokens)
        cut = torch.stack(list(text.table(tokens[:1, :3])[0] + text.positions[:3]))[None]
        for layer in text.layers:
            cut = layer(cut, torch.ones(1, 3, dtype=torch.bool))
    assert torch.equal(before[present], after[present])
    assert not torch.allclose(before[~present], after[~present], atol=0.1)
    assert torch.allclose(before[:1, :3], text.norm(cut), atol=1e-6)


def test_the_order_of_words_is_read() -> None:
    summary = TextEmbedding(encoder(), 4)
    with torch.no_grad():
        told = summary(tokenised(["a three and a five", "a five and a three"]))
    assert told.shape == (2, 4)
    assert (told[0] - told[1]).abs().max() > 1e-3


def test_prompts_are_read_on_their_own() -> None:
    text, tokens = encoder(), tokenised([MEANINGS[i].prompts()[i % 4] for i in range(0, 80, 5)])
    with torch.no_grad():
        together = text(tokens)
        apart = torch.cat([text(row[None]) for row in tokens])
    assert torch.allclose(together, apart, atol=1e-6)


def test_hidden_prompts_are_those_that_ask_for_nothing() -> None:
    summary, tokens = TextEmbedding(encoder(), 4), tokenised(["two sixes", "a one"])
    hidden = summary.drop(tokens, torch.tensor([True, False]))
    assert torch.equal(hidden[0], tokenised([None])[0])
    assert torch.equal(hidden[1], tokens[1])


def test_a_layer_is_attention_and_a_perceptron_worked_out_in_numpy() -> None:
    """Pre-norm, two heads of four numbers each, scores over the root of 4, the last token not looked at."""
    layer = encoder().layers[0]
    hidden = torch.randn(1, 3, 8, generator=torch.Generator().manual_seed(1))
    present = torch.tensor([[True, True, False]])
    x = hidden[0].double().numpy()
    query, key, value = np.split(linear(layer.to_query_key_value, normalised(x)), 3, axis=1)
    attended = np.zeros((3, 8))
    for head in (slice(0, 4), slice(4, 8)):
        scores = query[:, head] @ key[:2, head].T / 2
        attended[:, head] = softmax(scores, axis=1) @ value[:2, head]
    x = x + linear(layer.out, attended)
    wide = linear(layer.wide, normalised(x))
    x = x + linear(layer.narrow, wide * (1 + erf(wide / np.sqrt(2))) / 2)
    with torch.no_grad():
        assert layer(hidden, present)[0].numpy() == pytest.approx(x, abs=1e-5)


def linear(layer: nn.Linear, x: Array) -> Array:
    return np.asarray(x @ layer.weight.detach().double().numpy().T + layer.bias.detach().double().numpy())


def normalised(x: Array) -> Array:
    return np.asarray((x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5))
