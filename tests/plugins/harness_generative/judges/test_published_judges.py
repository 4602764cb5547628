"""CLIP and a visual question answering model as judges, tiny and random, against the formula and the library."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.api import HarnessError, MissingData
from harness_generative.judges.clip_judge import CLIPJudge
from harness_generative.judges.vqa_judge import VQAJudge

MEAN, STD = [0.48, 0.45, 0.40], [0.26, 0.27, 0.28]
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
TEXTS = ["two cats", "a dog", "research"]


@pytest.fixture(scope="module")
def transformers() -> ModuleType:
    library: ModuleType = pytest.importorskip("transformers")
    return library


def images(n: int = 3, size: int = 28) -> Tensor:
    return torch.rand((n, 3, size, size), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def clip(transformers: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A CLIP of a few random weights that reads letters, as `save_pretrained` writes it."""
    folder = tmp_path_factory.mktemp("clip")
    words = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    ends = {"bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1, "pad_token_id": len(words) - 1}
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    torch.manual_seed(0)
    about = transformers.CLIPConfig(
        text_config={**sizes, **ends, "vocab_size": len(words), "max_position_embeddings": 12},
        vision_config={**sizes, "image_size": 28, "patch_size": 14},
        projection_dim=16,
    )
    network = transformers.CLIPModel(about).eval()
    network.save_pretrained(folder)
    transformers.CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)
    preprocessor = {
        "crop_size": {"height": 28, "width": 28},
        "size": {"shortest_edge": 28},
        "resample": 3,
        "image_mean": MEAN,
        "image_std": STD,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return network, folder


def test_agreement_is_the_cosine_of_the_embeddings(clip: tuple[Any, Path], transformers: ModuleType) -> None:
    network, folder = clip
    tokens = transformers.AutoTokenizer.from_pretrained(folder)(TEXTS, padding=True, return_tensors="pt")
    assert len(set(map(tuple, tokens.input_ids.tolist()))) == 3
    ready = (images() - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    with torch.no_grad():
        out = network(pixel_values=ready, **tokens)
        made = CLIPJudge(folder).agreement(images(), TEXTS)
    one, two = (each.double().numpy() for each in (out.image_embeds, out.text_embeds))
    expected = (one * two).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(two, axis=1)
    assert np.abs(made.numpy() - expected).max() < 1e-6
    assert made.std() > 1e-3


def test_long_prompts_are_cut_off_and_grey_images_of_any_size_taken(clip: tuple[Any, Path]) -> None:
    judge = CLIPJudge(clip[1])
    with torch.no_grad():
        made = judge.agreement(torch.rand(2, 1, 40, 33), ["two cats doing research in a small house", "a"])
    assert made.shape == (2,)


def test_a_folder_that_is_no_clip(clip: tuple[Any, Path], tmp_path: Path, transformers: ModuleType) -> None:
    with pytest.raises(MissingData, match=r"holds no config.json"):
        CLIPJudge(tmp_path)
    (tmp_path / "preprocessor_config.json").write_bytes((clip[1] / "preprocessor_config.json").read_bytes())
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    about = transformers.CLIPVisionConfig(**sizes, image_size=28, patch_size=14, projection_dim=16)
    transformers.CLIPVisionModelWithProjection(about).save_pretrained(tmp_path)
    with pytest.raises(HarnessError, match=r"cannot be loaded|is no CLIP"):
        CLIPJudge(tmp_path)


@pytest.fixture(scope="module")
def vilt(transformers: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ViLT of a few random weights with four answers."""
    folder = tmp_path_factory.mktemp("vilt")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "how", "many", "cats", "are", "there", "?"]
    (folder / "vocab.txt").write_text("\n".join(words))
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    about = transformers.ViltConfig(
        **sizes,
        vocab_size=len(words),
        image_size=32,
        patch_size=16,
        max_position_embeddings=16,
        id2label={0: "zero", 1: "one", 2: "two", 3: "red"},
        label2id={"zero": 0, "one": 1, "two": 2, "red": 3},
    )
    transformers.ViltForQuestionAnswering(about).save_pretrained(folder)
    tokenizer = transformers.BertTokenizer(str(folder / "vocab.txt"))
    picture = transformers.ViltImageProcessor(size={"shortest_edge": 32}, size_divisor=16)
    transformers.ViltProcessor(picture, tokenizer).save_pretrained(folder)
    return folder


def test_answers_are_the_best_of_the_network(vilt: Path, transformers: ModuleType) -> None:
    judge = VQAJudge(vilt)
    questions = ["How many cats are there?"] * 3
    with torch.no_grad():
        answers = judge.answers(images(size=32), questions)
    network = transformers.ViltForQuestionAnswering.from_pretrained(vilt).eval()
    processor = transformers.AutoProcessor.from_pretrained(vilt)
    pixels = (images(size=32) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    with torch.no_grad():
        logits = network(**processor(images=list(pixels), text=questions, return_tensors="pt", padding=True)).logits
    assert answers == [network.config.id2label[int(best)] for best in logits.argmax(1)]
    assert set(answers) <= {"zero", "one", "two", "red"}


def test_a_folder_that_answers_nothing(clip: tuple[Any, Path]) -> None:
    with pytest.raises(HarnessError, match=r"the answering model in .* cannot be loaded"):
        VQAJudge(clip[1])
