"""Split conformal prediction: sets of classes that hold the true one with a promised probability."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from annotated_types import Gt, Lt
from torch import Tensor, nn

from harness.api import Classifier, ComponentOf, Context, Dataset, HarnessError, InvalidOutput
from harness_uncertainty.methods.wrapping import Wrapper, labels_of, outputs_on, split_of

Score = Literal["lac", "aps"]


class SplitConformal(Wrapper):
    """Sets of classes that hold the true one with a promised probability.

    Sets of all classes whose score is no worse than that of most calibration examples (Vovk et al. 2005).

    Where the examples are exchangeable with those of the calibration split, a set holds the true class with probability
    k / (n + 1) or, where scores tie, more, k being (n + 1) * coverage rounded up. Three splits take part and none may
    overlap: the model's training data, those for calibration, those of the cell.

    Args:
        model: the classifier.
        coverage: the promised share of sets that hold the true class.
        score: `lac` is 1 less the probability of a class (Sadinle et al. 2019), with the smallest sets; `aps` the
            probability of all likelier classes and a random share of its own (Romano et al. 2020), whose coverage
            varies less among examples. The share is drawn from the content of the input.
        split: the part of the training data for calibration; no model may have seen it.
    """

    threshold: Tensor
    calibrated_on: Tensor

    def __init__(
        self,
        model: Annotated[Classifier, ComponentOf("model")],
        coverage: Annotated[float, Gt(0), Lt(1)] = 0.9,
        score: Score = "lac",
        split: str = "calibration",
    ) -> None:
        super().__init__(model)
        self.coverage = coverage
        self._score, self._split = score, split
        self.register_buffer("threshold", torch.zeros(()))
        self.register_buffer("calibrated_on", torch.zeros(0, dtype=torch.int64))

    def fit(self, data: Callable[[str], Dataset], ctx: Context) -> None:
        """Fit the threshold. Raises HarnessError if splits overlap or there are too few examples."""
        self.model.eval() if isinstance(self.model, nn.Module) else None
        calibration = split_of(data, self._split)
        for used in ["train", *splits_within(self.model)]:
            shared = set(calibration.ids) & set(split_of(data, used).ids)
            if shared:
                raise HarnessError(
                    f"{len(shared)} examples of the calibration split {self._split!r} are in {used!r}, which the model "
                    f"was fitted on, e.g. {min(shared)!r}; the promise would be void. Choose splits that do not overlap"
                )
        inputs = torch.as_tensor(calibration.take(range(len(calibration.ids)))["inputs"]).float()
        hashes = content_hashes(inputs)
        scores = class_scores(outputs_on(self.model, calibration, ctx), hashes, self._score)
        own = scores.gather(1, labels_of(calibration)[:, None]).squeeze(1)
        self.threshold.fill_(conformal_quantile(own, self.coverage))
        self.calibrated_on = hashes.to(self.threshold.device)

    @property
    def calibration_size(self) -> int:
        """How many examples the threshold was fitted on."""
        return len(self.calibrated_on)

    def contains(self, inputs: Tensor) -> Tensor:
        """Which classes are in the set, `[n, classes]`; a set may be empty.

        Raises:
            InvalidOutput: an input is one of those for calibration.
        """
        hashes = content_hashes(inputs)
        seen = torch.isin(hashes, self.calibrated_on.cpu())
        if bool(seen.any()):
            raise InvalidOutput(
                f"{int(seen.sum())} of {len(inputs)} examples are among those for calibration, the split "
                f"{self._split!r}; coverage must be measured on others"
            )
        return class_scores(self.inner(inputs), hashes, self._score) <= self.threshold

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        # How many examples calibrate is known only once it was done.
        self.calibrated_on = torch.empty_like(state_dict[f"{prefix}calibrated_on"])
        super()._load_from_state_dict(state_dict, prefix, *rest)


def content_hashes(inputs: Tensor) -> Tensor:
    """A hash of the content of each input, `[n]`, int64, on the CPU."""
    rows = inputs.detach().float().cpu().contiguous().flatten(1).numpy()
    digests = [hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in rows]
    return torch.tensor([int.from_bytes(digest, "big", signed=True) for digest in digests], dtype=torch.int64)


def class_scores(logits: Tensor, hashes: Tensor, score: Score) -> Tensor:
    """The nonconformity of each class, `[n, classes]`, in float32, so that all devices compare alike.

    Args:
        logits: `[n, classes]`.
        hashes: `[n]`, int64, of the inputs; the random shares of `aps`.
        score: the score of a class.
    """
    probabilities = logits.float().softmax(dim=1)
    if score == "lac":
        return 1 - probabilities
    shares = (hashes.double() / 2.0**64 + 0.5).float().to(probabilities.device)
    ordered, order = probabilities.sort(dim=1, descending=True, stable=True)
    likelier = ordered.cumsum(dim=1) - ordered
    return torch.zeros_like(probabilities).scatter(1, order, likelier + shares[:, None] * ordered)


def conformal_quantile(scores: Tensor, coverage: float) -> float:
    """The k-th smallest of n scores, k being (n + 1) * coverage rounded up: not the n * coverage of a plain quantile.

    Raises:
        HarnessError: there are too few scores to promise so much.
    """
    n = len(scores)
    k = math.ceil((n + 1) * coverage - 1e-9)
    if k > n:
        least = math.ceil(coverage / (1 - coverage) - 1e-9)
        raise HarnessError(f"a coverage of {coverage:g} takes {least} examples for calibration; there are {n}")
    return float(scores.sort().values[k - 1])


def splits_within(model: Any) -> list[str]:
    """The splits that wrappers inside a model were fitted on."""
    modules = model.modules() if isinstance(model, nn.Module) else []
    splits = {getattr(module, "split", None) for module in modules}
    return sorted(split for split in splits if isinstance(split, str))
