"""Loading models of the transformers library: adapters, placement, missing packages, weights that are not finite."""

from __future__ import annotations

import json
import math
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from harness.api import HarnessError
from harness_language.models import hugging_face_loading
from harness_language.models.hugging_face import causal_language_model
from harness_language.models.hugging_face_loading import Loading
from tiny_gpt2 import CHAT, make_tokenizer, save_gpt2

transformers = pytest.importorskip("transformers", reason="the extra `language` is not installed")

TOKENS = torch.arange(1, 9)[None]


def logits_of(model: Any) -> torch.Tensor:
    logits: torch.Tensor = model.logits(model.states(TOKENS)[0])
    return logits


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_one_weight_that_is_not_finite_is_refused_by_name(value: float, tmp_path: Path) -> None:
    network = transformers.AutoModelForCausalLM.from_pretrained(save_gpt2(tmp_path))
    with torch.no_grad():
        network.transformer.h[1].mlp.c_fc.weight[3, 5] = value
    network.save_pretrained(tmp_path)
    for dtype in ("float32", "bfloat16"):
        with pytest.raises(HarnessError, match=r"are not finite .*transformer\.h\.1\.mlp\.c_fc\.weight"):
            causal_language_model(tmp_path, dtype=dtype)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("how", "package"),
    [({"quantization": "4bit"}, "bitsandbytes"), ({"device_map": "auto"}, "accelerate"), ({"adapter": "."}, "peft")],
)
def test_a_package_that_is_missing_is_named(
    how: dict[str, Any], package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hugging_face_loading, "find_spec", lambda name: None)
    folder = save_gpt2(tmp_path)
    given = {name: Path(value) if name == "adapter" else value for name, value in how.items()}
    with pytest.raises(
        HarnessError, match=f"`{next(iter(how))}` .* needs the package {package}, .* pip install {package}"
    ):
        causal_language_model(folder, **given)


def test_how_quantised_weights_are_asked_for() -> None:
    """What reaches the library; that it quantises takes bitsandbytes and mostly a GPU."""
    options = hugging_face_loading._network_options
    assert options(Loading()) == {"dtype": torch.float32}
    eight = options(Loading("bfloat16", quantization="8bit"))
    assert eight["device_map"] == "auto"
    assert eight["quantization_config"].load_in_8bit
    four = options(Loading("bfloat16", {"": 0}, "4bit"))
    assert four["device_map"] == {"": 0}
    assert (four["quantization_config"].load_in_4bit, four["quantization_config"].bnb_4bit_quant_type) == (True, "nf4")
    assert four["quantization_config"].bnb_4bit_compute_dtype is torch.bfloat16
    assert Loading(quantization="4bit").placed


