"""Causal models of the transformers library as language models; skipped where the extra `language` is not installed."""

from __future__ import annotations

import json
import math
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from harness import Run
from harness.api import Chat, Context, HarnessError, Incremental, MissingData, PaddedIncremental
from harness_language.models.hugging_face import HuggingFaceModel, causal_language_model, tokenizer_digest
from harness_language.tasks.decoding_loop import Generation, Prompt, generate
from tiny_gpt2 import CHAT, START, make_tokenizer, save_gpt2

transformers = pytest.importorskip("transformers", reason="the extra `language` is not installed")

TOKENS = 400
COMMON = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64}
LLAMA = {**COMMON, "intermediate_size": 64, "num_key_value_heads": 2, "head_dim": 8}
# The name of the configuration, what it holds, whether the head can be split off, and the window.
NETWORKS: dict[str, tuple[str, dict[str, Any], bool, int | None]] = {
    "learned positions": ("GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}, True, 64),
    "a projection after the last layer": ("OPTConfig", {**COMMON, "ffn_dim": 64, "word_embed_proj_dim": 16}, True, 64),
    "no positions": ("BloomConfig", {"hidden_size": 32, "n_layer": 2, "n_head": 4}, True, None),
    "rotary positions": ("LlamaConfig", LLAMA, True, 64),
    "a soft cap and a sliding window": (
        "Gemma2Config",
        {**LLAMA, "sliding_window": 8, "final_logit_softcapping": 2.0},
        True,
        64,
    ),
    "logits with a factor": ("CohereConfig", {**LLAMA, "logit_scale": 0.0625}, True, 64),
    "logits with a divisor": ("GraniteConfig", {**LLAMA, "logits_scaling": 3.0}, True, 64),
    "layers before the head": ("BertConfig", {**COMMON, "intermediate_size": 64, "is_decoder": True}, False, 64),
}


def network_of(name: str) -> Any:
    config, values, _, _ = NETWORKS[name]
    try:
        made = getattr(transformers, config)(
            vocab_size=TOKENS, bos_token_id=0, eos_token_id=0, pad_token_id=0, **values
        )
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"{config} cannot be imported: {error}"[:150])
    torch.manual_seed(0)
    network = transformers.AutoModelForCausalLM.from_config(made).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return network


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer()


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_states_and_head_give_the_logits_of_the_library(name: str, tokenizer: Any) -> None:
    """Padded on the right, read in parts, and from vectors; each row against the library's model alone."""
    network = network_of(name)
    model = HuggingFaceModel(network, tokenizer, "float32", start=None)
    assert (model.vocabulary, model.window) == (TOKENS, NETWORKS[name][3])
    rows = [torch.randint(1, TOKENS, (length,)) for length in (5, 20, 33)]
    padded = torch.zeros(3, 33, dtype=torch.int64)
    for row, tokens in enumerate(rows):
        padded[row, : len(tokens)] = tokens
    states = model.states(padded)
    assert (states.shape[-1] != TOKENS) == NETWORKS[name][2], "whether the head was split off"
    expected = [network(input_ids=tokens[None]).logits[0] for tokens in rows]
    for row, tokens in enumerate(rows):
        assert torch.allclose(model.logits(states[row, : len(tokens)]), expected[row], atol=1e-5)
    first, past = model.extend(rows[2][None, :20], None)
    second, past = model.extend(rows[2][None, 20:32], past)
    third, _ = model.extend(rows[2][None, 32:], past)
    assert torch.allclose(model.logits(torch.cat([first, second, third], dim=1)[0]), expected[2], atol=1e-5)
    assert torch.allclose(model.states_of(model.embed(padded)), states, atol=1e-5)


def test_a_network_without_a_cache_is_not_incremental(tokenizer: Any) -> None:
    def forget(module: Any, given: Any, output: Any) -> Any:
        output.past_key_values = None
        return output

    network = network_of("learned positions")
    assert isinstance(HuggingFaceModel(network, tokenizer, "float32", start=None), Incremental)
    network.base_model.register_forward_hook(forget)
    assert not isinstance(HuggingFaceModel(network, tokenizer, "float32", start=None), Incremental)


