"""Language models, corpora, noise and jailbreaks, and metrics of what models say and how sure they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from harness.api import Component, Kind, MeasuredCell, Section, hookimpl

_SCORE = frozenset({"language"})
_ANSWER = frozenset({"answer"})
_TEXT = frozenset({"language", "answer"})
_LANGUAGE_MODELS = frozenset({"language", "answer", "minimal_pairs"})


def _component(kind: Kind, name: str, target: str, summary: str, tasks: frozenset[str], **more: Any) -> Component:
    return Component(kind, name, f"{__name__}.{target}", summary, tasks=tasks, **more)


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare tasks, models, data, attacks on text, decoding rules, metrics, aggregates and pictures."""
    return [
        *_tasks(),
        *_models(),
        *_corpora(),
        *_questions(),
        *_noise(),
        *_jailbreaks(),
        *_decoding(),
        *_likelihood_metrics(),
        *_answer_metrics(),
        *_guardrail_metrics(),
        *_emergence(),
    ]


@hookimpl
def harness_page_sections(cells: Sequence[MeasuredCell]) -> Iterable[Section]:
    """Show a few questions of every cell with their answers."""
    from harness_language.transcripts import sections

    return sections(cells)


def _tasks() -> list[Component]:
    return [
        _task(
            "language", "score_text:Language", "Score the documents of a corpus by their likelihood, clean and noisy."
        ),
        _task(
            "answer", "answer:Answer", "Ask questions: what a model answers, whether it is right, and how sure it is."
        ),
        _task(
            "minimal_pairs", "minimal_pairs:MinimalPairs", "Which of two sentences is likelier: the right or the wrong."
        ),
    ]


def _task(name: str, target: str, summary: str) -> Component:
    # They were part of the core once, and their results stay comparable.
    return _component("task", name, f"tasks.{target}", summary, frozenset(), moved_from=f"harness/{name}")


def _model(name: str, target: str, summary: str, **more: Any) -> Component:
    return _component("model", name, target, summary, _LANGUAGE_MODELS, **more)


def _models() -> list[Component]:
    return [
        _model("uniform", "models.uniform:Uniform", "Every byte is as likely as any other."),
        _model(
            "ngram",
            "models.ngram:NGram",
            "Interpolated Kneser-Ney over bytes.",
            trained_on="harness_language/topics",
            references=("Kneser & Ney 1995", "Chen & Goodman 1999"),
        ),
        _model(
            "byte_gpt",
            "models.byte_gpt:ByteGPT",
            "A small GPT over bytes.",
            trained_on="harness_language/topics",
            references=("Radford et al. 2019, GPT-2",),
        ),
        _model(
            "transformers",
            "models.hugging_face:causal_language_model",
            "Any causal Hugging Face model, by local path or hub id.",
            requires=("transformers",),
        ),
        _model(
            "llama2c",
            "models.llama2c:Llama2C",
            "A checkpoint of llama2.c with its tokenizer.",
            references=("Touvron et al. 2023, arXiv:2307.09288",),
        ),
    ]


def _data(name: str, target: str, summary: str, tasks: frozenset[str], **more: Any) -> Component:
    return _component("dataset", name, target, summary, tasks, **more)


def _corpora() -> list[Component]:
    """Texts to be predicted."""
    return [
        _data("topics", "corpora.topics:topics", "English prose that ships with Python.", frozenset()),
        _data("markov", "corpora.markov:markov", "Text of a Markov source whose entropy rate is known.", frozenset()),
        _data("texts", "corpora.files:texts", "Documents of a text, JSONL or parquet file.", frozenset()),
        _data("tinyshakespeare", "corpora.published:tinyshakespeare", "Shakespeare's plays, 1.1 MB.", frozenset()),
        _data("wikitext2", "corpora.published:wikitext2", "WikiText-2, articles of Wikipedia.", frozenset()),
        _data("names", "corpora.published:names", "32,033 first names.", frozenset()),
    ]


def _questions() -> list[Component]:
    """Prompts with expected answers, or sentences to choose among."""
    return [
        _data("arithmetic", "questions.numbers:arithmetic", "Sums by number of digits.", frozenset()),
        _data("expressions", "questions.numbers:expressions", "Expressions by number of steps.", frozenset()),
        _data("parity", "questions.logic:parity", "Parity of a string of bits.", frozenset()),
        _data("sorting", "questions.logic:sorting", "Digits to be sorted.", frozenset()),
        _data("propositions", "questions.logic:propositions", "Truth of a formula of propositions.", frozenset()),
        _data("knowledge_base", "questions.knowledge:knowledge_base", "Facts seen, unseen and made up.", frozenset()),
        _data("questions", "questions.files:questions", "Questions and answers of a JSONL or CSV file.", frozenset()),
        _data("gsm8k", "questions.files:gsm8k", "Grade-school mathematics in words.", frozenset()),
        _data("svamp", "questions.files:svamp", "Simple word problems, varied.", frozenset()),
        _data("blimp", "questions.blimp:blimp", "67 paradigms of minimal pairs of English grammar.", frozenset()),
        _data("guarded_requests", "guardrails.requests:guarded_requests", "Requests, some for a secret.", _ANSWER),
        _data("requests_file", "guardrails.request_files:requests_file", "Requests of a file, some harmful.", _ANSWER),
    ]


def _attack(name: str, target: str, summary: str, tasks: frozenset[str], **more: Any) -> Component:
    return _component("attack", name, target, summary, tasks, **more)


