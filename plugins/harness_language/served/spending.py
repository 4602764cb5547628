"""What answers cost, and a limit that it never exceeds, also with many requests under way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from harness.api import UsageError
from harness_language.served.failures import GivenUp

Prices = dict[str, float]
SpendLimit = dict[str, float]
_TOKENS_PER_PRICE = 1_000_000


def price_of_tokens(prices: Mapping[str, float] | None, prompt: int | None, completion: int | None) -> float | None:
    """The price of so many tokens; None without prices or where the tokens are not known."""
    if prices is None or prompt is None or completion is None:
        return None
    return (prices["prompt"] * prompt + prices["completion"] * completion) / _TOKENS_PER_PRICE


class Spending:
    """The spending on one model.

    Args:
        limit: what may be spent in all, in `tokens` or as a `price`; None without limit.
        prices: of a million tokens.
        spent: tells the tokens of prompts and answers that were paid for so far.

    Raises:
        UsageError: the limit is a price, and there are no prices; or prices or limit say something else.
    """

    def __init__(
        self,
        limit: Mapping[str, float] | None,
        prices: Mapping[str, float] | None,
        spent: Callable[[], tuple[int, int]],
    ) -> None:
        check_spending(limit, prices)
        self._limit, self._prices, self._spent = limit, prices, spent
        self._reserved = 0.0
        self._changed = threading.Condition()

    @contextmanager
    def reserved(self, prompt: int, completion: int) -> Iterator[None]:
        """Ask for an answer inside, which costs so many tokens at most.

        Waits while the requests that are under way may still use up the rest.

        Raises:
            GivenUp: the limit does not allow this request.
        """
        if self._limit is None:
            yield
            return
        ((unit, limit),) = self._limit.items()
        most = self._cost(unit, prompt, completion)
        with self._changed:
            while (total := self._cost(unit, *self._spent())) + self._reserved + most > limit:
                if not self._reserved:
                    raise GivenUp(
                        f"the spend limit of {limit:g} {unit} is reached: {total:g} are spent, and the next answer may "
                        f"cost {most:g}. What was answered is kept: raise `spend_limit` to go on"
                    )
                self._changed.wait()
            self._reserved += most
        try:
            yield
        finally:
            with self._changed:
                # Round-off must not look like a request that is under way.
                self._reserved = max(0.0, self._reserved - most) if self._reserved > most * (1 + 1e-9) else 0.0
                self._changed.notify_all()

    def _cost(self, unit: str, prompt: int, completion: int) -> float:
        price = price_of_tokens(self._prices, prompt, completion)
        return float(prompt + completion) if unit == "tokens" or price is None else price


def check_spending(limit: Mapping[str, float] | None, prices: Mapping[str, float] | None) -> None:
    """Raise UsageError unless a limit and prices can be kept to."""
    if prices is not None and (set(prices) != {"prompt", "completion"} or min(prices.values()) < 0):
        raise UsageError(f"`prices` must be {{prompt: ..., completion: ...}} of a million tokens, not {dict(prices)}")
    if limit is not None and (len(limit) != 1 or not set(limit) <= {"tokens", "price"}):
        raise UsageError(f"`spend_limit` must be {{tokens: ...}} or {{price: ...}}, not {dict(limit)}")
    if limit is not None and "price" in limit and prices is None:
        raise UsageError("`spend_limit` is a price, so give the `prices` of tokens, or limit the tokens")
