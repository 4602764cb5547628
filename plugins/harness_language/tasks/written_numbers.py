r"""Numbers as people write them: thousands, fractions, powers, currency, LaTeX; read exactly, as fractions of integers.

| written | read as |
|---|---|
| `5,000` `5 000` `5'000` `5_000` `5{,}000` `5\,000`, with thin and other spaces | 5000 |
| `1,00,000` (Indian) | 100000 |
| `1,2,3` `10,110,12` | a list: 1, 2, 3; 10, 110, 12 |
| `5.000,50` `1.234.567` `1 234,5` `0,5` `€3,50` `12,5 %` | decimal commas, since nothing else is possible or likely |
| `3,5` | 3 and 5; 3.5 if `decimal` is "comma" |
| `5.000` | 5; 5000 if `decimal` is "comma" |
| `1/4` `½` `\frac{1}{4}` `\dfrac14` `1⁄4` | the fraction |
| `1 1/2` `1½` `1\frac{1}{2}` | the mixed number |
| `10^3` `10^{3}` `10**3` `10³` `1e3` `1.5 × 10^3` `1.5\times10^{3}` | the power |
| `-4` `−4` `= - 4` `negative 4` `is minus 4` `-$4` `$-4` | with its sign; `5-3` is 5 and 3 |
| `$1,234.50` `€5` `5 USD` `50%` `5 kg` | the number alone; a per cent is a unit |
| `x^2` `x_1` `m²` `a4` `v1.2` | no number |

Digits, signs and separators may be of any script.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Literal

from harness_language.tasks.plain_characters import NARROW_SPACE, SPACED, plain_characters

Decimals = Literal["point", "comma"]

_MOST_DIGITS = 10_000
_MOST_EXPONENT_DIGITS = 6
_MOST_GROUPS = 20
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_VULGAR = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_CODES = r"(?:USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|Rs\.?|US)"
_CODE_BEFORE = rf"{_CODES}[ ]?\\?\$?(?=\d)"

# In "x^2", "x_1" and "a4" the digit belongs to what is before it; "_8_" and "total.18" hold numbers.
_BEFORE = rf"(?<![{SPACED}])(?<![{SPACED}]_)(?<!\^)(?<!\^\{{)(?<!\^-)(?<!_\{{)(?<!\d\.)(?<![{_RAISED}⁻])"
_SIGN = r"(?:(?<![\d)\-])[-+](?=[\d.$\\½¼¾⅓⅔])|(?<=[=:(])[-+][ ]|(?<=[=:][ ])[-+][ ])"
_GROUP = rf"(?P<sep>,|\{{,\}}|,\\!|\\,|['_{NARROW_SPACE}]|(?<!\d[ ]\d)(?<!\d[ ]\d\d)(?<!\d[ ]\d\d\d)[ ])"
_GROUPED = rf"[1-9]\d{{0,2}}{_GROUP}\d{{3}}(?:(?P=sep)\d{{3}}){{0,{_MOST_GROUPS}}}(?!(?P=sep)?\d)(?![ ]?-[^\W\d])"
_INDIAN = r"[1-9]\d?(?:,\d{2}){1,20},\d{3}(?!,?\d)"
_POINTS = rf"[1-9]\d{{0,2}}(?:\.\d{{3}}){{2,{_MOST_GROUPS}}}(?:,\d+)?(?![.,]?\d)"
_POINTS_AND_COMMA = rf"[1-9]\d{{0,2}}(?:\.\d{{3}}){{1,{_MOST_GROUPS}}},\d+(?![.,]?\d)"
_SPACED_COMMA = (
    rf"[1-9]\d{{0,2}}(?P<gap>[ '{NARROW_SPACE}])\d{{3}}(?:(?P=gap)\d{{3}}){{0,{_MOST_GROUPS}}},\d+(?![.,]?\d)"
)
_PRICE = rf"(?<=\$)[ ]?\d+,\d\d(?![.,]?\d)|\d+,\d\d(?=[ {NARROW_SPACE}]?\$)(?![.,]?\d)"
_PERCENT = rf"\d+,\d+(?=[ {NARROW_SPACE}]?\\?%)"
_ZERO_COMMA = r"(?<![\d,.])0,\d+(?![.,]?\d)"
_GROUPED_FOR_COMMA = rf"\d{{1,3}}(?P<dot>[. '{NARROW_SPACE}])\d{{3}}(?:(?P=dot)\d{{3}}){{0,{_MOST_GROUPS}}}(?!\d)"
_COMMA = rf"(?:{_GROUPED_FOR_COMMA}|\d++(?!\.\d))(?:,\d+)?"
_POINT = r"(?:\.\d++(?!\.\d))?"
_EXPONENT = (
    r"(?:\^\{?(?P<caret>[-+]?\d{1,20})\}?|\*\*(?P<stars>[-+]?\d{1,20})"
    rf"|(?P<raised>[⁻⁺]?[{_RAISED}]{{1,5}}))"
)
_TENS = (
    r"(?:[ ]?(?:\*|x|\\times|\\cdot)[ ]?10(?:\^\{?(?P<ten_caret>[-+]?\d{1,4})\}?|\*\*(?P<ten_stars>[-+]?\d{1,4})"
    rf"|(?P<ten_raised>[⁻⁺]?[{_RAISED}]{{1,4}})))"
)
_OVER = r"(?P<over>/[1-9]\d{0,12}(?![\d/]|[.,]\d))"
_LATEX = (
    r"\\[dtc]?frac[ ]?(?:\{[ ]?(?P<top>-?\d{1,12})[ ]?\}[ ]?\{[ ]?(?P<bottom>\d{1,12})[ ]?\}"
    r"|(?P<top_digit>\d)[ ]?(?P<bottom_digit>\d))"
)
_MIXED = (
    rf"(?:[ {NARROW_SPACE}](?P<mixed_top>\d{{1,6}})/(?P<mixed_bottom>[1-9]\d{{0,6}})(?![\d/])"
    rf"|[ ]?(?:\\[dtc]?frac[ ]?(?:\{{(?P<mixed_top_latex>\d{{1,6}})\}}[ ]?\{{(?P<mixed_bottom_latex>\d{{1,6}})\}}"
    rf"|(?P<mixed_top_digit>\d)[ ]?(?P<mixed_bottom_digit>\d)))|[ ]?(?P<mixed_vulgar>[{_VULGAR}]))"
)
_POINTED = (
    rf"(?:{_PRICE}|{_PERCENT}|{_ZERO_COMMA}|{_SPACED_COMMA}|{_POINTS_AND_COMMA}|{_POINTS}"
    rf"|(?:{_GROUPED}|{_INDIAN}|\d++(?!\.\d+\.\d)){_POINT}|(?<![{SPACED}_.])\.\d+)"
)


@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """A number in a text.

    Attributes:
        value: exactly; None if it has more digits than make sense.
        text: in plain digits: as a decimal with the digits that are written, or as a fraction in lowest terms.
        start, end: its place, with sign and currency.
    """

    value: Fraction | None
    text: str
    start: int
    end: int


def numbers_in(
    text: str, start: int = 0, end: int | None = None, decimal: Decimals = "point"
) -> Iterator[WrittenNumber]:
    """The numbers of a text from left to right."""
    plain = plain_characters(text)
    for match in _pattern(decimal).finditer(plain, start, len(plain) if end is None else end):
        if match["date"] is None:
            yield _number(match, plain, decimal)


def as_number(text: str, decimal: Decimals = "point") -> Fraction | None:
    """The number that a text is, exactly; None if it is none, is several, or has other words.

    Currency, a per cent sign, dollars and braces of LaTeX, emphasis and a full stop after it do not matter.
    """
    plain = _bare(plain_characters(text))
    match = _pattern(decimal).match(plain)
    if match is None or match["date"] is not None or not _UNIT.fullmatch(plain, match.end()):
        return None
    return _number(match, plain, decimal).value


@cache
def _pattern(decimal: Decimals) -> re.Pattern[str]:
    digits = _POINTED if decimal == "point" else _COMMA
    tail = rf"(?:(?P<e>[eE][-+]?\d{{1,20}})(?![^\W_]|\.\d)|{_TENS}|{_EXPONENT}|{_OVER}|{_MIXED})?"
    signed = rf"(?P<sign>{_SIGN})?(?:{_CODE_BEFORE}|\\?\$[ ]?)?(?P<inner_sign>(?<=\$)-)?"
    return re.compile(
        rf"{_BEFORE}{signed}(?:{_LATEX}|(?P<vulgar>[{_VULGAR}])|(?P<date>\d+(?:/\d+){{2,}})|(?P<digits>{digits}){tail})"
    )


_WRAPPERS = (
    re.compile(r"\\(?:boxed|text|mathrm|mathbf|textbf)\s*\{((?:[^{}]|\{[^{}]*\})*)\}"),
    re.compile(r"\$\$(.*)\$\$"),
    re.compile(r"\$(.*[^\\])\$"),
    re.compile(r"\\\((.*)\\\)"),
    re.compile(r"\\\[(.*)\\\]"),
)
_UNIT = re.compile(rf"(?:[ {NARROW_SPACE}]?(?:\\?%|\\?\$|{_CODES}|dollars?|euros?))?", flags=re.IGNORECASE)


def _bare(text: str) -> str:
    """The text without what may stand around a number."""
    before = None
    while before != text:
        before = text
        text = text.strip(' \t\r\n*_`"' + NARROW_SPACE).rstrip(".,;:!?").replace("\\$", "$")
        for wrapper in _WRAPPERS:
            match = wrapper.fullmatch(text)
            text = match.group(1) if match else text
    return text


def _number(match: re.Match[str], plain: str, decimal: Decimals) -> WrittenNumber:
    parts = match.groupdict()
    negative = "-" in (parts["sign"] or "") or bool(parts["inner_sign"])
    negative |= parts["sign"] is None and _negated_in_words(plain, match.start())
    value, text = _value(parts, decimal)
    if negative and value is not None:
        value, text = -value, text.removeprefix("-") if text.startswith("-") else f"-{text}"
    return WrittenNumber(value, text, match.start(), match.end())


def _negated_in_words(plain: str, start: int) -> bool:
    before = plain[max(0, start - 24) : start]
    return bool(
        re.search(r"(?:\bnegative|(?:^|[=:]|\b(?:is|was|be|of|equals))\s*\bminus)\s$", before, flags=re.IGNORECASE)
    )


def _value(parts: dict[str, str | None], decimal: Decimals) -> tuple[Fraction | None, str]:
    if parts["vulgar"]:
        return _exact(_vulgar(parts["vulgar"]))
    for top, bottom in (("top", "bottom"), ("top_digit", "bottom_digit")):
        if parts[top] is not None:
            return _exact(_quotient(parts[top], parts[bottom]))
    digits = _plain_digits(str(parts["digits"]), decimal)
    if len(digits) > _MOST_DIGITS:
        return None, ""
    return _with_tail(Fraction(digits), digits, parts)


def _with_tail(number: Fraction, digits: str, parts: dict[str, str | None]) -> tuple[Fraction | None, str]:
    """The number with its power, its denominator, or its fraction."""
    if ten := parts["ten_caret"] or parts["ten_stars"] or parts["ten_raised"] or (parts["e"] or "")[1:]:
        power = _power(Fraction(10), ten)
        return (None, "") if power is None else _exact(number * power)
    if exponent := parts["caret"] or parts["stars"] or parts["raised"]:
        return _exact(_power(number, exponent))
    if parts["over"]:
        return _exact(number / int(parts["over"][1:]))
    fraction = _mixed(parts)
    if fraction is None:
        return number, digits
    # "3 5/2" is two numbers, of which the last is taken.
    return _exact(number + fraction if fraction < 1 else fraction)


def _mixed(parts: dict[str, str | None]) -> Fraction | None:
    if parts["mixed_vulgar"]:
        return _vulgar(parts["mixed_vulgar"])
    for kind in ("", "_latex", "_digit"):
        if parts[f"mixed_top{kind}"] is not None:
            return _quotient(parts[f"mixed_top{kind}"], parts[f"mixed_bottom{kind}"])
    return None


def _vulgar(character: str) -> Fraction:
    return Fraction(unicodedata.numeric(character)).limit_denominator(10)


def _quotient(top: str | None, bottom: str | None) -> Fraction | None:
    return Fraction(int(top or 0), int(bottom or 0)) if int(bottom or 0) else None


def _power(base: Fraction, exponent: str) -> Fraction | None:
    """The power; None if it would have too many digits, or is none."""
    if len(exponent) > _MOST_EXPONENT_DIGITS:
        return None
    times = int(exponent.translate(_SUPERSCRIPTS))
    largest = max(len(str(abs(base.numerator))), len(str(base.denominator)))
    if largest * abs(times) > _MOST_DIGITS or (base == 0 and times < 0):
        return None
    return base**times


def _exact(value: Fraction | None) -> tuple[Fraction | None, str]:
    return value, "" if value is None else str(value)


def _plain_digits(digits: str, decimal: Decimals) -> str:
    """The digits with at most one decimal point and nothing else."""
    digits = digits.strip().replace("\\,", " ")
    if decimal == "comma" or _has_decimal_comma(digits):
        whole, _, rest = digits.partition(",")
        kept = re.sub(r"\D", "", whole)
    elif digits.count(".") > 1:
        kept, rest = digits.replace(".", ""), ""
    else:
        whole, _, rest = digits.partition(".")
        kept = re.sub(r"\D", "", whole)
    return (kept.lstrip("0") or "0") + (f".{rest}" if rest else "")


def _has_decimal_comma(digits: str) -> bool:
    """Whether the only comma is a decimal one: after other separators, after a zero, or before other than 3 digits."""
    whole, comma, rest = digits.partition(",")
    if not comma or not rest.isdigit():
        return False
    return not whole.isdigit() or whole == "0" or len(rest) != 3
