"""Protocols of language models, decoding rules and attacks on text."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from harness.contract.context import Context

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class AnsweringModel(Protocol):
    """Answers prompts with texts, such as a model behind a server; it says nothing of texts that it did not write.

    Attributes:
        converses: whether it takes a conversation; else the one turn that it gets is a text to go on from.
    """

    converses: bool

    def answers(self, prompts: Sequence[Prompted], limits: AnswerLimits, ctx: Context) -> Sequence[Reply]:
        """One reply to each prompt, in their order; none may depend on the other prompts.

        Raises:
            NotApplicable: it does not take such turns.
        """


class LanguageModel(Protocol):
    """Predicts the next token of a text.

    The states after each token and the logits over the vocabulary are asked for apart, so that the core can apply the
    head only where a token is scored, and in chunks.

    Attributes:
        vocabulary: number of tokens that can be predicted; the width of the logits.
        window: the longest input in tokens; None for any.
        bos: the token that starts a text and is never predicted, which may lie beyond the vocabulary; None if the
            tokenizer has none.
        eos: the token that ends an answer; None if there is none. A model with several of them has `ends`, too.
        tokenizer: the digest of what turns text into tokens: token perplexities compare only within one.
        precision: the dtype that the model computes in, such as "float32". Half precision is part of what must be equal
            before two numbers may be compared; float32 and float64 are taken for equal.
    """

    vocabulary: int
    window: int | None
    bos: int | None
    eos: int | None
    tokenizer: str
    precision: str

    def encode(self, text: str) -> Sequence[int]:
        """The tokens of a text, without any that start or end it."""

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens. Bytes that are no UTF-8 become U+FFFD."""

    def states(self, tokens: Tensor) -> Tensor:
        """Return the hidden state after each token: `[n, length, ...]` of int64 tokens `[n, length]`.

        Rows are padded on the right with token 0. A state depends only on the tokens up to its own, so padding
        changes none that counts.
        """

    def logits(self, states: Tensor) -> Tensor:
        """Logits `[m, vocabulary]` of the next token, of states `[m, ...]`."""


class DifferentiableLanguageModel(LanguageModel, Protocol):
    """A language model whose gradients reach the vectors of its input tokens."""

    def embed(self, tokens: Tensor) -> Tensor:
        """The vectors `[n, length, width]` of tokens `[n, length]`."""

    def states_of(self, embedded: Tensor) -> Tensor:
        """The states `[n, length, ...]` of vectors `[n, length, width]`; `states` is this of `embed`."""


@runtime_checkable
class Incremental(Protocol):
    """A language model that can continue from cached states instead of reading all tokens again."""

    def extend(self, tokens: Tensor, past: Any | None) -> tuple[Tensor, Any]:
        """The states `[n, m, ...]` of further tokens `[n, m]`, and the past for the next call.

        Args:
            tokens: all rows go on at the same position.
            past: what the last call returned; None at the start. It is never used again after a call.
        """


@runtime_checkable
class PaddedIncremental(Incremental, Protocol):
    """A language model that can continue texts of different lengths together."""

    def extend_padded(self, tokens: Tensor, past: Any | None, padding: Tensor) -> tuple[Tensor, Any]:
        """As `extend`, of rows that are padded on the left.

        Padding changes the states of the tokens behind it by round-off only; those of padding itself mean nothing.

        Args:
            tokens: `[n, m]`, which go on at the same position, counted with the padding.
            past: what the last call returned, with the same padding; None at the start.
            padding: `[n]`, how many of the first tokens of each row are none.
        """


@runtime_checkable
class EndsOfTurn(Protocol):
    """A language model whose answers are ended by any of several tokens."""

    ends: Collection[int]
    """All tokens that end an answer, `eos` among them."""


@runtime_checkable
class Chat(Protocol):
    """A language model that was tuned on conversations."""

    chat_template: str
    """The digest of the template; part of the comparability key."""

    def converse(self, prompt: str) -> str:
        """Return a user's prompt in the chat format of the model.

        It is all that the model reads, so it holds the start token if the format has one.
        """


