"""Causal language models of the transformers library, by local path or by id and commit on the hub.

The vocabulary head is taken off the network, so that
the core can apply it where it wants. What a model does to its logits afterwards (soft caps, scales) is looked up in its
configuration and then checked against the model itself; where ours differs, its own logits are used, at their price in
memory.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from harness.api import HarnessError, Turn, Uncounted, published_folder
from harness_language.models.chat_template import ChatTemplate, ends_of_turn
from harness_language.models.hugging_face_loading import Dtype, Loading, Quantization, device_of, load

_COMMIT = re.compile(r"[0-9a-f]{40}")
_PATTERNS = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")
_WINDOWS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "max_sequence_length")
_PROBE = 4


def causal_language_model(
    folder: Path | None = None,
    hub: str | None = None,
    revision: str | None = None,
    dtype: Dtype = "float32",
    device_map: str | dict[str, int | str] | None = None,
    quantization: Quantization | None = None,
    adapter: Path | None = None,
    compiled: bool = False,
    chat: bool = True,
    template_arguments: dict[str, bool | int | float | str] | None = None,
    start: str | None = None,
    download: Annotated[bool, Uncounted()] = True,
) -> object:
    """Any causal language model of the transformers library, by path or hub id; its own code is never run.

    Args:
        folder: the model with its tokenizer, as `save_pretrained` writes them; the content is part of its identity.
        hub: instead, its id on the Hugging Face hub.
        revision: the commit on the hub, 40 hexadecimal digits.
        dtype: the precision of its computations; likelihoods are float32 or better whatever this is.
        device_map: where its layers are placed, as accelerate writes it: "auto", or layers to devices; by default all
            of it is on the device of the run.
        quantization: the width of its weights, by bitsandbytes; it is then placed as by `device_map: auto`. With 8 bits
            it computes in float16 and looks for outliers in a whole batch, so that the batch size may change a token.
        adapter: the folder of a LoRA adapter as peft saves it; a tokenizer in it is used instead of the model's.
        compiled: compile the network with `torch.compile`, which pays on a GPU after a minute.
        chat: ask it in its chat template, where the tokenizer has one.
        template_arguments: what the chat template is given besides the turns, such as {enable_thinking: false}.
        start: the token that starts a text, where the tokenizer names none.
        download: fetch it from the hub if it is not in the cache.

    Raises:
        HarnessError: it cannot be loaded, a weight is not finite, the revision is no commit, or a package is missing.
        MissingData: it is not on this machine, with the way to get it.
    """
    if bool(folder) == bool(hub):
        raise HarnessError("say where the model is: its folder with `folder`, or else its id on the hub with `hub`")
    if hub and not _COMMIT.fullmatch(revision or ""):
        raise HarnessError(
            f"`revision` of {hub} must be a commit of 40 hexadecimal digits, not {revision!r}, since a branch moves; "
            f"the commits stand at https://huggingface.co/{hub}/commits/main"
        )
    weights = published_folder(folder, hub, revision or "", _PATTERNS, download=download)
    how = Loading(dtype, device_map, quantization, adapter)
    network, tokenizer = load(weights, how)
    if template_arguments and not (chat and tokenizer.chat_template):
        raise HarnessError("`template_arguments` are for a chat template, and this model is asked in none")
    return HuggingFaceModel(
        network,
        tokenizer,
        dtype,
        compiled=compiled,
        chat=chat,
        start=start,
        placed=how.placed,
        quantised=how.quantization is not None,
        template_arguments=template_arguments or {},
    )


class HuggingFaceModel(nn.Module):
    """A network of the transformers library with its tokenizer, as a language model of the harness.

    `extend` is there if the network keeps a cache of keys and values, `converse`, `dialogue` and `chat_template` if the
    tokenizer has a chat template, `embed` and `states_of` always. Answers end where the library's own `generate` ends
    them, and at the tokenizer's end token; `eos` is the one of these that the chat template puts after a turn.

    Args:
        network: a `...ForCausalLM`.
        tokenizer: its tokenizer.
        precision: the dtype that it computes in.
        compiled: compile the network.
        chat: offer the chat template, if there is one.
        start: the token that starts a text, where the tokenizer names none.
        placed: the network stays on its devices.
        quantised: its weights are, so that its round-off is that of half precision.
        template_arguments: what the chat template is given besides the turns.

    Raises:
        HarnessError: `start` is no token, or the network has none for it.
    """

    def __init__(
        self,
        network: Any,
        tokenizer: Any,
        precision: str,
        *,
        compiled: bool = False,
        chat: bool = True,
        start: str | None,
        placed: bool = False,
        quantised: bool = False,
        template_arguments: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._placed = placed
        self.network = network.eval().requires_grad_(False)
        self.precision = precision
        self._round_off = torch.finfo(torch.float16 if quantised else getattr(torch, precision)).eps
        self.bos: int | None = _start(tokenizer, start)
        self.window: int | None = _window(network.config.get_text_config())
        # Before it is used: a tokenizer's state holds what it was last asked for.
        self.tokenizer = tokenizer_digest(tokenizer, self.bos)
        self._tokens = tokenizer
        self._head = split_head(network)
        # A method, since a module would be registered a second time.
        self._read: Callable[..., Any] = (network if self._head is None else network.base_model).__call__
        probe = self._answer(use_cache=True, input_ids=torch.zeros((1, _PROBE), dtype=torch.int64))
        self.vocabulary = int(self.logits(self._states(probe)[:, -1]).shape[-1])
        _check_start(self.bos, network)
        self.ends = ends_of_turn(network, tokenizer, self.vocabulary)
        self.eos = _usual_end(tokenizer, self.ends)
        if self._reads_its_cache():
            self.extend: Callable[[Tensor, Any | None], tuple[Tensor, Any]] = self._extend
            if self._leaves_padding_out():
                self.extend_padded: Callable[[Tensor, Any | None, Tensor], tuple[Tensor, Any]] = self._extend_padded
        if compiled:
            self._read = torch.compile(self._read, dynamic=True)
        if chat and tokenizer.chat_template:
            template = ChatTemplate(tokenizer, template_arguments or {})
            self.chat_template = template.digest
            self.dialogue: Callable[[Sequence[Turn]], str] = template.rendered
            self.converse: Callable[[str], str] = self._converse
            end_of_turn = template.end_of_turn(self.ends)
            self.eos = self.eos if end_of_turn is None else end_of_turn

    def encode(self, text: str) -> Sequence[int]:
        """The tokens of a text, without any that start or end it. The names of special tokens become those tokens."""
        tokens: list[int] = self._tokens(text, add_special_tokens=False, verbose=False)["input_ids"]
        return tokens

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens, without special tokens."""
        return str(self._tokens.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def embed(self, tokens: Tensor) -> Tensor:
        """The vectors `[n, length, width]` of tokens `[n, length]`."""
        vectors: Tensor = self.network.get_input_embeddings()(tokens)
        return vectors

    def states(self, tokens: Tensor) -> Tensor:
        """The last layer's outputs `[n, length, width]`, or logits where no head can be split off.

        No mask and no positions are given: padding on the right leaves those of all that counts as they are.
        """
        return self._states(self._answer(use_cache=False, input_ids=tokens)).to(tokens.device)

    def states_of(self, embedded: Tensor) -> Tensor:
        """The states of the vectors of tokens."""
        return self._states(self._answer(use_cache=False, inputs_embeds=embedded)).to(embedded.device)

    def logits(self, states: Tensor) -> Tensor:
        """Logits `[m, vocabulary]` of states `[m, ...]`."""
        return states if self._head is None else self._head(states).to(states.device)

    def _reads_its_cache(self) -> bool:
        """Whether the cache of a text stands for the text: some architectures ignore a cache that is given back."""
        tokens = torch.arange(_PROBE + 1)[None] % self.vocabulary
        first = self._answer(use_cache=True, input_ids=tokens[:, :-1])
        past = getattr(first, self._cache(), None)
        if past is None:
            return False
        last, _ = self._extend(tokens[:, -1:], past)
        whole = self.states(tokens)[:, -1:]
        # Round-off stays below the root of the precision; another text does not.
        return bool((last - whole).abs().max() <= self._round_off**0.5 * whole.abs().max())

    def _extend(self, tokens: Tensor, past: Any | None) -> tuple[Tensor, Any]:
        answer = self._answer(use_cache=True, input_ids=tokens, **{self._cache(): past})
        return self._states(answer).to(tokens.device), getattr(answer, self._cache())

    def _leaves_padding_out(self) -> bool:
        """Whether texts of several lengths can be continued together without a change but round-off.

        Half precision rounds off so much that another token may become the likeliest.
        """
        chunked = getattr(self.network.config.get_text_config(), "attention_chunk_size", None)
        exact = self._round_off <= torch.finfo(torch.float32).eps
        if not exact or chunked is not None or not self._takes("attention_mask"):
            return False
        tokens = torch.arange(2 * _PROBE)[None].expand(2, -1) % self.vocabulary
        if not _counts_its_tokens(self._extend(tokens, None)[1]):
            return False
        padding = torch.tensor([0, _PROBE - 1])
        _, past = self._extend_padded(tokens[:, :-1], None, padding)
        last, _ = self._extend_padded(tokens[:, -1:], past, padding)
        alone = torch.cat([self.states(tokens[row : row + 1, int(n) :])[:, -1:] for row, n in enumerate(padding)])
        return bool((last - alone).abs().max() <= self._round_off**0.5 * alone.abs().max())

    def _extend_padded(self, tokens: Tensor, past: Any | None, padding: Tensor) -> tuple[Tensor, Any]:
        read = 0 if past is None else int(past.get_seq_length())
        places = torch.arange(read + tokens.shape[1], device=tokens.device)[None] - padding[:, None]
        inputs = {"input_ids": tokens, "attention_mask": (places >= 0).long(), self._cache(): past}
        if self._takes("position_ids"):
            inputs["position_ids"] = places[:, read:].clamp(min=0)
        answer = self._answer(use_cache=True, **inputs)
        return self._states(answer).to(tokens.device), getattr(answer, self._cache())

    def _cache(self) -> str:
        """The name of the keys and values of what was read, which the library has changed."""
        return "cache" if self._takes("cache") else "past_key_values"

    def _takes(self, name: str) -> bool:
        network = self.network if self._head is None else self.network.base_model
        return name in inspect.signature(network.forward).parameters

    def _converse(self, prompt: str) -> str:
        return self.dialogue([Turn("user", prompt)])

    def _answer(self, **inputs: Any) -> Any:
        device = device_of(self.network.get_input_embeddings())
        moved = {name: value.to(device) if isinstance(value, Tensor) else value for name, value in inputs.items()}
        return self._read(**moved, return_dict=True)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> HuggingFaceModel:
        """Move or convert the weights, but for those that were placed where they are."""
        if not self._placed:
            super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def _states(self, answer: Any) -> Tensor:
        states: Tensor = answer.logits if self._head is None else answer.last_hidden_state
        return states


def split_head(network: Any) -> Callable[[Tensor], Tensor] | None:
    """The function from the base network's last hidden state to logits; None if it cannot be determined.

    The network is run once with a hook on its head that notes what comes in and puts known numbers in the place of what
    goes out: the head is split off only if the former is the base network's last hidden state, and the network's logits
    are what `_finished` makes of the latter.
    """
    head = network.get_output_embeddings()
    if head is None or network.base_model is network:
        return None
    config = network.config.get_text_config()
    seen: list[Tensor] = []
    # As large as real logits, so that a cap cannot hide.
    probe = torch.linspace(-60, 60, _PROBE * head.weight.shape[0]).view(1, _PROBE, -1)

    def replaced(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        seen.append(inputs[0])
        return probe.to(output).expand_as(output)

    tokens = torch.arange(_PROBE, device=device_of(network.get_input_embeddings()))[None]
    hook = head.register_forward_hook(replaced)
    try:
        with torch.no_grad():
            logits = network(input_ids=tokens, use_cache=False, return_dict=True).logits
            # What the head cannot take makes no logits.
            hidden = network.base_model(input_ids=tokens, use_cache=False, return_dict=True)
    finally:
        hook.remove()
    hidden = getattr(hidden, "last_hidden_state", torch.empty(0))
    expected = _finished(probe.to(logits), config)
    if len(seen) != 1 or seen[0].shape != hidden.shape or logits.shape != expected.shape:
        return None
    if not torch.allclose(seen[0].to(hidden), hidden, rtol=1e-3) or not torch.allclose(
        logits, expected, rtol=1e-2, atol=1e-4
    ):
        return None
    return lambda states: _finished(head(states.to(device_of(head))), config)


def _finished(logits: Tensor, config: Any) -> Tensor:
    """The last operations on logits of Gemma 2 (a soft cap), Cohere (a factor) and Granite (a divisor)."""
    factor = getattr(config, "logit_scale", None)
    divisor = getattr(config, "logits_scaling", None)
    cap = getattr(config, "final_logit_softcapping", None)
    if isinstance(factor, float | int):
        logits = logits * factor
    if isinstance(divisor, float | int):
        logits = logits / divisor
    return torch.tanh(logits / cap) * cap if cap else logits


def tokenizer_digest(tokenizer: Any, bos: int | None) -> str:
    """The sha256 of all that determines tokens: vocabulary, merges, normalisation, start token."""
    if getattr(tokenizer, "is_fast", False):
        about = json.loads(tokenizer.backend_tokenizer.to_str())
        for name in ("padding", "truncation", "post_processor"):
            about.pop(name, None)
    else:
        merges = [list(pair) for pair in getattr(tokenizer, "bpe_ranks", ())]
        pieces = getattr(tokenizer, "sp_model", None)
        serialised = pieces.serialized_model_proto().hex() if pieces is not None else ""
        about = [type(tokenizer).__name__, tokenizer.get_vocab(), merges, serialised]
    return _sha256(json.dumps([about, bos], sort_keys=True))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _start(tokenizer: Any, name: str | None) -> int | None:
    if name is None:
        start: int | None = tokenizer.bos_token_id
        return start
    token = tokenizer.get_vocab().get(name)
    if token is None:
        raise HarnessError(f"`start` {name!r} is no token of this tokenizer")
    return int(token)


def _counts_its_tokens(past: Any) -> bool:
    """Whether a cache says how many tokens it stands for; a recurrent state does not."""
    try:
        return int(past.get_seq_length()) > 0
    except (AttributeError, ValueError):
        return False


def _usual_end(tokenizer: Any, ends: frozenset[int]) -> int | None:
    """The token that ends a text that is no conversation."""
    of_tokenizer: int | None = tokenizer.eos_token_id
    return of_tokenizer if of_tokenizer in ends else min(ends, default=None)


def _check_start(start: int | None, network: Any) -> None:
    """Refuse a start token that the network cannot read. Raises HarnessError."""
    known = network.get_input_embeddings().weight.shape[0]
    if start is not None and start >= known:
        raise HarnessError(
            f"the start token of the tokenizer is number {start}, and the model has {known} tokens: they do not belong "
            "together; name another with `start`"
        )


def _window(config: Any) -> int | None:
    """The longest input in tokens, by the configuration; None where there is no limit, as for ALiBi."""
    windows = (getattr(config, name, None) for name in _WINDOWS)
    return next((int(window) for window in windows if isinstance(window, int) and window > 0), None)
