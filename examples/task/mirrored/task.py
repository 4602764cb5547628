"""Images and their mirror images."""

from __future__ import annotations

from typing import Literal

import torch
from harness.api import Classifier, Context, Dataset, Outcome
from harness.api.instruments import CountedModel, left_unchanged

SHOWN = 6
"""How many images are kept for the page."""
Axis = Literal["left-right", "up-down"]


class Mirrored:
    """Classify every image and its mirror image.

    Data: columns `inputs` (images `[n, C, H, W]`) and `labels`; the fact `classes`.

    Args:
        axis: what is swapped.
    """

    columns = ("id", "label", "prediction", "mirror_prediction", "same", "group.*")

    def __init__(self, axis: Axis = "left-right") -> None:
        self._axis = axis

    def run(self, model: Classifier, data: Dataset, ctx: Context) -> Outcome:
        """One record per example: id, label, prediction, mirror_prediction, same, group.<name>."""
        columns = data.take(range(len(data.ids)))
        images = torch.as_tensor(columns["inputs"])
        counted = CountedModel(model, len(data.facts["classes"]), len(images), ctx.device)
        with left_unchanged(counted, inputs=images), torch.no_grad():
            given = _classes(counted, images, ctx)
            turned = _classes(counted, images.flip(-1 if self._axis == "left-right" else -2), ctx)
        same = given == turned
        return Outcome(
            records={
                "id": list(data.ids),
                "label": torch.as_tensor(columns["labels"]).numpy(),
                "prediction": given.numpy(),
                "mirror_prediction": turned.numpy(),
                "same": same.numpy(),
                **{f"group.{name}": list(members) for name, members in data.groups.items()},
            },
            protocol={"axis": self._axis},
            cost={"passes": float(counted.forward_passes.total().mean())},
            display={"mirror": self._axis},
            artifacts={"changed": images[~same][:SHOWN].numpy()},
        )


def _classes(counted: CountedModel, images: torch.Tensor, ctx: Context) -> torch.Tensor:
    """The class `[n]` that is given to each image."""
    given = []
    for rows in torch.arange(len(images)).split(ctx.batch_size):
        with counted.attacked_batch(rows, 1):
            given.append(counted(images[rows].to(ctx.device)).argmax(dim=1).cpu())
    return torch.cat(given)
