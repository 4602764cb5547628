"""What is seen of a text, whatever characters it is made of."""

from __future__ import annotations

import unicodedata

_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"


def seen(text: str) -> str:
    """A text as it looks: letters composed, white space one space, and no invisible characters.

    Joiners stay, since they change how other characters look.
    """
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(c for c in composed if c in _JOINERS or unicodedata.category(c) not in ("Cf", "Cc"))
