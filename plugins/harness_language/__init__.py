"""Language models, corpora, noise and jailbreaks, and metrics of what models say and how sure they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.api import Component, Declarations, MeasuredCell, Section, hookimpl

_LANGUAGE_EXAMPLE = """
task: {use: language, with: {window: 32, stride: 16}}
data: {use: markov, limit: 4}
models: [{use: ngram, with: {order: 3}, trained_on: markov}]
attacks: [none, {use: typos, with: {rate: 0.1}}]
metrics: [bits_per_byte]
"""
_ANSWER_EXAMPLE = """
task: {use: answer, with: {max_tokens: 4}}
data: {use: arithmetic, limit: 8}
models: [{use: ngram, with: {order: 3}, trained_on: markov}]
metrics: [exact_match]
"""
_SCORE = frozenset({"language"})
_ANSWER = frozenset({"answer"})
_CLASSIFY = frozenset({"classify_text"})


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare tasks, models, data, attacks on text, decoding rules, metrics, aggregates and pictures."""
    return [
        *_tasks(),
        *_models(),
        *_datasets(),
        *_attacks(),
        *_decoding(),
        *_metrics(),
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
        task("language", "score_text:Language", example=_LANGUAGE_EXAMPLE),
        task("answer", "answer:Answer", example=_ANSWER_EXAMPLE),
        task("minimal_pairs", "minimal_pairs:MinimalPairs"),
        Declarations("task", f"{__name__}.tasks")("from_answers", "from_answers:FromAnswers"),
        Declarations("task", f"{__name__}.lm_eval_tasks")("lm_eval", "task:LMEval", requires=("lm-eval",)),
        Declarations("task", f"{__name__}.classification")("classify_text", "classify_text:ClassifyText"),
    ]


def _models() -> list[Component]:
    # Of any task that takes a model of language.
    model, served = Declarations("model", f"{__name__}.models"), Declarations("model", f"{__name__}.served")
    return [
        model("uniform", "uniform:Uniform"),
        model("ngram", "ngram:NGram", "Kneser & Ney 1995", "Chen & Goodman 1999", trained_on="harness_language/topics"),
        model("byte_gpt", "byte_gpt:ByteGPT", "Radford et al. 2019, GPT-2", trained_on="harness_language/topics"),
        model("transformers", "hugging_face:causal_language_model", requires=("transformers",)),
        served("openai_compatible", "openai_compatible:OpenAICompatible", requires=("httpx",)),
        served("http_classifier", "http_classifier:HTTPClassifier", tasks=_CLASSIFY, requires=("httpx",)),
        Declarations("model", f"{__name__}.judging")("llm_judge", "llm_judge:LLMJudge"),
        model("llama2c", "llama2c:Llama2C", "Touvron et al. 2023, arXiv:2307.09288"),
        Declarations("model", f"{__name__}.classification", tasks=_CLASSIFY)(
            "hf_text_classifier", "hugging_face_classifier:text_classifier", requires=("transformers",)
        ),
    ]


def _datasets() -> list[Component]:
    """Texts to be predicted; then prompts with expected answers, or sentences to choose among."""
    corpus = Declarations("dataset", f"{__name__}.corpora")
    dataset = Declarations("dataset", __name__)
    return [
        corpus("topics", "topics:topics"),
        corpus("markov", "markov:markov"),
        corpus("texts", "files:texts"),
        corpus("tinyshakespeare", "published:tinyshakespeare"),
        corpus("wikitext2", "published:wikitext2"),
        corpus("names", "published:names"),
        dataset("arithmetic", "questions.numbers:arithmetic"),
        dataset("expressions", "questions.numbers:expressions"),
        dataset("parity", "questions.logic:parity"),
        dataset("sorting", "questions.logic:sorting"),
        dataset("propositions", "questions.logic:propositions"),
        dataset("knowledge_base", "questions.knowledge:knowledge_base"),
        dataset("questions", "questions.files:questions"),
        dataset("stored_answers", "questions.stored_answers:stored_answers", tasks={"from_answers"}),
        dataset("gsm8k", "questions.files:gsm8k"),
        dataset("svamp", "questions.files:svamp"),
        dataset("blimp", "questions.blimp:blimp"),
        dataset("text_table", "classification.text_table:text_table", tasks=_CLASSIFY),
        dataset("guarded_requests", "guardrails.requests:guarded_requests"),
        dataset("requests_file", "guardrails.request_files:requests_file"),
    ]