@pytest.mark.parametrize(("width", "share"), [("8bit", 0.1), ("4bit", 0.5)])
def test_quantised_weights_are_near_the_whole_ones(width: Any, share: float, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="quantised weights take bitsandbytes")
    config = transformers.LlamaConfig(
        vocab_size=400, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    network = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    network.save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    whole = logits_of(causal_language_model(tmp_path))
    model: Any = causal_language_model(tmp_path, quantization=width, device_map="cpu")
    difference = logits_of(model.to("cpu")) - whole
    assert 0 < difference.pow(2).mean().sqrt() < share * whole.std()
    assert hasattr(model, "extend")
    assert not hasattr(model, "extend_padded")


def test_a_model_that_was_placed_stays_there(tmp_path: Path) -> None:
    pytest.importorskip("accelerate", reason="placing layers takes accelerate")
    folder = save_gpt2(tmp_path)
    placed, whole = causal_language_model(folder, device_map={"": "cpu"}), causal_language_model(folder)
    assert torch.equal(logits_of(placed), logits_of(whole))
    moved: Any = placed.to("meta")  # type: ignore[attr-defined]
    assert torch.equal(logits_of(moved), logits_of(whole))
    elsewhere: Any = whole.to("meta")  # type: ignore[attr-defined]
    assert all(weight.is_meta for weight in elsewhere.parameters())


def test_layers_that_wait_elsewhere(tmp_path: Path) -> None:
    """Half of the layers lie on disk until they are used, as on a machine whose memory does not hold them."""
    pytest.importorskip("accelerate", reason="placing layers takes accelerate")
    folder = save_gpt2(tmp_path)
    where = {"transformer.wte": "cpu", "transformer.wpe": "cpu", "transformer.h.0": "cpu", "transformer.ln_f": "cpu"}
    network = transformers.AutoModelForCausalLM.from_pretrained(
        folder, device_map={**where, "lm_head": "cpu", "transformer.h.1": "disk"}, offload_folder=tmp_path / "off"
    )
    from harness_language.models.hugging_face import HuggingFaceModel

    model = HuggingFaceModel(network, make_tokenizer(), "float32", start=None, placed=True)
    assert torch.allclose(logits_of(model), logits_of(causal_language_model(folder)), atol=1e-6)


def lora(folder: Path, adapter: Path, *, tokenizer: Any = None) -> Any:
    """Write a LoRA adapter with random weights; the network with it."""
    peft = pytest.importorskip("peft", reason="adapters take peft")
    torch.manual_seed(1)
    network = transformers.AutoModelForCausalLM.from_pretrained(folder)
    how = peft.LoraConfig(r=4, lora_alpha=8, target_modules=["c_attn"], fan_in_fan_out=True, init_lora_weights=False)
    tuned = peft.get_peft_model(network, how)
    tuned.save_pretrained(adapter)
    if tokenizer is not None:
        tokenizer.save_pretrained(adapter)
    return tuned.eval()


def test_an_adapter_changes_the_model_as_peft_does(tmp_path: Path) -> None:
    folder, adapter = save_gpt2(tmp_path / "base"), tmp_path / "lora"
    tuned = lora(folder, adapter, tokenizer=make_tokenizer(chat=CHAT))
    with torch.no_grad():
        expected = tuned(input_ids=TOKENS).logits[0]
    model: Any = causal_language_model(folder, adapter=adapter)
    assert torch.allclose(logits_of(model), expected, atol=1e-4)
    assert not torch.allclose(logits_of(causal_language_model(folder)), expected, atol=1e-2)
    # The tokenizer beside the adapter has the chat format that it was tuned on.
    assert "[user] x" in model.converse("x")


def test_beside_quantised_weights_an_adapter_stays_beside_them(tmp_path: Path) -> None:
    folder, adapter = save_gpt2(tmp_path / "base"), tmp_path / "lora"
    tuned = lora(folder, adapter)
    network = transformers.AutoModelForCausalLM.from_pretrained(folder)
    beside = hugging_face_loading._adapted(network, adapter, merged=False)
    from harness_language.models.hugging_face import HuggingFaceModel

    model = HuggingFaceModel(beside, make_tokenizer(), "float32", start=None)
    with torch.no_grad():
        assert torch.allclose(logits_of(model), tuned(input_ids=TOKENS).logits[0], atol=1e-4)


def test_a_folder_that_is_no_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hugging_face_loading, "find_spec", lambda name: ModuleSpec(name, None))
    monkeypatch.setitem(sys.modules, "peft", ModuleType("peft"))
    folder = save_gpt2(tmp_path / "base")
    with pytest.raises(HarnessError, match=r"is no LoRA adapter as peft saves it: it holds no adapter_config\.json"):
        causal_language_model(folder, adapter=folder)


def test_a_start_token_that_the_model_does_not_have(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    tokenizer.add_special_tokens({"bos_token": "<|begin|>"})
    with pytest.raises(HarnessError, match="start token of the tokenizer is number 400, and the model has 400 tokens"):
        causal_language_model(save_gpt2(tmp_path, tokenizer=tokenizer))


def test_what_was_written_is_what_is_declared(tmp_path: Path) -> None:
    """The generation configuration on disk, which the tests of ends rely on."""
    folder = save_gpt2(tmp_path, ends=(7, 2))
    assert json.loads((folder / "generation_config.json").read_text())["eos_token_id"] == [7, 2]
