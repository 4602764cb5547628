"""What answers cost, and a limit that they never exceed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Spending:
    """What may be spent on one model.

    Attributes:
        limit: in all, in `tokens` or as a `price`; None without limit.
        prices: of a million tokens of prompts and of answers (`completion`).

    Raises:
        UsageError: the limit is a price, and there are no prices; or prices or limit say something else.
    """

    limit: Mapping[str, float] | None = None
    prices: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        limit, prices = self.limit, self.prices
        if prices is not None and (set(prices) != {"prompt", "completion"} or min(prices.values()) < 0):
            raise UsageError(
                f"`prices` must be {{prompt: ..., completion: ...}} of a million tokens, not {dict(prices)}"
            )
        if limit is not None and (len(limit) != 1 or not set(limit) <= {"tokens", "price"}):
            raise UsageError(f"`spend_limit` must be {{tokens: ...}} or {{price: ...}}, not {dict(limit)}")
        if limit is not None and "price" in limit and prices is None:
            raise UsageError("`spend_limit` is a price, so give the `prices` of tokens, or limit the tokens")

    def allows(self, prompt: int, completion: int) -> bool:
        """Whether so many tokens may be spent in all."""
        return self.limit is None or self._cost(prompt, completion) <= next(iter(self.limit.values()))

    def reached(self, spent: tuple[int, int], prompt: int, completion: int) -> GivenUp:
        """The error that says so of a request that may cost so many tokens."""
        ((unit, limit),) = (self.limit or {}).items()
        return GivenUp(
            f"the spend limit of {limit:g} {unit} is reached: {self._cost(*spent):g} are spent, and the next answer "
            f"may cost {self._cost(prompt, completion):g}. What was answered is kept: raise `spend_limit` to go on"
        )

    def _cost(self, prompt: int, completion: int) -> float:
        price = price_of_tokens(self.prices, prompt, completion)
        return float(prompt + completion) if price is None or "tokens" in (self.limit or {}) else price
