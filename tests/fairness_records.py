"""Records of known confusion counts, for tests of subgroups."""

from __future__ import annotations

from harness.api import Records


def table(**groups: tuple[int, int, int, int]) -> Records:
    """Records with these counts of true negatives, false positives, false negatives and true positives by group."""
    rows = [
        (name, label, prediction)
        for name, counts in groups.items()
        for (label, prediction), times in zip([(0, 0), (0, 1), (1, 0), (1, 1)], counts, strict=True)
        for _ in range(times)
    ]
    names, labels, predictions = zip(*rows, strict=True)
    ids = [str(i) for i in range(len(rows))]
    return Records.of({"id": ids, "label": labels, "prediction": predictions, "group.g": names})
