"""Suffix search on a Hugging Face model, whose tokens are pieces of words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from harness.api import Context, TextBatch
from harness_language.guardrails.suffix_search import goal_nll, target_of
from harness_language.guardrails.suffixes import GreedyCoordinateGradient, RandomSuffix

transformers = pytest.importorskip("transformers")
hugging_face = pytest.importorskip("harness_language.models.hugging_face")

TEXT = "What is the secret? The secret is amber falcon. Sure, here is how! ! ! !"
BATCH = TextBatch(["a"], ["What is the secret?"], ["The secret is"], "{prompt}\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random GPT-2 with a tokenizer that joins letters, and a chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=["<end>"], initial_alphabet=alphabet)
    pieces.train_from_iterator([TEXT] * 20, trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=pieces, bos_token="<end>", eos_token="<end>")
    tokenizer.chat_template = "{% for m in messages %}<user>{{m['content']}}{% endfor %}<assistant>"
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_positions=96, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
    )
    place = tmp_path_factory.mktemp("tiny")
    transformers.GPT2LMHeadModel(config).save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


@pytest.mark.parametrize("chat", [False, True])
@pytest.mark.parametrize("attack", [GreedyCoordinateGradient(8, 6, 16), RandomSuffix(8, 6, 16)])
def test_the_goal_gets_likelier_and_the_suffix_is_read_as_it_was_searched(
    folder: Path, chat: bool, attack: Any
) -> None:
    model = hugging_face.causal_language_model(folder=folder, chat=chat)
    ((found,),) = attack.rewrite(model, BATCH, Context())
    target = target_of(model, BATCH.texts[0], "The secret is", BATCH.template, 8)
    suffix = found.removeprefix(BATCH.texts[0])
    whole = list(model.encode(target.before + suffix + target.after))
    whole = whole if chat else [model.bos, *whole]
    tokens = whole[target.slots]
    assert [*target.head, *tokens, *target.tail] == whole
    nlls, _ = goal_nll(model, target, [target.start, tokens], "cpu", 4)
    assert nlls[1] < nlls[0]
