"""Wilson's interval for a share whose variance is that of some number of trials, whole or not."""

from __future__ import annotations

import math


def wilson(share: float, trials: float, z: float) -> tuple[float, float]:
    """Wilson's score interval (Wilson 1927).

    Args:
        share: from 0 to 1.
        trials: how many independent trials would give the variance of the share.
        z: the quantile of the standardised share, 1.96 for 95 %.
    """
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    # At the ends the interval touches 0 and 1 exactly; the subtraction leaves 1e-17.
    return 0.0 if share == 0 else max(0.0, centre - half), 1.0 if share == 1 else min(1.0, centre + half)
