"""Numbers as people write them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_language.tasks.written_numbers import as_number, numbers_in

# A text, and the numbers in it from left to right.
WRITTEN = [
    ("5,000,", "5000"),
    ("1,234,567.89", "1234567.89"),
    ("5 000 apples", "5000"),
    ("1 000 000", "1000000"),
    ("5\u2009000", "5000"),
    ("5\u202f000\u202f000", "5000000"),
    ("5\u00a0000", "5000"),
    ("5'000", "5000"),
    ("5\u2019000", "5000"),
    ("5{,}000", "5000"),
    (r"5,\!000", "5000"),
    (r"5\,000", "5000"),
    ("1_000_000", "1000000"),
    ("1,00,000", "100000"),
    ("12,34,567.5", "1234567.5"),
    ("\u20b91,50,000", "150000"),
    ("1,2,3", "1 2 3"),
    ("10,110,12", "10 110 12"),
    ("1,234,5", "1 234 5"),
    ("3, 4 and 5", "3 4 5"),
    ("in 2019 300 people", "2019 300"),
    ("in 2019 300 400 people", "2019 300 400"),
    ("3 100-page books", "3 100"),
    ("5.000,50", "5000.50"),
    ("1.234.567", "1234567"),
    ("1 234,56", "1234.56"),
    ("0,75", "0.75"),
    ("\u20ac3,50", "3.50"),
    ("3,50 \u20ac", "3.50"),
    ("12,5 %", "12.5"),
    ("3,5", "3 5"),
    ("1/4", "1/4"),
    ("2/4", "1/2"),
    ("1 1/2 cups", "3/2"),
    ("\u00bd", "1/2"),
    ("1\u00bd", "3/2"),
    ("2 \u2154", "8/3"),
    ("1\u20444", "1/4"),
    (r"\frac{1}{2}", "1/2"),
    (r"\boxed{\frac{1}{2}}", "1/2"),
    (r"\dfrac{3}{4}", "3/4"),
    (r"\tfrac12", "1/2"),
    (r"-\frac{1}{2}", "-1/2"),
    (r"$2\frac{1}{3}$", "7/3"),
    ("3 5/2", "5/2"),
    ("10/2=5", "5 5"),
    ("on 3/4/2020 it was 7", "7"),
    ("10^3", "1000"),
    ("10^{3}", "1000"),
    ("10^-2", "1/100"),
    ("2**3", "8"),
    ("10\u00b3", "1000"),
    ("10\u207b\u00b2", "1/100"),
    ("1e5", "100000"),
    ("2.5E-3", "1/400"),
    ("1.5 \u00d7 10^3", "1500"),
    (r"1.5\times 10^{3}", "1500"),
    (r"3 \cdot 10^4", "30000"),
    ("2x10^2", "200"),
    ("-4", "-4"),
    ("\u22124", "-4"),
    ("\u20134 degrees", "-4"),
    ("x = - 4", "-4"),
    ("x - 4", "4"),
    ("5-3", "5 3"),
    ("5\u20137", "5 7"),
    ("10 minus 4", "10 4"),
    ("negative 4", "-4"),
    ("it is minus 4", "-4"),
    ("(-5)", "-5"),
    ("+5", "5"),
    ("-$5", "-5"),
    ("$-5", "-5"),
    ("$1,234.50", "1234.50"),
    ("\\$5", "5"),
    ("$.50", "0.50"),
    ("\u20ac5", "5"),
    ("\u00a35.20", "5.20"),
    ("5 USD", "5"),
    ("USD 5", "5"),
    ("US$5", "5"),
    ("Rs. 500", "500"),
    ("50%", "50"),
    (r"50\%", "50"),
    ("_____8142_____", "8142"),
    ("**18**", "18"),
    ("5kg", "5"),
    ("12 cm^2", "12"),
    ("12 m\u00b2", "12"),
    ("x_1 + y_2", ""),
    ("x^2", ""),
    ("a4 v1.2.3", ""),
    ("version 1.2.3", ""),
    ("COVID-19", "19"),
    ("It is 3.", "3"),
    ("It is 3.0.", "3.0"),
    ("the total.18", "18"),
    ("well...5", "5"),
    ("007", "7"),
    ("\u0663\u0664\u0665", "345"),
    ("\u0663\u066b\u0665", "3.5"),
    ("\u0661\u066c\u0660\u0660\u0660", "1000"),
    ("\u0967,\u0966\u0966,\u0966\u0966\u0966", "100000"),
    ("\uff15\uff0c\uff10\uff10\uff10", "5000"),
    ("\u7b54\u6848\u662f42\u3002", "42"),  # a script that parts no words
    ("", ""),
    ("none", ""),
    ("\u00b15", "5"),
]


@pytest.mark.parametrize(("text", "numbers"), WRITTEN)
def test_the_numbers_of_a_text(text: str, numbers: str) -> None:
    assert " ".join(number.text for number in numbers_in(text)) == numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("3,5", "3.5"),
        ("1.234,5", "1234.5"),
        ("1.234", "1234"),
        ("12 345,6", "12345.6"),
        ("1,234", "1.234"),
        ("1.5", ""),
        ("-0,25 m", "-0.25"),
    ],
)
def test_declared_decimal_commas(text: str, numbers: str) -> None:
    assert " ".join(number.text for number in numbers_in(text, decimal="comma")) == numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$5,000.50", Fraction(10001, 2)),
        (r"\boxed{\dfrac{3}{4}}", Fraction(3, 4)),
        (r"$\frac{1}{2}$", Fraction(1, 2)),
        (r"\text{12}", 12),
        (r"\(7\)", 7),
        ("**7**", 7),
        ("3,50 \u20ac", Fraction(7, 2)),
        ("12 %", 12),
        ("5 dollars", 5),
        ("1e3", 1000),
        ("1e+16", 10**16),
        ("-0.5", Fraction(-1, 2)),
        ("5.", 5),
        ("3,5", None),
        ("1,2,3", None),
        ("7,500.5,000", None),
        ("3 apples", None),
        ("3/4/2020", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("1e999999999", None),
        ("9^99999", None),
        ("1/0", None),
        (r"\frac{1}{0}", None),
        ("0^-1", None),
    ],
)
def test_a_text_that_is_a_number(text: str, value: Fraction | None) -> None:
    assert as_number(text) == value


NARROW = "\u2009"
STYLES = {
    "plain": "{:d}".format,
    "comma": "{:,d}".format,
    "underscore": "{:_d}".format,
    "space": lambda n: f"{n:,d}".replace(",", " "),
    "thin space": lambda n: f"{n:,d}".replace(",", NARROW),
    "apostrophe": lambda n: f"{n:,d}".replace(",", "'"),
    "LaTeX": lambda n: f"{n:,d}".replace(",", "{,}"),
    "minus sign": lambda n: f"{n:,d}".replace("-", "\u2212"),
    "Arabic": lambda n: "".join(chr(0x660 + int(c)) if c.isdigit() else c for c in str(n)),
    "fullwidth": lambda n: "".join(chr(0xFF10 + int(c)) if c.isdigit() else c for c in str(n)),
    "dollars": lambda n: f"-${-n:,d}" if n < 0 else f"${n:,d}",
    "indian": lambda n: indian(n),
}


def indian(number: int) -> str:
    """Groups of two digits before the last three."""
    digits, rest = str(abs(number))[-3:], str(abs(number))[:-3]
    while rest:
        digits, rest = f"{rest[-2:]},{digits}", rest[:-2]
    return f"-{digits}" if number < 0 else digits


@settings(max_examples=60, deadline=None)
@given(number=st.integers(-(10**15), 10**15), style=st.sampled_from(sorted(STYLES)))
def test_an_integer_is_read_back_in_any_style_and_any_place(number: int, style: str) -> None:
    written = STYLES[style](number)
    assert as_number(written) == number
    for frame in ("It is {}.", "**{}**", "x={}, so", "{}\n", "({})", "\\boxed{{{}}}", "that is {} apples!", "__{}__"):
        (found,) = numbers_in(frame.format(written))
        assert found.value == number


@settings(max_examples=60, deadline=None)
@given(top=st.integers(-999, 999), bottom=st.integers(1, 999))
def test_a_fraction_is_read_back_in_any_style(top: int, bottom: int) -> None:
    value = Fraction(top, bottom)
    sign, size = "-" if top < 0 else "", abs(top)
    for written in (
        f"{top}/{bottom}",
        rf"{sign}\frac{{{size}}}{{{bottom}}}",
        rf"$ {sign}\dfrac{{{size}}}{{{bottom}}}$",
    ):
        assert as_number(written) == value, written
    assert as_number(f"{sign}2 1/3") == (-1 if sign else 1) * Fraction(7, 3)


@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet="0123456789,.' -+$/^e{}\\frac\u2009\u00bd\u00b2%_x*", max_size=40))
def test_whatever_is_written_every_number_is_read_again_from_its_own_text(text: str) -> None:
    for number in numbers_in(text):
        assert 0 <= number.start < number.end <= len(text)
        assert number.value is None or as_number(number.text) == number.value


def test_long_texts_take_no_more_than_their_length() -> None:
    """A list of a hundred thousand groups of three digits, and as many digits."""
    assert sum(1 for _ in numbers_in("111," * 20_000 + "5")) == 20_001
    (found,) = numbers_in("9" * 100_000)
    assert found.value is None
