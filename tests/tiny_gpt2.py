"""A GPT-2 with random weights and a tokenizer of its own, saved as the transformers library saves models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

START = "<|endoftext|>"
SPECIAL = ("<|im_start|>", "<|im_end|>")
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if thinking is defined and not thinking %}(none){% endif %}{% endif %}"
)
NO_SYSTEM = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>model\n{% endif %}"
)
IGNORES_SYSTEM = "{% for m in messages if m['role'] != 'system' %}[{{ m['role'] }}] {{ m['content'] }}\n{% endfor %}"
CHAT = (
    "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)


def make_tokenizer(*, start: str | None = START, adds_start: bool = False, chat: str | None = None) -> Any:
    """Bytes and their likeliest pairs, 400 tokens; `adds_start`: it starts texts by itself, as Llama's does.

    Where its chat template has special tokens for turns, it has them, too.
    """
    from pydoc_data.topics import topics

    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[START, *(SPECIAL if SPECIAL[0] in (chat or "") else ())],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    trained.train_from_iterator([topics["assert"], topics["if"]], trainer)
    if adds_start:
        trained.post_processor = processors.TemplateProcessing(f"{START} $A", special_tokens=[(START, 0)])
    named = {} if start is None else {"bos_token": start}
    made = PreTrainedTokenizerFast(tokenizer_object=trained, eos_token=START, **named)
    made.chat_template = chat
    return made


def save_gpt2(folder: Path, *, window: int = 512, tokenizer: Any = None, ends: Sequence[int] = (0,)) -> Path:
    """Write the model; its weights are wide enough that every mistake shows in the likelihood.

    `ends` are the tokens that end its answers by its generation configuration.
    """
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    size = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": window}
    network = GPT2LMHeadModel(GPT2Config(vocab_size=400, **size, bos_token_id=0, eos_token_id=0))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    network.generation_config.eos_token_id = ends[0] if len(ends) == 1 else list(ends)
    network.save_pretrained(folder)
    (tokenizer or make_tokenizer()).save_pretrained(folder)
    return folder
