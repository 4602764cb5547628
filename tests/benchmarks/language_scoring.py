"""What the benchmark of scoring runs, also as a process of its own: `language_scoring.py SIDE FOLDER`.

Sides: `import` (nothing but what both need), `bare` and `core` (documents with a vocabulary of 50,257), `harness` and
`lm_eval` (1,000 short documents with the GPT-2 in the folder).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from harness.api import Context, Examples
from harness_language.tasks.likelihood import TOKENS_PER_EXAMPLE
from harness_language.tasks.score_text import Language

VOCABULARY = 50_257
WINDOW, STRIDE = 256, 128
LOGITS_AT_ONCE = 2**22


class SmallGPT(nn.Module):
    """A transformer over bytes with random weights, and with as many tokens beyond them as asked for."""

    bos: int | None = 0
    eos: int | None = None
    tokenizer = "bytes from 1"
    precision = "float32"
    window: int | None = WINDOW

    def __init__(self, vocabulary: int = 257, width: int = 128, layers: int = 4) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.vocabulary = vocabulary
        self.embedding = nn.Embedding(vocabulary, width)
        self.position = nn.Embedding(WINDOW, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2 * layers))
        self.mix = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(layers))
        self.out = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.feed = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)) for _ in range(layers)
        )
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.eval().requires_grad_(False)

    def encode(self, text: str) -> Sequence[int]:
        return [byte + 1 for byte in text.encode()]

    def decode(self, tokens: Sequence[int]) -> str:
        return bytes(token - 1 for token in tokens if token).decode(errors="replace")

    def states(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens) + self.position.weight[: tokens.shape[1]]
        for layer, (mix, out, feed) in enumerate(zip(self.mix, self.out, self.feed, strict=True)):
            parts = mix(self.norms[2 * layer](x)).unflatten(-1, (3, 4, -1)).transpose(1, 3).unbind(2)
            x = x + out(scaled_dot_product_attention(*parts, is_causal=True).transpose(1, 2).flatten(2))
            x = x + feed(self.norms[2 * layer + 1](x))
        return x

    def logits(self, states: Tensor) -> Tensor:
        return self.head(states)  # type: ignore[no-any-return]


def documents(size: int, longest: int = 4000) -> list[str]:
    """English prose of this many bytes in all, in pieces of very different length."""
    from pydoc_data.topics import topics

    prose = " ".join(" ".join(text.split()) for _, text in sorted(topics.items())).encode("ascii", "ignore").decode()
    prose *= 1 + size // len(prose)
    found: list[str] = []
    place = 0
    while place < size:
        length = min(40 + (len(found) * 997) % longest, size - place)
        found.append(prose[place : place + length])
        place += length
    return found


def examples(texts: Sequence[str]) -> Examples:
    return Examples([f"d{i}" for i in range(len(texts))], {"texts": list(texts)})


def by_core(model: SmallGPT, texts: Sequence[str], batch_size: int) -> float:
    """The nats of all texts by the task."""
    task = Language(window=WINDOW, stride=STRIDE)
    outcome = task.run(model, examples(texts), None, Context(batch_size=batch_size))
    return float(sum(outcome.records["nll"]))


@torch.inference_mode()
def by_bare_loop(model: SmallGPT, texts: Sequence[str], batch_size: int) -> float:
    """The same windows, sorted by length and padded on the right; the head in chunks; and nothing else."""
    windows: list[tuple[list[int], int]] = []
    for text in texts:
        tokens = [0, *model.encode(text)]
        end = min(len(tokens), WINDOW + 1)
        windows.append((tokens[:end], 1))
        while end < len(tokens):
            start, end = end, min(end + STRIDE, len(tokens))
            before = max(0, end - WINDOW - 1)
            windows.append((tokens[before:end], start - before))
    windows.sort(key=lambda window: -len(window[0]))
    total, place, chunk = 0.0, 0, LOGITS_AT_ONCE // model.vocabulary
    while place < len(windows):
        longest = len(windows[place][0]) - 1
        batch = windows[place : place + max(1, batch_size * TOKENS_PER_EXAMPLE // longest)]
        place += len(batch)
        tokens = torch.zeros((len(batch), longest), dtype=torch.int64)
        targets = torch.full((len(batch), longest), -1)
        for row, (window, first) in enumerate(batch):
            whole = torch.tensor(window)
            tokens[row, : len(window) - 1] = whole[:-1]
            targets[row, first - 1 : len(window) - 1] = whole[first:]
        scored = targets >= 0
        states, wanted = model.states(tokens)[scored], targets[scored]
        for start in range(0, len(wanted), chunk):
            logits = model.logits(states[start : start + chunk])
            total += float(cross_entropy(logits, wanted[start : start + chunk], reduction="none").double().sum())
    return total


def save_gpt2(folder: Path, texts: Sequence[str]) -> None:
    """A small GPT-2 with random weights, a vocabulary of 50,257 and a tokenizer of bytes and pairs."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=1000, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet)
    trained.train_from_iterator(texts, trainer)
    named = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    PreTrainedTokenizerFast(tokenizer_object=trained, **named, model_max_length=1024).save_pretrained(folder)
    torch.manual_seed(0)
    config = GPT2Config(n_embd=128, n_layer=4, n_head=4, bos_token_id=0, eos_token_id=0)
    GPT2LMHeadModel(config).save_pretrained(folder)


def short_documents() -> list[str]:
    """1,000 documents of 20 to 300 characters."""
    prose = " ".join(documents(400_000))
    lengths = [20 + (i * 7919) % 281 for i in range(1000)]
    starts = [sum(lengths[:i]) for i in range(1000)]
    return [prose[start : start + length] for start, length in zip(starts, lengths, strict=True)]


def by_lm_eval(folder: Path, batch_size: int) -> float:
    """The nats of the short documents by lm-evaluation-harness, asked directly, without its tasks and files."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model = HFLM(pretrained=str(folder), device="cpu", dtype="float32", batch_size=batch_size)
    requests = [Instance("loglikelihood_rolling", {}, (text,), i) for i, text in enumerate(short_documents())]
    return -float(sum(model.loglikelihood_rolling(requests, disable_tqdm=True)))


def by_harness(folder: Path, batch_size: int) -> float:
    """The same by this package: the model from its component, the task, all records."""
    from harness_language.models.hugging_face import causal_language_model

    model = causal_language_model(folder)
    task = Language(window=1024, stride=1024)
    outcome = task.run(model, examples(short_documents()), None, Context(batch_size=batch_size))  # type: ignore[arg-type]
    return float(sum(outcome.records["nll"]))


def largest_resident_size() -> int:
    """In KiB, of this process. What `getrusage` says begins with the size of the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0])


def main(side: str, folder: Path) -> None:
    """Run a side and print what it found as a line of JSON."""
    torch.set_num_threads(1)
    nats = 0.0
    if side in ("bare", "core"):
        model = SmallGPT(VOCABULARY, width=256)
        work = by_core if side == "core" else by_bare_loop
        nats = work(model, documents(20_000), 16)
    elif side == "lm_eval":
        nats = by_lm_eval(folder, 16)
    elif side == "harness":
        nats = by_harness(folder, 16)
    print(json.dumps({"nats": nats, "peak": largest_resident_size()}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
