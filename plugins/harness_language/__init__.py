"""Language models, corpora, noise and jailbreaks, and metrics of what models say and how sure they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.api import Component, Declarations, MeasuredCell, Section, hookimpl

_SCORE = frozenset({"language"})
_ANSWER = frozenset({"answer"})
_TEXT = frozenset({"language", "answer"})
_LANGUAGE_MODELS = frozenset({"language", "answer", "minimal_pairs"})


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
    # They were part of the core once, and their results stay comparable.
    task = Declarations("task", f"{__name__}.tasks", moved_from="harness")
    return [
        task("language", "score_text:Language"),
        task("answer", "answer:Answer"),
        task("minimal_pairs", "minimal_pairs:MinimalPairs"),
    ]


def _models() -> list[Component]:
    model = Declarations("model", f"{__name__}.models", tasks=_LANGUAGE_MODELS)
    return [
        model("uniform", "uniform:Uniform"),
        model("ngram", "ngram:NGram", "Kneser & Ney 1995", "Chen & Goodman 1999", trained_on="harness_language/topics"),
        model("byte_gpt", "byte_gpt:ByteGPT", "Radford et al. 2019, GPT-2", trained_on="harness_language/topics"),
        model("transformers", "hugging_face:causal_language_model", requires=("transformers",)),
        model("llama2c", "llama2c:Llama2C", "Touvron et al. 2023, arXiv:2307.09288"),
    ]


def _corpora() -> list[Component]:
    """Texts to be predicted."""
    dataset = Declarations("dataset", f"{__name__}.corpora")
    return [
        dataset("topics", "topics:topics"),
        dataset("markov", "markov:markov"),
        dataset("texts", "files:texts"),
        dataset("tinyshakespeare", "published:tinyshakespeare"),
        dataset("wikitext2", "published:wikitext2"),
        dataset("names", "published:names"),
    ]


def _questions() -> list[Component]:
    """Prompts with expected answers, or sentences to choose among."""
    dataset = Declarations("dataset", __name__)
    return [
        dataset("arithmetic", "questions.numbers:arithmetic"),
        dataset("expressions", "questions.numbers:expressions"),
        dataset("parity", "questions.logic:parity"),
        dataset("sorting", "questions.logic:sorting"),
        dataset("propositions", "questions.logic:propositions"),
        dataset("knowledge_base", "questions.knowledge:knowledge_base"),
        dataset("questions", "questions.files:questions"),
        dataset("gsm8k", "questions.files:gsm8k"),
        dataset("svamp", "questions.files:svamp"),
        dataset("blimp", "questions.blimp:blimp"),
        dataset("guarded_requests", "guardrails.requests:guarded_requests", tasks=_ANSWER),
        dataset("requests_file", "guardrails.request_files:requests_file", tasks=_ANSWER),
    ]


def _noise() -> list[Component]:
    """Noise that a reader hardly notices."""
    attack = Declarations("attack", f"{__name__}.noise", tasks=_TEXT)
    return [
        attack("typos", ":Typos"),
        attack("leetspeak", ":Leetspeak"),
        attack("homoglyphs", ":Homoglyphs"),
        attack("random_case", ":RandomCase"),
        attack("whitespace", ":Whitespace"),
        attack("word_drop", ":WordDrop"),
        attack("word_swap", ":WordSwap"),
    ]


def _jailbreaks() -> list[Component]:
    """Ways around a guardrail."""
    attack = Declarations("attack", f"{__name__}.guardrails", tasks=_ANSWER)
    return [
        attack("role_play", "wraps:RolePlay"),
        attack("prefix_injection", "wraps:PrefixInjection"),
        attack("few_shot", "wraps:FewShot"),
        attack("encoded", "wraps:Encoded"),
        attack("random_suffix", "suffixes:RandomSuffix"),
        attack("gcg", "suffixes:GreedyCoordinateGradient", "Zou et al. 2023, arXiv:2307.15043"),
    ]


def _decoding() -> list[Component]:
    """How the next token is chosen."""
    sampler = Declarations("sampler", f"{__name__}.decoding", tasks=_ANSWER)
    return [
        sampler("greedy", ":Greedy"),
        sampler("temperature", ":Temperature"),
        sampler("top_k", ":TopK"),
        sampler("top_p", ":TopP", "Holtzman et al. 2020, arXiv:1904.09751"),
    ]


def _likelihood_metrics() -> list[Component]:
    metric = Declarations("metric", f"{__name__}.metrics.likelihood", tasks=_SCORE)
    return [
        metric("perplexity", ":Perplexity"),
        metric("word_perplexity", ":WordPerplexity"),
        metric("bits_per_byte", ":BitsPerByte"),
        metric("entropy_rate", ":EntropyRate"),
        metric("excess_bits", ":ExcessBits"),
    ]


def _answer_metrics() -> list[Component]:
    metric = Declarations("metric", f"{__name__}.metrics.answers", tasks=_ANSWER)
    return [
        metric("exact_match", ":ExactMatch"),
        metric("choice_accuracy", ":ChoiceAccuracy", tasks={"answer", "minimal_pairs"}),
        metric("extraction_failures", ":ExtractionFailures"),
        metric("answer_likelihood", ":AnswerLikelihood"),
        metric("tokens_per_second", ":TokensPerSecond"),
    ]


def _guardrail_metrics() -> list[Component]:
    metric = Declarations("metric", f"{__name__}.guardrails.metrics", tasks=_ANSWER)
    return [
        metric("jailbreak_rate", ":JailbreakRate"),
        metric("refusal_rate", ":RefusalRate"),
        metric("over_refusal", ":OverRefusal"),
        metric("scorer_sensitivity", ":ScorerSensitivity"),
        metric("scorer_specificity", ":ScorerSpecificity"),
    ]


def _emergence() -> list[Component]:
    aggregate = Declarations("aggregate", __name__, tasks=_ANSWER)
    reporter = Declarations("reporter", __name__)
    return [
        aggregate("emergence", "emergence:Emergence", "Schaeffer et al. 2023, arXiv:2304.15004"),
        reporter("emergence_curve", "emergence_curve:EmergenceCurve"),
        reporter("noise_curve", "noise_curve:NoiseCurve"),
    ]
