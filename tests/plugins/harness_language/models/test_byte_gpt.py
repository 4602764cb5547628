"""The GPT over bytes: what it may depend on, how it goes on, and that it learns."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.api import Context, DifferentiableLanguageModel, Examples, HarnessError, Incremental, Trainable
from harness_language.models.byte_gpt import ByteGPT


def small(**changes: Any) -> ByteGPT:
    torch.manual_seed(0)
    how: dict[str, Any] = {"depth": 2, "width": 16, "heads": 2, "context": 32, "steps": 30, "batch": 128}
    return ByteGPT(**{**how, **changes})


def tokens(n: int = 3, length: int = 12) -> Tensor:
    return torch.randint(0, 257, (n, length), generator=torch.Generator().manual_seed(1))


def slow_states(model: ByteGPT, row: Tensor) -> Tensor:
    """The same network for one text, place by place, with complex numbers for the turns and no library attention."""
    vectors = [model.bytes.weight[token] for token in row.tolist()]
    kernel = model.nearby.weight
    x = []
    for place, vector in enumerate(vectors):
        near = [vectors[place - 3 + k] if place - 3 + k >= 0 else torch.zeros_like(vector) for k in range(4)]
        x.append(vector + sum(kernel[:, :, k] @ near[k] for k in range(4)) + model.nearby.bias)
    for block in model.blocks:
        heads, width = block.attention._heads, len(x[0])
        size = width // heads
        projected = [block.attention.queries_keys_values(block.before_attention(each)) for each in x]
        parts = [each.view(3, heads, size) for each in projected]
        speeds = torch.tensor([1000.0 ** -(k / max(1, size // 2 - 1)) for k in range(size // 2)])

        def turned(vector: Tensor, place: int, speeds: Tensor = speeds, size: int = size) -> Tensor:
            numbers = torch.complex(vector[: size // 2], vector[size // 2 :])
            numbers = numbers * torch.polar(torch.ones_like(speeds), place * speeds)
            return torch.cat([numbers.real, numbers.imag])

        mixed = []
        for place in range(len(x)):
            out = []
            for head in range(heads):
                query = turned(parts[place][0, head], place)
                scores = [query @ turned(parts[k][1, head], k) / math.sqrt(size) for k in range(place + 1)]
                shares = torch.stack(scores).softmax(0)
                out.append(sum(share * parts[k][2, head] for k, share in enumerate(shares)))
            mixed.append(block.attention.out(torch.cat(out)))
        x = [each + attended for each, attended in zip(x, mixed, strict=True)]
        x = [each + block.perceptron(block.before_perceptron(each)) for each in x]
    return torch.stack([model.last_norm(each) for each in x])


@torch.no_grad()
def test_it_is_the_network_that_the_papers_describe() -> None:
    model = small().double()
    model._frequencies = model._frequencies.double()
    for parameter in model.parameters():
        parameter.add_(0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)))
    torch.set_default_dtype(torch.float64)
    try:
        for row in tokens(2, 9):
            assert torch.allclose(model.states(row[None])[0], slow_states(model, row), rtol=1e-6, atol=1e-6)
    finally:
        torch.set_default_dtype(torch.float32)


@torch.no_grad()
def test_a_state_depends_on_nothing_after_it() -> None:
    model, read = small(), tokens()
    changed = read.clone()
    changed[:, 7:] = 0
    before, after = model.states(read), model.states(changed)
    assert torch.allclose(before[:, :7], after[:, :7], atol=1e-6)
    assert not torch.allclose(before[:, 7:], after[:, 7:], atol=1e-3)


@torch.no_grad()
def test_and_on_everything_before_it() -> None:
    model, read = small(), tokens(1, 12)
    last = model.states(read)[0, -1]
    for place in range(12):
        changed = read.clone()
        changed[0, place] = (changed[0, place] + 1) % 256
        assert not torch.equal(model.states(changed)[0, -1], last)


@torch.no_grad()
@pytest.mark.parametrize("pieces", [[12], [1] * 12, [5, 1, 6], [2, 10]])
def test_going_on_is_reading_at_once(pieces: list[int]) -> None:
    model, read = small(), tokens()
    found, past = [], None
    for piece in read.split(pieces, dim=1):
        states, past = model.extend(piece, past)
        found.append(states)
    assert torch.allclose(torch.cat(found, dim=1), model.states(read), atol=1e-5)


def test_gradients_reach_the_vectors() -> None:
    model = small().requires_grad_(False)
    vectors = model.embed(tokens()).requires_grad_(True)
    assert torch.equal(model.states_of(vectors), model.states(tokens()))
    model.logits(model.states_of(vectors)[:, 5]).sum().backward()
    assert vectors.grad is not None
    reached = vectors.grad.abs().sum(dim=(0, 2)) > 0
    assert reached.tolist() == [True] * 6 + [False] * 6


def test_what_it_offers() -> None:
    model: DifferentiableLanguageModel = small()
    assert isinstance(model, Incremental)
    assert isinstance(model, Trainable)
    assert (model.vocabulary, model.window, model.bos, model.eos) == (256, 32, 256, None)
    assert model.decode([256, *model.encode("Größe")]) == "Größe"
    assert model.logits(model.states(tokens())[:, -1]).shape == (3, 256)


@torch.no_grad()
def test_it_starts_as_gpt2_does() -> None:
    """Deviation 0.02, and 0.02 / sqrt(2 depth) where layers add to the sum; so it knows nothing at first."""
    model = small(width=128, depth=2, heads=4)
    block = model.blocks[0]
    assert float(model.bytes.weight.std()) == pytest.approx(0.02, rel=0.05)
    assert float(block.attention.queries_keys_values.weight.std()) == pytest.approx(0.02, rel=0.05)
    assert float(block.attention.out.weight.std()) == pytest.approx(0.01, rel=0.05)
    assert float(block.perceptron[2].weight.std()) == pytest.approx(0.01, rel=0.05)
    logits = model.logits(model.states(tokens())[:, -1])
    assert float(-logits.log_softmax(dim=1).mean()) == pytest.approx(math.log(256), rel=0.02)


def test_wrong_sizes() -> None:
    with pytest.raises(HarnessError, match="width 20 of byte_gpt must be a multiple of twice its 4 heads"):
        ByteGPT(width=20)
    with pytest.raises(HarnessError, match="reads at most 32 tokens"):
        small().states(tokens(1, 33))
    model = small()
    _, past = model.extend(tokens(1, 32), None)
    with pytest.raises(HarnessError, match=r"reads at most 32 tokens .*, not 33"):
        model.extend(tokens(1, 1), past)


def test_it_learns_a_text_by_heart() -> None:
    model = small(width=32, steps=60, learning_rate=2e-2)
    data = Examples(["a"], {"texts": ["abcdefghijklmnopqrstuvwxyz" * 20]})
    model.fit(lambda split: data, Context())
    read = torch.tensor([[256, *b"abcdefghijklmnopqrst"]])
    with torch.no_grad():
        best = model.logits(model.states(read)[0]).argmax(dim=1)
    # What comes after the start was seen once in a while only.
    assert bytes(best[3:].tolist()) == b"defghijklmnopqrstu"


def test_it_learns_to_answer() -> None:
    model = small(width=32, steps=120, learning_rate=1e-2, batch=256)
    columns = {"prompts": [f"{n}?" for n in range(10)], "answers": [[str(9 - n), "wrong"] for n in range(10)]}
    model.fit(lambda split: Examples([str(n) for n in range(10)], columns), Context())
    for n in range(10):
        read = torch.tensor([[256, *f"{n}?{9 - n}".encode()]])
        with torch.no_grad():
            best = model.logits(model.states(read)[0]).argmax(dim=1)
        assert bytes(best[-2:].tolist()) == f"{9 - n}\n".encode()


def test_the_same_seed_gives_the_same_weights() -> None:
    data = Examples(["a"], {"texts": ["some text to learn from, not very long"]})
    weights = []
    for seed in (0, 0, 1):
        model = small(steps=3)
        model.fit(lambda split: data, Context(seed=seed))
        weights.append(model.head.weight.detach().clone())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_the_learning_rate_rises_and_falls() -> None:
    model = small(steps=100)
    rates = [model._rate(step) for step in range(100)]
    assert rates[:10] == pytest.approx([k / 10 for k in range(1, 11)])
    assert rates[10] == 1
    assert rates[55] == pytest.approx(0.05 + 0.95 / 2)
    assert rates == sorted(rates[:11]) + sorted(rates[11:], reverse=True)
    assert rates[-1] == pytest.approx(0.05, abs=1e-3)
