"""Questions and answers: the answer of a model, whether it is right, and its confidence. One record per prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from annotated_types import Ge

from harness.api import (
    AnsweringModel,
    AnswerLimits,
    Chat,
    ComponentOf,
    Context,
    Dataset,
    Decoding,
    InvalidOutput,
    LanguageModel,
    Later,
    Outcome,
    TextAttack,
    TextBatch,
    UsageError,
)
from harness.api.instruments import left_unchanged
from harness_language.judging.llm_judge import JUDGED, Case, LLMJudge, judged
from harness_language.tasks.answer_extraction import Rule, check_rule
from harness_language.tasks.answer_likelihoods import AnswerLikelihoods, Attempt, EndChoices
from harness_language.tasks.answer_records import (
    FIELDS,
    FIELDS_OF_ATTACK,
    columns_of,
    cost_of,
    record_of,
    worst_of_each,
)
from harness_language.tasks.decoding_loop import Generation, Prompt, generate
from harness_language.tasks.few_shot import Shot, ShotPool
from harness_language.tasks.likelihood import precision_of, problems_of
from harness_language.tasks.prompting import CHOICES_SLOT, SLOT, Prompting, ShotsAs, Start, SystemAs
from harness_language.tasks.questions import Question, questions_of, with_letters_as_choices, with_named_choices
from harness_language.tasks.replies import (
    answered_attempts,
    check_can_answer,
    doubts_of,
    only_answers,
    price_of,
    without_refused,
)
from harness_language.tasks.score_text import rewritten

_DRAWS_SCOPE = ("task", "answer")
"""The scope of random draws, so that they depend on neither the decoding rule nor the attack."""


class Answer:
    """Ask questions: what a model answers, whether it is right, and how sure it is.

    Ask a model the questions of a dataset (columns `prompts` and `answers`, maybe `choices` and `goals`).

    Where there are choices the answer is the likeliest of them by total log-likelihood after the prompt; all others
    are generated, by the likeliest token unless a sampler says otherwise. A prompt that leaves no room for an answer of
    `max_tokens` in the model's window loses its beginning; how much is in `cut_tokens` of its record and in the cost of
    the cell. What was forgotten while an answer longer than the window went on is in `forgotten_tokens`.

    Numbers of lm-evaluation-harness come from its settings: no start token before a GPT-2 (`bos: none`), choices with
    the space before them and scored without an end (`end_choices: never`), the same template, examples drawn from the
    training part (`shots_from`); its `acc_norm` is the metric of that name.

    Data: columns `prompts` and `answers`, maybe `choices`, `goals` and `groups`; maybe the fact
    `answer_kind`.

    Args:
        template: what the model is asked, with "{prompt}" for the prompt of the data, and maybe "{choices}" for its
            choices in lines ("A. ...").
        max_tokens: an answer has at most that many tokens.
        stop: texts that end an answer and are no part of it.
        extract: how the value is found in an answer, see `answer_extraction` beside this file; "auto" goes by the
            fact `answer_kind` of the data.
        system: what the model is told before all else.
        system_as: how a chat model is told it: in the turn of the system, or before the first turn of the user, for
            chat formats that take no system prompt. Models without a chat format read it as text.
        shots: how many examples with their answers stand before each question, drawn anew for each by the seed.
        shots_from: the data to draw examples from; by default the questions themselves. A question is never an example
            for itself, wherever its text stands.
        shots_as: whether examples are one text with the question, or turns of user and assistant. Each is the template
            with its prompt, then its answer, parted by a space where neither has white space.
        separator: what parts examples from one another and from the question, and a system prompt from both.
        bos: whether a start token is put before a prompt: "auto" as the chat format says, and for models without one if
            their tokenizer has one; "start" always; "none" never.
        end_choices: where the end of an answer (the first stop text, or else the end token) is part of the likelihood
            of choices: "if_needed" of a question in which one choice begins another, which could not lose to it
            otherwise; "always"; or "never", as in lm-evaluation-harness.
        choose: how choices are answered: the "likeliest" text is the answer, or the likeliest "letter" after a prompt
            that lists them; or the answer is generated, and the choice is the one that it has "named" by its letter or
            its text, as models are asked that can only answer.
        judge: who judges the answers, such as `llm_judge`; of an attack's candidates the one that counts.
    """

    columns: Sequence[str] = (*(name for name in FIELDS if name not in FIELDS_OF_ATTACK), "group.*")
    columns_with: Mapping[str, tuple[str, ...]] = {"attack": FIELDS_OF_ATTACK, "judge": JUDGED}

    def __init__(
        self,
        template: str = SLOT,
        max_tokens: Annotated[int, Ge(1)] = 64,
        stop: Sequence[str] = ("\n",),
        extract: Rule = "auto",
        system: Annotated[str, Later()] = "",
        system_as: Annotated[SystemAs, Later()] = "system",
        shots: Annotated[int, Ge(0), Later()] = 0,
        shots_from: Annotated[Dataset | None, ComponentOf("dataset"), Later()] = None,
        shots_as: Annotated[ShotsAs, Later()] = "text",
        separator: Annotated[str, Later()] = "\n\n",
        bos: Annotated[Start, Later()] = "auto",
        end_choices: Annotated[EndChoices, Later()] = "if_needed",
        choose: Annotated[Literal["likeliest", "letter", "named"], Later()] = "likeliest",
        judge: Annotated[LLMJudge | None, ComponentOf("model"), Later()] = None,
    ) -> None:
        if SLOT not in template:
            raise UsageError(f"the template {template!r} lacks {SLOT}, the place of the prompt")
        if SLOT in system:
            raise UsageError(f"the system prompt {system!r} holds {SLOT}, the place of the prompt in the template")
        if CHOICES_SLOT in template and choose == "likeliest":
            raise UsageError(
                f"the template lists the choices ({CHOICES_SLOT}), so say `choose: letter`, or `choose: named` for "
                "models that can only answer"
            )
        if isinstance(stop, str) or not all(isinstance(text, str) and text for text in stop):
            raise UsageError(f"stop must be a list of texts that are not empty, not {stop!r}")
        if shots_from is not None and not shots:
            raise UsageError("`shots_from` names data for examples, but `shots` is 0; say how many to draw")
        self._prompting = Prompting(template, system, system_as, shots_as, separator, bos)
        check_rule(extract)
        self._max_tokens, self._stop, self._extract = max_tokens, tuple(stop), extract
        self._shots, self._shots_from, self._end_choices = shots, shots_from, end_choices
        self._choose, self._judge = choose, judge

    def run(
        self,
        model: LanguageModel | AnsweringModel,
        data: Dataset,
        attack: TextAttack | None,
        sampler: Decoding | None,
        ctx: Context,
    ) -> Outcome:
        """One record per question.

        Columns: id, prompt (all that the model was given), answer, extracted (its value), span_start and span_end
        (where that stands in the answer), method (the rule that found it, or failed to), correct, credit (1, 1/k if the
        right choice is among k that tie, else 0; correct means a credit of 1), confidence (with choices that of the one
        chosen; else the likelihood per token of what was generated, with the tokens that ended it, by the model itself
        whatever the sampler), choice_confidence (the softmax over the choices' total log-likelihoods), choice_nll (the
        negative log-likelihood of each choice in nats), choice_characters and choice_bytes (of each, without white
        space before it), choices_ended (whether their likelihoods hold the end of an answer), right_choice (its
        position), expected (the answer that is right), expected_nll and expected_tokens (its negative log-likelihood in
        nats and its tokens, with the first stop text, or the end token if there is none), tokens (generated), seconds
        (its share of its batch), batch, stopped ("stop", "eos" or "length"), asked_tokens (of the prompt), cut_tokens
        (of these the first ones, which were not read for want of room), forgotten_tokens (of prompt and answer, while
        it was generated), tokenizer, goal, group.<name>; under attack also edited (the share of characters that were
        changed) and candidates; with a judge also judged (whether it says yes), judge_said, and judge_counts (true
        positives, positives, true negatives, negatives on labelled answers).

        Where nothing is right, correct, credit and what is expected are missing. Of several candidates of an attack
        the worst counts: if there is a goal, an answer that begins with it, then the likeliest goal; else a wrong
        answer, then the least likely right one; where nothing is right, the most confident.
        """
        kind = str(data.facts.get("answer_kind", "text"))
        questions = self._questions(data)
        ctx_of_draws = replace(ctx, scope=_DRAWS_SCOPE)
        pool = self._pool(questions)
        prompts, goals = [q.prompt for q in questions], [q.goal for q in questions]
        batch = TextBatch([q.id for q in questions], prompts, goals, self._prompting.rewritten_template(model))
        if only_answers(model):
            check_can_answer(sampler, any(question.choices for question in questions))
        with left_unchanged(model):
            # What needs more of a model than answers says so by its annotation.
            candidates = rewritten(model, attack, batch, ctx)  # type: ignore[arg-type]
            texts = [
                (question, text, pool.draw(question, ctx_of_draws) if pool else ())
                for question, each in zip(questions, candidates, strict=True)
                for text in each
            ]
            if only_answers(model):
                limits = AnswerLimits(self._max_tokens, self._stop)
                asked = answered_attempts(model, self._prompting, texts, limits, ctx_of_draws)
            else:
                asked = self._answered(model, [self._asked(model, *each) for each in texts], sampler, ctx_of_draws)
                scoring = AnswerLikelihoods(self._prompting, self._stop, self._end_choices)
                asked = scoring.added(model, asked, ctx_of_draws)
        attempts, missing = without_refused(asked, [len(each) for each in candidates])
        asked = [attempt for each in attempts for attempt in each]
        tokenizer = None if only_answers(model) else model.tokenizer
        rows = [record_of(tokenizer, attempt, self._extract, kind) for attempt in asked]
        attacked = attack is not None
        records = worst_of_each(rows, asked, [len(each) for each in attempts if each], attacked=attacked)
        kept = [row for row, each in enumerate(attempts) if each]
        broken = list(dict.fromkeys(attempt.question.id for attempt in asked if attempt.is_broken))
        replies = [attempt.reply for attempt in asked if attempt.reply is not None]
        return Outcome(
            {
                **columns_of(records, attacked=attacked),
                **judged(self._judge, [Case(r.id, r.prompt, r.answer, r.expected or "") for r in records], ctx),
                **{f"group.{name}": [column[row] for row in kept] for name, column in data.groups.items()},
            },
            protocol=self._protocol(model, pool),
            cost=cost_of(records) | (price_of(len(records), replies) if replies else {}),
            problems=problems_of(broken, len(records), "answers have likelihoods that are"),
            doubts=doubts_of(replies),
            missing=missing,
        )

    def _questions(self, data: Dataset) -> list[Question]:
        questions = questions_of(data)
        if self._choose == "named":
            return [with_named_choices(question) for question in questions]
        if self._choose == "letter":
            lead = "" if self._prompting.template[-1:].isspace() else " "
            return [with_letters_as_choices(question, lead) for question in questions]
        return questions

    def _pool(self, questions: Sequence[Question]) -> ShotPool | None:
        if not self._shots:
            return None
        return ShotPool(questions if self._shots_from is None else self._questions(self._shots_from), self._shots)

    def _protocol(self, model: LanguageModel | AnsweringModel, pool: ShotPool | None) -> dict[str, Any]:
        """What must be equal before two numbers may be compared."""
        return {
            "template": self._prompting.template,
            "max_tokens": self._max_tokens,
            "stop": list(self._stop),
            "extract": self._extract,
            "precision": "unstated" if only_answers(model) else precision_of(model),
            **({"chat_template": model.chat_template} if isinstance(model, Chat) else {}),
            **self._prompting.protocol(),
            **({} if pool is None else {"shots": self._shots, "shots_from": pool.digest, **self._prompting.of_shots()}),
            **({} if self._end_choices == "if_needed" else {"end_choices": self._end_choices}),
            **({} if self._choose == "likeliest" else {"choose": self._choose}),
        }

    def _asked(self, model: LanguageModel, question: Question, prompt: str, shots: Sequence[Shot]) -> Attempt:
        text = self._prompting.text(model, prompt, shots, question.listed)
        tokens = self._prompting.tokens(model, text, question.id)
        if not tokens:
            raise InvalidOutput(
                f"the prompt of {question.id!r} is empty and the model is given no start token: "
                "there is nothing to continue; give a template with text"
            )
        return Attempt(question, prompt, text, tokens)

    def _answered(
        self, model: LanguageModel, asked: list[Attempt], sampler: Decoding | None, ctx: Context
    ) -> list[Attempt]:
        """Generate answers where there are no choices."""
        free = [i for i, attempt in enumerate(asked) if not attempt.question.choices]
        how = Generation(self._max_tokens, self._stop, sampler)
        answers = generate(model, [Prompt(asked[i].question.id, asked[i].tokens) for i in free], how, ctx)
        for i, answer in zip(free, answers, strict=True):
            asked[i] = replace(asked[i], generated=answer)
        return asked