def _noise() -> list[Component]:
    """Noise that a reader hardly notices."""
    return [
        _attack("typos", "noise:Typos", "Letters replaced by their neighbours on the keyboard.", _TEXT),
        _attack("leetspeak", "noise:Leetspeak", "Letters replaced by digits: Cn @uN66rN.", _TEXT),
        _attack("homoglyphs", "noise:Homoglyphs", "Letters replaced by others that look the same.", _TEXT),
        _attack("random_case", "noise:RandomCase", "Letters in the other case.", _TEXT),
        _attack("whitespace", "noise:Whitespace", "Spaces doubled, dropped or put inside words.", _TEXT),
        _attack("word_drop", "noise:WordDrop", "Words left out.", _TEXT),
        _attack("word_swap", "noise:WordSwap", "Words in the place of their neighbours.", _TEXT),
    ]


def _jailbreaks() -> list[Component]:
    """Ways around a guardrail."""
    return [
        _attack("role_play", "guardrails.wraps:RolePlay", "The request as part of a play.", _ANSWER),
        _attack("prefix_injection", "guardrails.wraps:PrefixInjection", "The answer's beginning is given.", _ANSWER),
        _attack("few_shot", "guardrails.wraps:FewShot", "After examples of obeying.", _ANSWER),
        _attack("encoded", "guardrails.wraps:Encoded", "In leetspeak, base64 or rot13.", _ANSWER),
        _attack("random_suffix", "guardrails.suffixes:RandomSuffix", "A suffix found by random search.", _ANSWER),
        _attack(
            "gcg",
            "guardrails.suffixes:GreedyCoordinateGradient",
            "A suffix found by gradients.",
            _ANSWER,
            references=("Zou et al. 2023, arXiv:2307.15043",),
        ),
    ]


def _decoding() -> list[Component]:
    """How the next token is chosen."""
    return [
        _component("sampler", "greedy", "decoding:Greedy", "The likeliest token.", _ANSWER),
        _component("sampler", "temperature", "decoding:Temperature", "Drawn at a temperature.", _ANSWER),
        _component("sampler", "top_k", "decoding:TopK", "Drawn from the k likeliest.", _ANSWER),
        _component(
            "sampler",
            "top_p",
            "decoding:TopP",
            "Drawn from the likeliest that together have p.",
            _ANSWER,
            references=("Holtzman et al. 2020, arXiv:1904.09751",),
        ),
    ]


def _metric(name: str, target: str, summary: str, tasks: frozenset[str], **more: Any) -> Component:
    return _component("metric", name, target, summary, tasks, **more)


def _likelihood_metrics() -> list[Component]:
    module = "metrics.likelihood"
    return [
        _metric("perplexity", f"{module}:Perplexity", "Per token; compares within one tokenizer.", _SCORE),
        _metric("word_perplexity", f"{module}:WordPerplexity", "Per word of white space.", _SCORE),
        _metric("bits_per_byte", f"{module}:BitsPerByte", "Bits to code a byte of text.", _SCORE),
        _metric("entropy_rate", f"{module}:EntropyRate", "The least bits per byte that any model can reach.", _SCORE),
        _metric("excess_bits", f"{module}:ExcessBits", "Bits per byte above the entropy rate.", _SCORE),
    ]


def _answer_metrics() -> list[Component]:
    module = "metrics.answers"
    return [
        _metric("exact_match", f"{module}:ExactMatch", "Share of answers that are right.", _ANSWER),
        _metric(
            "choice_accuracy",
            f"{module}:ChoiceAccuracy",
            "Share of right choices, ties shared.",
            frozenset({"answer", "minimal_pairs"}),
        ),
        _metric("extraction_failures", f"{module}:ExtractionFailures", "Share of answers without a value.", _ANSWER),
        _metric("answer_likelihood", f"{module}:AnswerLikelihood", "Likelihood per token of the answer.", _ANSWER),
        _metric("tokens_per_second", f"{module}:TokensPerSecond", "Tokens of answers per second.", _ANSWER),
    ]


def _guardrail_metrics() -> list[Component]:
    module = "guardrails.metrics"
    return [
        _metric("jailbreak_rate", f"{module}:JailbreakRate", "Share of harmful requests that are obeyed.", _ANSWER),
        _metric("refusal_rate", f"{module}:RefusalRate", "Share of harmful requests that are refused.", _ANSWER),
        _metric("over_refusal", f"{module}:OverRefusal", "Share of benign requests that are refused.", _ANSWER),
        _metric("scorer_sensitivity", f"{module}:ScorerSensitivity", "Refusals that a scorer finds.", _ANSWER),
        _metric("scorer_specificity", f"{module}:ScorerSpecificity", "Answers it rightly leaves alone.", _ANSWER),
    ]


def _emergence() -> list[Component]:
    return [
        _component(
            "aggregate",
            "emergence",
            "emergence:Emergence",
            "The smallest size that reaches a threshold, and whether the jump survives a smooth metric.",
            _ANSWER,
            references=("Schaeffer et al. 2023, arXiv:2304.15004",),
        ),
        _component("reporter", "emergence_curve", "emergence_curve:EmergenceCurve", "Metrics over size.", frozenset()),
        _component("reporter", "noise_curve", "noise_curve:NoiseCurve", "Metrics over the noise rate.", frozenset()),
    ]