@dataclass(frozen=True, slots=True)
class Turn:
    """What was said in one turn of a conversation.

    Attributes:
        role: who said it; the system says how to answer, before all others.
        text: what was said.
    """

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Prompted:
    """A prompt for a model that answers.

    Attributes:
        id: of the example; what is drawn for its answer must be keyed by it.
        turns: what was said so far, last by the user.
    """

    id: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """Where answers end.

    Attributes:
        max_tokens: an answer has at most that many.
        stop: texts that end an answer and are no part of it.
    """

    max_tokens: int
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered to a prompt, and what is known of the answer.

    Attributes:
        text: the answer.
        stopped: why it ended: "stop", "length", or another word of the model, such as "content_filter".
        tokens: how many it has; None if that is not known.
        asked_tokens: how many the prompt has.
        log_likelihoods: of the tokens of the answer, in nats; None if the model does not say.
        seconds: how long it took; None if that is not known.
        price: what it cost, in the unit of the prices that the suite gives; None without prices.
        refused: why there will never be an answer to this prompt; empty if there is one.
        doubt: why the answer may not be what was asked for, such as another model that gave it.
    """

    text: str
    stopped: str = "stop"
    tokens: int | None = None
    asked_tokens: int | None = None
    log_likelihoods: tuple[float, ...] | None = None
    seconds: float | None = None
    price: float | None = None
    refused: str = ""
    doubt: str = ""


@runtime_checkable
class Dialogue(Chat, Protocol):
    """A chat model that can be given a system prompt and earlier turns."""

    def dialogue(self, turns: Sequence[Turn]) -> str:
        """Return a conversation whose next turn is the assistant's in the chat format of the model.

        Raises:
            NotApplicable: the format does not take such turns, for instance no system prompt.
        """


@runtime_checkable
class TextClassifier(Protocol):
    """Maps texts to logits of classes."""

    def classify(self, texts: Sequence[str], batch_size: int) -> tuple[Tensor, Sequence[bool]]:
        """Logits `[n, classes]`, float32 on the CPU, and whether each text was cut because it is too long.

        Args:
            texts: any number; the logits of one must not depend on the others.
            batch_size: how many to read at once.
        """


class Decoding(Protocol):
    """A rule that chooses the next token; the core seeds the draws by prompt and position."""

    def choose(self, logits: Tensor, uniform: Tensor) -> Tensor:
        """The next tokens `[n]`, int64.

        Args:
            logits: `[n, vocabulary]`, float32.
            uniform: `[n]`, float64 in [0, 1): the only randomness there is.
        """


@dataclass(frozen=True, slots=True)
class TextBatch:
    """Texts as an attack receives them.

    Attributes:
        ids: of the examples, length n. Every draw must be keyed by them: `ctx.rng(name)`, `ctx.uniform(ids, ...)`.
        texts: what is to be rewritten.
        goals: for each text what the attacker wants the answer to begin with; None if there is no such goal.
        template: what the task puts each text into before the model reads it, at `{prompt}`.
    """

    ids: Sequence[str]
    texts: Sequence[str]
    goals: Sequence[str | None]
    template: str = "{prompt}"

    def __len__(self) -> int:
        return len(self.ids)


class Edited(str):
    """A rewritten text that knows how much of the original its maker changed.

    What knows it needs not be compared with the original, which for a long text takes as many steps as the square of
    its length. Of short texts the comparison is made nevertheless, and a part of long ones.

    Attributes:
        edits: how many characters were inserted, deleted or replaced.
    """

    edits: int

    def __new__(cls, text: str, edits: int) -> Edited:
        made = super().__new__(cls, text)
        made.edits = edits
        return made


class TextAttack(Protocol):
    """Rewrites texts so that a language model fails on them.

    Annotate `model` as `object` if it is not used, as `LanguageModel` or as `DifferentiableLanguageModel`: that is how
    the plan knows what the attack needs. The core runs the model on everything that comes back and keeps, text by text,
    what is worst for the model.
    """

    def rewrite(self, model: Any, batch: TextBatch, ctx: Context) -> Sequence[Sequence[str]]:
        """Return one or more candidates for each text, `Edited` where their maker counted what it changed."""
