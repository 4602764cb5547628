"""Wilson's interval of a share that is no count of whole trials."""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """The interval (Wilson 1927) of a share of n trials; n may be an effective number."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(max(share * (1 - share), 0.0) / n + z * z / (4 * n * n))
    # The estimate lies inside but for round-off.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