def _attacks() -> list[Component]:
    """Noise that a reader hardly notices; then ways around a guardrail."""
    noise, jailbreak = Declarations("attack", f"{__name__}.noise"), Declarations("attack", f"{__name__}.guardrails")
    return [
        noise("typos", ":Typos"),
        noise("leetspeak", ":Leetspeak"),
        noise("homoglyphs", ":Homoglyphs"),
        noise("random_case", ":RandomCase"),
        noise("whitespace", ":Whitespace"),
        noise("word_drop", ":WordDrop"),
        noise("word_swap", ":WordSwap"),
        jailbreak("role_play", "wraps:RolePlay"),
        jailbreak("prefix_injection", "wraps:PrefixInjection"),
        jailbreak("few_shot", "wraps:FewShot"),
        jailbreak("encoded", "wraps:Encoded"),
        jailbreak("unsearched_suffix", "suffixes:UnsearchedSuffix"),
        jailbreak("random_suffix", "suffixes:RandomSuffix"),
        jailbreak("gcg", "suffixes:GreedyCoordinateGradient", "Zou et al. 2023, arXiv:2307.15043"),
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


def _metrics() -> list[Component]:
    of_texts = Declarations("metric", f"{__name__}.metrics.likelihood", tasks=_SCORE)
    of_answers = Declarations("metric", f"{__name__}.metrics.answers", tasks=_ANSWER)
    of_choices = Declarations("metric", f"{__name__}.metrics.choices", tasks=_ANSWER)
    # Of any task whose records have the columns that they name.
    of_guardrails = Declarations("metric", f"{__name__}.guardrails.metrics")
    judged = Declarations("metric", f"{__name__}.judging.metrics")
    return [
        of_texts("perplexity", ":Perplexity"),
        of_texts("word_perplexity", ":WordPerplexity"),
        of_texts("bits_per_byte", ":BitsPerByte"),
        of_texts("noise_bits", ":NoiseBits"),
        of_texts("entropy_rate", ":EntropyRate"),
        of_texts("excess_bits", ":ExcessBits"),
        of_answers("exact_match", ":ExactMatch", tasks=()),
        of_answers("choice_accuracy", ":ChoiceAccuracy", tasks={"answer", "minimal_pairs"}),
        of_choices("acc_norm", ":NormalisedChoiceAccuracy", "Gao et al., lm-evaluation-harness"),
        Declarations("metric", f"{__name__}.metrics", tasks={"lm_eval"})("lm_eval_score", "lm_eval_score:LMEvalScore"),
        of_answers("extraction_failures", ":ExtractionFailures", tasks=()),
        of_answers("answer_likelihood", ":AnswerLikelihood"),
        of_answers("tokens_per_second", ":TokensPerSecond"),
        of_guardrails("jailbreak_rate", ":JailbreakRate"),
        of_guardrails("refusal_rate", ":RefusalRate"),
        of_guardrails("over_refusal", ":OverRefusal"),
        of_guardrails("scorer_sensitivity", ":ScorerSensitivity"),
        of_guardrails("scorer_specificity", ":ScorerSpecificity"),
        judged("judged_rate", ":JudgedRate", "Rogan & Gladen 1978"),
        judged("judge_sensitivity", ":JudgeSensitivity"),
        judged("judge_specificity", ":JudgeSpecificity"),
    ]


def _emergence() -> list[Component]:
    aggregate = Declarations("aggregate", __name__, tasks=_ANSWER)
    reporter = Declarations("reporter", __name__)
    return [
        aggregate("emergence", "emergence:Emergence", "Schaeffer et al. 2023, arXiv:2304.15004"),
        aggregate("told_facts", "told_facts:ToldFacts"),
        reporter("emergence_curve", "emergence_curve:EmergenceCurve"),
        reporter("noise_curve", "noise_curve:NoiseCurve"),
    ]