def test_a_cache_that_is_not_read_back_is_no_cache(tokenizer: Any) -> None:
    def forget(module: Any, positional: Any, given: dict[str, Any]) -> Any:
        return positional, {**given, "past_key_values" if "past_key_values" in given else "cache": None}

    network = network_of("rotary positions")
    network.base_model.register_forward_pre_hook(forget, with_kwargs=True)
    assert not isinstance(HuggingFaceModel(network, tokenizer, "float32", start=None), Incremental)


def test_a_recurrent_state_is_read_back_or_not_offered(tokenizer: Any) -> None:
    """Older releases of the library do not read it back; in any case answers are those of reading all again."""
    try:
        config = transformers.MambaConfig(vocab_size=TOKENS, hidden_size=16, num_hidden_layers=1)
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"Mamba cannot be imported: {error}"[:150])
    model: Any = HuggingFaceModel(transformers.MambaForCausalLM(config), tokenizer, "float32", start=None)
    assert not isinstance(model, PaddedIncremental)
    asked = [Prompt("q", [5, 6, 7, 8, 9])]
    going_on = generate(model, asked, Generation(12, []), Context())
    if isinstance(model, Incremental):
        del model.extend
    assert [each.tokens for each in generate(model, asked, Generation(12, []), Context())] == [going_on[0].tokens]


@pytest.mark.parametrize("name", NETWORKS)
def test_texts_of_different_lengths_go_on_together_as_alone(name: str, tokenizer: Any) -> None:
    """Greedy answers token by token, of every size of batch, and their likelihoods but for round-off."""
    model: Any = HuggingFaceModel(network_of(name), tokenizer, "float32", start=None)
    assert isinstance(model, PaddedIncremental)
    drawn = torch.Generator().manual_seed(3)
    lengths = [30, 17, 18, 40, 9, 20, 5]
    asked = [
        Prompt(f"q{i}", torch.randint(1, TOKENS, (length,), generator=drawn).tolist())
        for i, length in enumerate(lengths)
    ]
    # The window of 64 is full on the way, where the answer is as long.
    new = 70 if name == "learned positions" else 16
    alone, some, all_ = (generate(model, asked, Generation(new, []), Context(batch_size=size)) for size in (1, 3, 64))
    assert len({each.batch for each in all_}) < 5
    for one, other, third in zip(alone, some, all_, strict=True):
        assert one.tokens == other.tokens == third.tokens
        assert (one.stopped, one.cut, one.forgotten) == (third.stopped, third.cut, third.forgotten)
        assert third.log_likelihoods == pytest.approx(one.log_likelihoods, abs=2e-3)


def test_half_precision_goes_without_padding(tokenizer: Any) -> None:
    network = network_of("rotary positions").to(torch.bfloat16)
    assert not isinstance(HuggingFaceModel(network, tokenizer, "bfloat16", start=None), PaddedIncremental)


def test_gradients_reach_the_vectors_of_tokens(tokenizer: Any) -> None:
    model = HuggingFaceModel(network_of("learned positions"), tokenizer, "float32", start=None)
    vectors = model.embed(torch.arange(1, 9)[None]).detach().requires_grad_(True)
    model.logits(model.states_of(vectors)[:, 4]).logsumexp(1).sum().backward()
    reached = vectors.grad.abs().sum(dim=-1)[0] > 0  # type: ignore[union-attr]
    assert reached.tolist() == [True] * 5 + [False] * 3


def load(folder: Path, **how: Any) -> Any:
    return causal_language_model(folder, **how)


def test_texts_come_back_and_start_is_not_among_their_tokens(tmp_path: Path) -> None:
    model = load(save_gpt2(tmp_path, tokenizer=make_tokenizer(adds_start=True)))
    assert (model.bos, model.eos, model.window, model.precision) == (0, 0, 512, "float32")
    text = "  Tabs\tand ünïcode \N{GRINNING FACE} , are kept ."
    tokens = model.encode(text)
    assert 0 not in tokens
    assert model.decode([0, *tokens]) == text
    assert "\N{REPLACEMENT CHARACTER}" in model.decode(tokens[-30:][:1] + model.encode("\N{GRINNING FACE}")[:1])


