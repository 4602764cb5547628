"""The U-Net whose places look at words."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import Tensor

from harness_generative.text.encoder import TextEncoder, tokenised
from harness_generative.text.unet import CrossAttention, PlacedUNet, ReadingUNet

SHAPE = (1, 8, 16)


def looking() -> CrossAttention:
    torch.manual_seed(0)
    return CrossAttention(channels=8, words=6, places=4, width=4, heads=2).eval()


def reading() -> ReadingUNet:
    torch.manual_seed(0)
    network = ReadingUNet(SHAPE, 8, 16, TextEncoder(8)).eval()
    torch.nn.init.normal_(network.last.weight)
    return network


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_cross_attention_is_a_softmax_over_words_worked_out_in_numpy() -> None:
    """Four places, two heads of two numbers each, three words of which the last is padding."""
    look = looking()
    x, words, present = drawn(1, 8, 2, 2), drawn(1, 3, 6, seed=1), torch.tensor([[True, True, False]])
    state = {name: weight.double().numpy() for name, weight in look.state_dict().items()}
    grouped = x[0].double().numpy().reshape(2, -1)
    norm = (grouped - grouped.mean(1, keepdims=True)) / np.sqrt(grouped.var(1, keepdims=True) + 1e-5)
    places = norm.reshape(8, 4).T
    query = places @ state["to_query.weight"].T + state["to_query.bias"] + state["places"]
    read = words[0].double().numpy() @ state["to_key_value.weight"].T + state["to_key_value.bias"]
    key, value = read[:, :4], read[:, 4:]
    seen = np.zeros((4, 4))
    for head in (slice(0, 2), slice(2, 4)):
        seen[:, head] = softmax(query[:, head] @ key[:2, head].T / np.sqrt(2), axis=1) @ value[:2, head]
    told = seen @ state["out.weight"].T + state["out.bias"]
    expected = (x[0].double().numpy() + told.T.reshape(8, 2, 2)) / np.sqrt(2)
    with torch.no_grad():
        assert look(x, words, present)[0].numpy() == pytest.approx(expected, abs=1e-5)


def test_padded_words_are_not_looked_at() -> None:
    look, x, words = looking(), drawn(2, 8, 2, 2), drawn(2, 3, 6, seed=1)
    present = torch.tensor([[True, True, False], [True, False, False]])
    changed = torch.where(present[:, :, None], words, torch.full_like(words, 99.0))
    with torch.no_grad():
        seen = look(x, words, present)
        assert torch.equal(seen, look(x, changed, present))
        assert torch.allclose(seen[:1], look(x[:1], words[:1, :2], present[:1, :2]), atol=1e-6)
        assert not torch.allclose(seen, look(x, changed, torch.ones_like(present)))


def test_places_look_at_words_by_where_they_are() -> None:
    """On an image that is the same everywhere only their position tells places apart."""
    with torch.no_grad():
        told = looking()(torch.zeros(1, 8, 2, 2), drawn(1, 3, 6), torch.ones(1, 3, dtype=torch.bool)).flatten(2)[0]
    assert (told[:, :1] - told[:, 1:]).abs().amax(dim=0).min() > 1e-3


@pytest.mark.parametrize("kind", [PlacedUNet, ReadingUNet])
def test_left_is_told_from_right(kind: type[PlacedUNet]) -> None:
    """The same stroke in two places far from the border is not answered alike, moved along."""
    torch.manual_seed(0)
    network = kind(SHAPE, 8, 16, TextEncoder(8)).eval()
    inputs = torch.zeros(1, *SHAPE)
    with torch.no_grad():
        start = network.first(inputs)
    assert (start[..., 4] - start[..., 11]).abs().max() > 1e-2


def test_no_prompt_is_the_empty_prompt() -> None:
    network, x, noise = reading(), drawn(3, *SHAPE), torch.zeros(3)
    with torch.no_grad():
        nothing = network(x, noise, None)
        assert torch.equal(nothing, network(x, noise, tokenised([None, "", " "])))
        assert not torch.allclose(nothing, network(x, noise, tokenised(["a one", "two sixes", "a six"])))


def test_what_padding_would_say_does_not_reach_the_image() -> None:
    network, x, noise = reading(), drawn(2, *SHAPE), torch.zeros(2)
    tokens = tokenised(["a one", "a three and a five"])
    with torch.no_grad():
        before = network(x, noise, tokens)
        network.text.table.weight[0] = 3 * drawn(8)
        assert torch.equal(before, network(x, noise, tokens))
        network.text.table.weight[tokens[0, 2]] = 3 * drawn(8)
        after = network(x, noise, tokens)
    assert not torch.allclose(before[0], after[0])
    assert torch.equal(before[1], after[1])


def test_images_and_prompts_are_taken_on_their_own() -> None:
    network, x, noise = reading(), drawn(9, *SHAPE), torch.linspace(-1, 1, 9)
    tokens = tokenised(["a one", "two sixes", "a three and a five"] * 3)
    with torch.no_grad():
        together = network(x, noise, tokens)
        apart = torch.cat([network(x[i : i + 1], noise[i : i + 1], tokens[i : i + 1]) for i in range(9)])
    assert torch.allclose(together, apart, atol=1e-5)
