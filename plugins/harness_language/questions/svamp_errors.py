"""Right answers of SVAMP that are wrong as published, and questions that have none.

Found by computing every published equation (chal-680), by looking for numbers that the problem lacks (chal-50), and by
reading all divisions, most products, and problems 1 to 190 and 923 to 1000. More may be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping

CORRECTED: Mapping[str, str] = {
    "chal-78": "5",  # Brought to the park before 3 more were bought there; published as 8.
    "chal-161": "1/16",  # 2 beads for 32 necklaces; published as 16.
    "chal-333": "1/332",  # 2 chapters in 664 days; published as 332.
    "chal-676": "1/44",  # 15 chapters in 660 days; published as 44.
    "chal-680": "5",  # 4 - 2 + 3, as its own equation says; published as 1.
    "chal-897": "252",  # 28 + 14 packages of 6 pieces; published as 7.
}
"""The right answers by the names of the problems."""

UNANSWERABLE: Mapping[str, str] = {
    "chal-50": "the equation has a number, 149, that the problem lacks",
    "chal-154": "one part of the strawberries weighs more than all of them",
    "chal-356": "it asks for shelves and gives action figures",
    "chal-1000": "the grasshopper is compared with itself",
}
"""Why problems have no right answer, by their names."""
