"""The nearest training images of samples in pixels, of which no more than a part is held."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from harness_generative.nearest.distances import Floats, Indices
from harness_generative.nearest.neighbours import nearest
from harness_generative.task.image_sets import HELD_BYTES, ImageSet


def nearest_images(samples: Tensor, images: ImageSet, k: int) -> tuple[Floats, Indices]:
    """The distances `[n, k]` of the k nearest images of each sample, nearest first, and their rows; as `nearest`."""
    queries = np.ascontiguousarray(samples.flatten(1).numpy())
    distances: Floats = np.empty((len(queries), 0))
    rows: Indices = np.empty((len(queries), 0), np.intp)
    start = 0
    for part in images.windows(max(k, HELD_BYTES // max(1, images.first[0].nbytes))):
        found, places = nearest(queries, np.ascontiguousarray(part.flatten(1).numpy()), min(k, len(part)))
        distances, rows = np.hstack([distances, found]), np.hstack([rows, places + start])
        order = np.lexsort((rows, distances))[:, :k]
        distances, rows = np.take_along_axis(distances, order, axis=1), np.take_along_axis(rows, order, axis=1)
        start += len(part)
    return distances, rows
