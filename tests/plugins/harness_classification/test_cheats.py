"""An attack cannot fake its success: not by the model it is given, nor by what it leaves on the true one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.api import Context, Examples, InvalidOutput, LabelledInputs, Outcome, Threat
from harness_classification.classify import Classify


class Net(nn.Module):
    """Three classes by the largest of three pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(4.0))
        self.last = nn.Identity()

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.last(self.scale * inputs.flatten(1)[:, :3])
        return logits


def data() -> Examples:
    """24 examples, of which the model gets the first four wrong."""
    inputs = torch.rand(24, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    labels = inputs.flatten(1)[:, :3].argmax(1)
    labels[:4] = (labels[:4] + 1) % 3
    ids = [f"e{i}" for i in range(24)]
    return Examples(ids, {"inputs": inputs.numpy(), "labels": labels.numpy()}, facts={"classes": ["a", "b", "c"]})


class Shift:
    """Moves inputs by a function of the batch."""

    def __init__(self, move: Callable[[LabelledInputs], Tensor], threat: Threat) -> None:
        self.move, self.threat = move, threat

    def perturb(self, model: Any, batch: LabelledInputs, ctx: Context) -> Tensor:
        return self.move(batch)


class Cheat(Shift):
    """Returns its inputs as they are, after it has done something to the model."""

    def __init__(self, cheat: Callable[[Any], Any]) -> None:
        super().__init__(lambda batch: batch.inputs, Threat("linf", 0.1))
        self.cheat = cheat

    def perturb(self, model: Any, batch: LabelledInputs, ctx: Context) -> Tensor:
        self.cheat(model)
        return super().perturb(model, batch, ctx)


def run(attack: Any, model: Any = None) -> Outcome:
    return Classify().run(model=model or Net().eval(), data=data(), attack=attack, ctx=Context())


def wrong(inputs: Tensor) -> Tensor:
    return nn.functional.one_hot(inputs.flatten(1)[:, :3].argmin(dim=1), 3).float()


class Always(nn.Module):
    """A module that is a function."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, inputs: Tensor) -> Tensor:
        return self.function(inputs)


def spoil_counter(model: Any) -> None:
    model.forward_passes = type(model.forward_passes)(24, "cpu")


ON_THE_TRUE_MODEL: dict[str, Callable[[Any], Any]] = {
    "hook": lambda model: model.model.register_forward_hook(lambda _, inputs, output: -output),
    "inner hook": lambda model: model.model.last.register_forward_hook(lambda _, inputs, output: -output),
    "forward": lambda model: setattr(model.model, "forward", wrong),
    "inner forward": lambda model: setattr(model.model.last, "forward", lambda inputs: -inputs),
}
IN_ITS_HANDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "swap": ("model", lambda model: setattr(model, "model", Always(wrong))),
    "forward": ("forward", lambda model: setattr(model, "forward", wrong)),
    "hook": ("_forward_hooks", lambda model: model.register_forward_hook(lambda _, inputs, output: -output)),
    "observer": ("observer", lambda model: setattr(model, "observer", None)),
    "counter": ("forward_passes", spoil_counter),
    "class": ("class", lambda model: setattr(model, "__class__", type("Other", (type(model),), {}))),
}


@pytest.mark.parametrize("how", ON_THE_TRUE_MODEL)
def test_success_without_a_change_is_no_success(how: str) -> None:
    outcome = run(Cheat(ON_THE_TRUE_MODEL[how]))
    unmoved, again = outcome.problems
    assert "inputs fool the model although they were not changed, first 'e" in unmoved
    assert "clean inputs are given another class after the attack than before" in again


def test_a_hook_that_hides_what_fools_is_found_by_clean_inputs() -> None:
    """It makes the model look robust, or others look bad: no input fools it, and yet it answers otherwise."""

    def constant(model: Any) -> None:
        model.model.register_forward_hook(lambda _, inputs, output: output.roll(1, dims=1))

    class Undoing(Cheat):
        def perturb(self, model: Any, batch: LabelledInputs, ctx: Context) -> Tensor:
            super().perturb(model, batch, ctx)
            return batch.inputs + 1e-3

    (again,) = run(Undoing(constant)).problems
    assert again.startswith("24 of 24 clean inputs are given another class after the attack than before")


@pytest.mark.parametrize("how", IN_ITS_HANDS)
def test_the_attack_is_not_judged_through_what_it_had_in_its_hands(how: str) -> None:
    part, cheat = IN_ITS_HANDS[how]
    outcome = run(Cheat(cheat))
    assert outcome.problems == (f"the attack has changed the model that it was given: {part}",)
    assert "fooled" not in outcome.records["outcome"]


@pytest.mark.parametrize("name", ["labels", "inputs"])
def test_examples_edited_in_place_are_found_out(name: str) -> None:
    def edit(model: Any) -> None:
        tensor = getattr(model.observer.examples, name)
        tensor.copy_((tensor + 1) % 3)

    with pytest.raises(InvalidOutput, match=f"the {name} were changed in place while the model was measured"):
        run(Cheat(edit))


def test_examples_put_in_the_place_of_others_are_not_those_of_the_core() -> None:
    def replace(model: Any) -> None:
        examples = model.observer.examples
        object.__setattr__(examples, "labels", (examples.labels + 1) % 3)

    outcome = run(Cheat(replace))
    assert outcome.problems == ()
    assert "fooled" not in outcome.records["outcome"]


def test_what_an_attack_does_to_its_own_batch_is_its_own_affair() -> None:
    class Editing(Cheat):
        def perturb(self, model: Any, batch: LabelledInputs, ctx: Context) -> Tensor:
            batch.labels.add_(1)
            return batch.inputs.mul_(1.0)

    outcome = run(Editing(lambda model: None))
    assert outcome.problems == ()


class Drawing(Net):
    """Draws its logits."""

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs) + 3 * torch.randn(len(inputs), 3)


def test_a_model_that_draws_is_doubted_and_not_accused() -> None:
    outcome = run(Cheat(lambda model: None), Drawing().eval())
    assert outcome.problems == ()
    assert any("asked again" in doubt for doubt in outcome.doubts)


@pytest.mark.parametrize("attack", [None, Shift(lambda batch: batch.inputs + 0.01, Threat("linf", 0.1))])
@pytest.mark.parametrize("how", ["clamp_", "data"])
def test_a_model_that_writes_into_its_inputs_is_named(attack: Any, how: str) -> None:
    class InPlace(Net):
        def forward(self, inputs: Tensor) -> Tensor:
            (inputs if how == "clamp_" else inputs.data).clamp_(0.35, 0.65)
            return super().forward(inputs)

    with pytest.raises(InvalidOutput, match=r"the model \(InPlace\) writes into its inputs"):
        run(attack, InPlace().eval())