def test_a_tokenizer_without_a_start_token(tmp_path: Path) -> None:
    folder = save_gpt2(tmp_path, tokenizer=make_tokenizer(start=None))
    assert load(folder).bos is None
    assert load(folder, start=START).bos == 0
    with pytest.raises(HarnessError, match="`start` '<s>' is no token of this tokenizer"):
        load(folder, start="<s>")


def test_the_digest_of_a_tokenizer_is_that_of_what_it_does(tokenizer: Any) -> None:
    before = tokenizer_digest(tokenizer, 0)
    tokenizer(["a", "much longer text"], padding=False, truncation=True, max_length=3)
    assert tokenizer_digest(tokenizer, 0) == before == tokenizer_digest(make_tokenizer(chat=CHAT), 0)
    assert tokenizer_digest(tokenizer, None) != before
    about = json.loads(tokenizer.backend_tokenizer.to_str())
    about["model"]["merges"] = about["model"]["merges"][:-1]
    from tokenizers import Tokenizer

    fewer = transformers.PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(about)))
    assert tokenizer_digest(fewer, 0) != before


def test_a_conversation_is_the_text_of_its_template(tmp_path: Path) -> None:
    folder = save_gpt2(tmp_path, tokenizer=make_tokenizer(chat=CHAT))
    model = load(folder)
    assert isinstance(model, Chat)
    # With the start token that the template puts there: nothing else is added to a conversation.
    assert model.converse("Hello?") == f"{START}[user] Hello?\n[assistant] "
    assert len(model.chat_template) == 64
    assert not isinstance(load(folder, chat=False), Chat)
    assert not isinstance(load(save_gpt2(tmp_path / "base")), Chat)


def test_half_precision_is_said(tmp_path: Path) -> None:
    model = load(save_gpt2(tmp_path), dtype="bfloat16")
    assert model.precision == "bfloat16"
    assert model.logits(model.states(torch.ones(1, 3, dtype=torch.int64))[0]).dtype == torch.bfloat16


def test_a_compiled_model_has_the_same_weights(tmp_path: Path) -> None:
    folder = save_gpt2(tmp_path)
    plain, compiled = load(folder), load(folder, compiled=True)
    assert sorted(plain.state_dict()) == sorted(compiled.state_dict())


@pytest.mark.parametrize("revision", ["main", None, "607a30d", "v1.0"])
def test_a_branch_is_no_revision(revision: str | None) -> None:
    with pytest.raises(HarnessError, match="must be a commit of 40 hexadecimal digits"):
        causal_language_model(hub="openai-community/gpt2", revision=revision, download=False)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"holds no config\.json"):
        load(tmp_path)
    for both in ({}, {"folder": tmp_path, "hub": "openai-community/gpt2"}):
        with pytest.raises(HarnessError, match="its folder with `folder`, or else its id on the hub"):
            causal_language_model(**both)  # type: ignore[arg-type]
    with pytest.raises(MissingData, match="is not in the cache and could not be fetched"):
        causal_language_model(hub="nobody/nothing", revision="0" * 40, download=False)
    (tmp_path / "config.json").write_text('{"model_type": "none-such"}')
    with pytest.raises(HarnessError, match="cannot be loaded as a causal language model"):
        load(tmp_path)


SUITE = """
suite: mine
extends: language-hf
models:
  - {{use: transformers, as: tiny, with: {{folder: {folder}}}}}
"""


@pytest.mark.slow
def test_the_suite_runs_on_a_local_model_without_a_network(
    tmp_path: Path, run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError("this test has no network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    found = run(SUITE.format(folder=save_gpt2(tmp_path / "tiny")))
    assert [str(row.status) for row in found.rows] == ["ok"] * 5
    assert found.exit_code == 0
    records = found.records(found.row(model="tiny", data="topics", attack="none"))
    assert sum(records["tokens"]) > 10_000
    # Random weights that are not small know less than nothing, which would cost log 400 nats a token.
    assert sum(records["nll"]) / sum(records["tokens"]) > math.log(400)
