"""Characters of other scripts as plain ones, one for one, so that places in a text stay what they are."""

from __future__ import annotations

import unicodedata

_MINUS = "\N{MINUS SIGN}\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{FIGURE DASH}\N{SMALL HYPHEN-MINUS}"
_SAME = {
    **dict.fromkeys(_MINUS, "-"),
    **dict.fromkeys("\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}", "'"),
    **dict.fromkeys("\N{FRACTION SLASH}\N{DIVISION SLASH}", "/"),
    **dict.fromkeys("\N{DOT OPERATOR}\N{MIDDLE DOT}\N{ASTERISK OPERATOR}", "*"),
    "\N{MULTIPLICATION SIGN}": "*",
    "\N{ARABIC DECIMAL SEPARATOR}": ".",
    "\N{ARABIC THOUSANDS SEPARATOR}": ",",
    "\N{IDEOGRAPHIC FULL STOP}": ".",
    "\N{DEVANAGARI DANDA}": ".",
    "\N{ARABIC COMMA}": ",",
    "\N{IDEOGRAPHIC COMMA}": ",",
}
SPACED = r"0-9A-Za-z\u00c0-\u024f\u0370-\u052f"
"""Digits and letters of scripts that part words by spaces, for a class of a regular expression."""
NARROW_SPACE = "\N{NO-BREAK SPACE}"
"""What every space of other scripts but the ideographic one becomes: it parts thousands, and no words."""


def plain_characters(text: str) -> str:
    """The text with digits, signs and punctuation of every script as those of ASCII; of the same length.

    Superscripts and vulgar fractions stay, since they are no digits; a sign of any currency becomes "$".
    """
    return text if text.isascii() else "".join(map(_plain, text))


def _plain(character: str) -> str:
    if character.isascii():
        return character
    if character in _SAME:
        return _SAME[character]
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    if category == "Sc":
        return "$"
    if category == "Zs":
        return " " if character == "\N{IDEOGRAPHIC SPACE}" else NARROW_SPACE
    normal = unicodedata.normalize("NFKC", character)
    # Superscripts, subscripts and circled digits are other characters, not other shapes of digits.
    return normal if len(normal) == 1 and normal.isascii() and category != "No" else character
