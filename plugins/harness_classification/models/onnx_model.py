"""A classifier in an ONNX file, run by onnxruntime, which alone is imported here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.api import HarnessError, InvalidOutput
from harness_classification.models.scores import Outputs, as_logits, check_shape, in_batches

_DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}


class OnnxModel:
    """An ONNX graph as a classifier that only gives scores.

    Args:
        session: onnxruntime's session of it.
        output: the name of the output that holds the scores.
        outputs: what the scores are.
        name: of the file, for messages.
    """

    def __init__(self, session: Any, output: str, outputs: Outputs, name: str) -> None:
        (self._input,) = session.get_inputs()
        self._session, self._output, self._outputs, self._name = session, output, outputs, name
        # Names, and what the runtime calls unknown, are lengths that may be any.
        self._shape = [length if isinstance(length, int) and length > 0 else None for length in self._input.shape]

    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> Tensor:
        """Logits `[n, classes]` of inputs `[n, ...]`. Raises InvalidOutput if their shape is not that of the model."""
        check_shape(self._shape, inputs, self._name)
        return in_batches(inputs, self._shape[0], self._answer)

    def _answer(self, inputs: Tensor) -> Tensor:
        from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, RuntimeException

        array = inputs.detach().cpu().numpy().astype(_DTYPES[self._input.type])
        try:
            (scores,) = self._session.run([self._output], {self._input.name: array})
        except (Fail, InvalidArgument, RuntimeException) as error:
            raise InvalidOutput(
                f"{self._name} cannot take these inputs: {' '.join(str(error).split())[:200]}"
            ) from error
        if not isinstance(scores, np.ndarray):
            raise InvalidOutput(
                f"the output {self._output!r} of {self._name} is a {type(scores).__name__}, not an array; models of "
                "scikit-learn are exported with `zipmap: False`"
            )
        return as_logits(scores, self._outputs, inputs, self._name)


def onnx_model(path: Path, output: str | None = None, outputs: Outputs = "logits") -> OnnxModel:
    """A classifier in an ONNX file, run by onnxruntime on the CPU; attacks that need no gradients apply (extra onnx).

    It must have one input of floating-point numbers, which it is given in the units of the data.

    Args:
        path: the .onnx file; or, where its weights lie in another file, a folder with both and nothing else.
        output: the name of the output that holds the scores; by default the only one of floating-point numbers.
        outputs: whether the scores are logits or probabilities.

    Raises:
        HarnessError: onnxruntime is not installed, or the file cannot be used.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise HarnessError('onnxruntime is not installed: pip install "neural-harness[onnx]"') from error
    from onnxruntime.capi import onnxruntime_pybind11_state as raised

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    errors = (
        *(raised.Fail, raised.InvalidArgument, raised.InvalidProtobuf, raised.InvalidGraph, raised.NotImplemented),
        *(raised.NoSuchFile, raised.RuntimeException),
    )
    try:
        session = onnxruntime.InferenceSession(_graph(path), options, providers=["CPUExecutionProvider"])
    except errors as error:
        raise HarnessError(
            f"{path.name} cannot be read as ONNX: {' '.join(str(error).split())[:200]}. If its weights lie in a file "
            "beside it, put both into a folder and name that"
        ) from error
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in _DTYPES:
        shown = ", ".join(f"{each.name} {each.type}" for each in inputs) or "none"
        raise HarnessError(f"{path.name} has the inputs {shown}; one of floating-point numbers is needed")
    return OnnxModel(session, _scores(session, output, path), outputs, path.name)


def _graph(path: Path) -> bytes | str:
    """What a session is made of: the content of a file, since nothing beside it enters a key, or a path in a folder.

    Raises:
        HarnessError: a folder does not hold one .onnx file.
    """
    if path.is_file():
        return path.read_bytes()
    files = sorted(path.glob("*.onnx"))
    if len(files) != 1:
        raise HarnessError(f"{path} holds {len(files)} .onnx files; name one, or a folder with one and its weights")
    return str(files[0])


def _scores(session: Any, output: str | None, path: Path) -> str:
    """The name of the output that holds the scores. Raises HarnessError."""
    kinds = {str(each.name): str(each.type) for each in session.get_outputs()}
    fitting = [name for name, kind in kinds.items() if kind in _DTYPES]
    if output is None and len(fitting) == 1:
        return fitting[0]
    if output is not None and output in kinds:
        return output
    shown = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    problem = f"has no output {output!r}" if output else "has not just one output of floating-point numbers"
    raise HarnessError(f"{path.name} {problem}; it has {shown}. Name the one with the scores: `output:`")
