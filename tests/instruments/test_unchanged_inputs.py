"""A model that writes into its inputs is found out, in whatever way it does, and without copies of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.contract.errors import InvalidOutput
from harness.instruments.checksums import _on_device, checksum
from harness.instruments.counted_model import LANES, CountedModel
from harness.instruments.frozen_model import left_unchanged
from harness.instruments.unchanged_inputs import UnchangedInputs


def into_array(inputs: Tensor) -> None:
    array = inputs.detach().numpy()
    array *= 0.5


WRITES: dict[str, Callable[[Tensor], Any]] = {
    "clamp_": lambda inputs: inputs.clamp_(0.4, 0.6),
    "row": lambda inputs: inputs.__setitem__(0, 0),
    "view": lambda inputs: inputs.flatten(1).mul_(0.5),
    "out": lambda inputs: torch.mul(inputs, 0.5, out=inputs),
    "detach": lambda inputs: inputs.detach().mul_(0.5),
    "data": lambda inputs: inputs.data.mul_(0.5),
    "numpy": into_array,
    "set_": lambda inputs: inputs.data.copy_(torch.zeros(inputs.shape)),
}


class Writing(torch.nn.Module):
    """Two logits of each input; writes first, where it may.

    Args:
        write: how.
        only: under which mode of gradients; None for any.
    """

    def __init__(self, write: Callable[[Tensor], Any], only: bool | None = None) -> None:
        super().__init__()
        self.write, self.only = write, only

    def forward(self, inputs: Tensor) -> Tensor:
        if self.only is None or torch.is_grad_enabled() is self.only:
            self.write(inputs)
        return 1.0 * inputs.flatten(1)[:, :2]


@pytest.mark.parametrize("n", [3, LANES])
@pytest.mark.parametrize("how", WRITES)
def test_every_way_to_write_is_found_with_and_without_gradients(how: str, n: int) -> None:
    inputs = torch.linspace(0, 1, n * 2).reshape(n, 2)
    for write_under in (None, True, False):
        counted = CountedModel(Writing(WRITES[how], write_under), 2, n, "cpu")
        for gradients in (True, False):
            with torch.set_grad_enabled(gradients):
                given = inputs.clone()
                if write_under in (None, gradients):
                    with pytest.raises(InvalidOutput, match=r"the model \(Writing\) writes into its inputs"):
                        counted(given)
                else:
                    assert torch.equal(counted(given), inputs)


def test_inputs_made_in_inference_mode_have_no_count_and_are_looked_at_all_the_same() -> None:
    with torch.inference_mode():
        inputs = torch.rand(LANES, 2)
        with pytest.raises(InvalidOutput, match="writes into its inputs"):
            CountedModel(Writing(WRITES["clamp_"]), 2, LANES, "cpu")(inputs)


def test_a_model_that_starts_to_write_later_is_found_by_the_count_at_once_and_by_content_soon() -> None:
    unchanged, inputs = UnchangedInputs(), torch.rand(4, 2)
    for _ in range(5):
        unchanged.call(Writing(lambda inputs: None), inputs)
    with pytest.raises(InvalidOutput):
        unchanged.call(Writing(WRITES["clamp_"]), inputs)
    # The seventh pass is not looked at, the eighth is.
    writing = Writing(WRITES["data"])
    unchanged.call(writing, inputs)
    unchanged.check()
    unchanged.call(writing, inputs)
    with pytest.raises(InvalidOutput):
        unchanged.check()
    unchanged.check()


def test_passes_of_an_attack_are_checked_when_it_has_ended() -> None:
    counted = CountedModel(Writing(WRITES["data"]), 2, LANES, "cpu")
    with counted.attacked_batch(torch.arange(LANES), 1):
        counted(torch.rand(LANES, 2))
    with pytest.raises(InvalidOutput, match=r"the model \(Writing\) writes into its inputs"):
        counted.check_inputs()


def test_a_model_that_copies_first_may_change_its_copy() -> None:
    inputs = torch.rand(LANES, 2)
    before = inputs.clone()
    model = Writing(lambda inputs: inputs.clone().clamp_(0.4, 0.6))
    assert torch.equal(CountedModel(model, 2, LANES, "cpu")(inputs), before)


@pytest.mark.parametrize("model", [Writing(lambda inputs: None), lambda inputs: inputs], ids=["module", "function"])
def test_tensors_beside_a_model_must_not_change_either(model: Any) -> None:
    labels = torch.zeros(3).long()
    with left_unchanged(model, inputs=torch.rand(3, 2), labels=labels):
        pass
    with (
        pytest.raises(InvalidOutput, match="the labels were changed in place while the model was measured"),
        left_unchanged(model, labels=labels),
    ):
        labels[0] = 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1.0, 2.0], [2.0, 1.0]),
        ([1.0, 2.0], [1.0, 2.0000002]),
        ([0.0, 1.0], [-0.0, 1.0]),
        ([[1.0, 2.0]], [1.0, 2.0]),
        ([1, 2], [1.0, 2.0]),
        ([], [0.0]),
    ],
)
@pytest.mark.parametrize("make", [torch.tensor, lambda values: torch.tensor(values).numpy()], ids=["tensor", "array"])
def test_a_checksum_tells_every_bit_place_type_and_shape(make: Any, one: Any, other: Any) -> None:
    assert checksum(make(one)) == checksum(make(one))
    assert checksum(make(one)) != checksum(make(other))


@pytest.mark.parametrize("shape", [(1025,), (64, 64), (33, 509), (3, 5, 7, 11), (200, 2036)])
def test_a_checksum_of_much_tells_every_place_and_swap(shape: tuple[int, ...]) -> None:
    values = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    found = checksum(values)
    assert checksum(values.clone()) == found == checksum(values.t().contiguous().t() if values.ndim == 2 else values)
    for place in (0, 1, values.numel() // 2, values.numel() - 1):
        changed = values.clone()
        changed.view(-1)[place] += 1e-6
        assert checksum(changed) != found
    assert checksum(values.flip(0)) != found
    swapped = values.clone()
    swapped[[0, 1]] = swapped[[1, 0]]
    assert checksum(swapped) != found


def test_tensors_without_bytes_are_compared_by_their_count_of_changes() -> None:
    conjugate = torch.tensor([1 + 2j]).conj()
    for tensor in (torch.eye(3).to_sparse(), torch.empty(3, device="meta"), conjugate):
        found = checksum(tensor)
        assert checksum(tensor) == found
        tensor.zero_()
        assert checksum(tensor) != found


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 64, 1001])
def test_the_checksum_of_a_device_tells_every_byte_and_place(n: int) -> None:
    """The arithmetic that is used where tensors lie on a GPU, tried on the CPU."""
    raw = torch.randint(0, 256, (n,), dtype=torch.uint8, generator=torch.Generator().manual_seed(n))
    found = _on_device(raw)
    assert found == _on_device(raw.clone())
    for place in range(min(n, 40)):
        changed = raw.clone()
        changed[place] ^= 1
        assert _on_device(changed) != found
    if n > 16:
        assert _on_device(raw.roll(8)) != found
