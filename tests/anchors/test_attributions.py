"""Attribution methods and what is measured of maps, against closed forms of linear models, captum and Quantus."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.api import Attribution, Context, Examples, ExplainedInputs, Outcome
from harness_capacity.attributions.controls import EdgeFilter, RandomMap
from harness_capacity.attributions.grad_cam import GradCAM
from harness_capacity.attributions.gradients import Gradient, GradientTimesInput, IntegratedGradients, SmoothGrad
from harness_capacity.attributions.occlusion import Occlusion
from harness_capacity.data.planted_pattern import planted_pattern
from harness_capacity.explaining.explain import Explain
from harness_capacity.explaining.infidelity import infidelity
from harness_capacity.explaining.removal import removal_areas
from harness_capacity.models.pattern_detector import PatternDetector
from harness_vision.digits import digits
from harness_vision.shipped_digits import shipped_digits

DIGITS = digits("test")
LINEAR = torch.tensor([[0.5, -1.0, 2.0, 0.25], [0.0, 1.0, -1.0, 0.5]])
"""Weights of a linear model of two classes on images of 2 x 2 pixels."""


def digit_batch(n: int) -> ExplainedInputs:
    inputs = torch.as_tensor(DIGITS.columns["inputs"][:n])
    with torch.no_grad():
        targets = shipped_digits()(inputs).argmax(dim=1)
    return ExplainedInputs(list(DIGITS.ids[:n]), inputs, targets)


def linear(bias: float = 0.0) -> nn.Module:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    network[1].weight.data, network[1].bias.data = LINEAR.clone(), torch.full((2,), bias)
    return network.requires_grad_(False)


def small_images() -> ExplainedInputs:
    inputs = torch.tensor([[0.1, 0.9, 0.4, 0.7], [0.8, 0.2, 0.5, 1.0]]).reshape(2, 1, 2, 2)
    return ExplainedInputs(["a", "b"], inputs, torch.tensor([0, 1]))


def explained(model: nn.Module, method: Attribution, batch: ExplainedInputs, **settings: Any) -> Outcome:
    columns = {"inputs": batch.inputs, "labels": batch.targets}
    classes = int(model(batch.inputs).shape[1])
    data = Examples(batch.ids, columns, facts={"classes": [str(k) for k in range(classes)]})
    return Explain(explained="label", **settings).run(model, data, method, Context())


@pytest.mark.parametrize("method", [GradientTimesInput(), IntegratedGradients(steps=1), Occlusion(window=1)])
def test_contributions_of_a_linear_model_are_weights_times_inputs(method: Attribution) -> None:
    batch = small_images()
    maps = method.attribute(linear(bias=3.0), batch, Context())
    torch.testing.assert_close(maps.flatten(1), LINEAR[batch.targets] * batch.inputs.flatten(1))


def test_occlusion_of_a_linear_model_sums_weights_times_inputs_over_the_window() -> None:
    batch = small_images()
    products = (LINEAR[batch.targets] * batch.inputs.flatten(1)).reshape(2, 1, 2, 2)
    maps = Occlusion(window=2).attribute(linear(), batch, Context())
    torch.testing.assert_close(maps, products.sum(dim=(2, 3), keepdim=True).expand(2, 1, 2, 2))


@pytest.mark.parametrize("method", [Gradient(), SmoothGrad()])
def test_gradients_of_a_linear_model_are_its_weights(method: Attribution) -> None:
    batch = small_images()
    torch.testing.assert_close(method.attribute(linear(), batch, Context()).flatten(1), LINEAR[batch.targets])


def test_integrated_gradients_add_up_to_the_change_of_the_logit() -> None:
    network, batch = shipped_digits().requires_grad_(False), digit_batch(4)
    maps = IntegratedGradients(steps=2500).attribute(network, batch, Context())
    chosen = batch.targets[:, None]
    change = network(batch.inputs).gather(1, chosen) - network(torch.zeros_like(batch.inputs)).gather(1, chosen)
    off = (maps.flatten(1).sum(dim=1) - change[:, 0]).abs() / change[:, 0].abs()
    assert float(off.max()) < 1e-4


@pytest.mark.parametrize(
    "method", [Gradient(), GradientTimesInput(), IntegratedGradients(steps=2), Occlusion(window=1)]
)
def test_infidelity_is_0_on_a_linear_model(method: Attribution) -> None:
    records = explained(linear(), method, small_images()).records
    assert max(records["infidelity"]) < 1e-12
    assert max(records["unexplained"]) < 1e-12


def test_infidelity_of_a_wrong_map_by_hand() -> None:
    # Two parts, whose sums are said to be 1 and 2 and are 2 and 2: (1 + 0) / 2, and 1 - 6^2 / (5 * 8) after scaling.
    model, inputs = nn.Linear(2, 1, bias=False), torch.ones(1, 2)
    model.weight.data = torch.tensor([[2.0, 2.0]])
    parts = torch.tensor([[[True, False]], [[False, True]]])
    with torch.no_grad():
        raw, share, defined = infidelity(model, inputs, torch.tensor([0]), parts, torch.tensor([[1.0, 2.0]]))
    assert raw.tolist() == [0.5]
    assert share.tolist() == pytest.approx([0.1])
    assert defined.tolist() == [True]


def test_areas_of_deletion_and_insertion_by_hand() -> None:
    # Logits of class 0 against 0; pixels go in the order 3, 1, 2, 0, one at a time.
    weights = torch.tensor([1.0, 2.0, -1.0, 3.0])
    inputs, places = torch.ones(1, 1, 2, 2), torch.tensor([[3, 1, 2, 0]])

    def logits(points: Tensor) -> Tensor:
        logit = points.flatten(1) @ weights
        return torch.stack([logit, torch.zeros_like(logit)], dim=1)

    deletion, insertion = removal_areas(logits, inputs, torch.zeros_like(inputs), torch.tensor([0]), places, 4)
    p = 1 / (1 + np.exp(-np.array([5.0, 2.0, 0.0, 1.0, 0.0])))
    assert float(deletion) == pytest.approx((p[0] / 2 + p[1] + p[2] + p[3] + p[4] / 2) / 4)
    q = 1 / (1 + np.exp(-np.array([0.0, 3.0, 5.0, 4.0, 5.0])))
    assert float(insertion) == pytest.approx((q[0] / 2 + q[1] + q[2] + q[3] + q[4] / 2) / 4)


def test_grad_cam_of_one_convolution_by_hand() -> None:
    convolution, head = nn.Conv2d(1, 2, 1, bias=False), nn.Linear(8, 2, bias=False)
    convolution.weight.data = torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1)
    head.weight.data = torch.tensor([[1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, -4.0], [0.0] * 8])
    network = nn.Sequential(convolution, nn.Flatten(), head).requires_grad_(False)
    inputs = torch.tensor([[1.0, -1.0, 2.0, 0.5]]).reshape(1, 1, 2, 2)
    batch = ExplainedInputs(["a"], inputs, torch.tensor([0]))
    # Mean gradients 2.5 and -1; the channels are x and -x: relu(2.5 x + x).
    expected = (3.5 * inputs).relu()
    torch.testing.assert_close(GradCAM().attribute(network, batch, Context()), expected)
    torch.testing.assert_close(GradCAM(layer="0").attribute(network, batch, Context()), expected)


def test_an_edge_filter_is_sobels() -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    batch = digit_batch(3)
    maps = EdgeFilter().attribute(None, batch, Context())  # type: ignore[arg-type]
    image = batch.inputs[2, 0].double().numpy()
    expected = np.hypot(ndimage.sobel(image, 0, mode="nearest"), ndimage.sobel(image, 1, mode="nearest"))
    np.testing.assert_allclose(maps[2, 0].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("control", [EdgeFilter(), RandomMap()])
def test_controls_do_not_notice_that_a_model_is_random(control: Attribution) -> None:
    records = explained(shipped_digits(), control, digit_batch(8), steps=2, parts=1).records
    assert list(records["similarity.all"]) == pytest.approx([1.0] * 8)


def captum_pairs() -> dict[str, tuple[Attribution, Callable[[Any, nn.Module, ExplainedInputs], Tensor]]]:
    return {
        "gradient": (
            Gradient(),
            lambda attr, net, batch: attr.Saliency(net).attribute(batch.inputs, batch.targets, abs=False),
        ),
        "gradient x input": (
            GradientTimesInput(),
            lambda attr, net, batch: attr.InputXGradient(net).attribute(batch.inputs, batch.targets),
        ),
        "integrated gradients": (
            IntegratedGradients(baseline=0.25, steps=20),
            lambda attr, net, batch: attr.IntegratedGradients(net).attribute(
                batch.inputs, 0.25, batch.targets, n_steps=20, method="riemann_middle"
            ),
        ),
        "occlusion": (
            Occlusion(window=3, stride=2, baseline=0.5),
            lambda attr, net, batch: attr.Occlusion(net).attribute(
                batch.inputs, (1, 3, 3), (1, 2, 2), 0.5, batch.targets
            ),
        ),
        "Grad-CAM": (
            GradCAM(),
            lambda attr, net, batch: attr.LayerAttribution.interpolate(
                attr.LayerGradCam(net, net[5]).attribute(batch.inputs, batch.targets, relu_attributions=True),
                (8, 8),
                "bilinear",
            ),
        ),
    }


@pytest.mark.parametrize("name", list(captum_pairs()))
def test_maps_are_those_of_captum(name: str) -> None:
    attr = pytest.importorskip("captum.attr", reason="captum is not installed; it comes with the extra `attribution`")
    network, batch = shipped_digits().double(), digit_batch(10)
    batch = ExplainedInputs(batch.ids, batch.inputs.double(), batch.targets)
    method, theirs = captum_pairs()[name]
    expected = theirs(attr, network, batch).detach()
    ours = method.attribute(network.requires_grad_(False), batch, Context())
    # captum adds up windows in single precision.
    torch.testing.assert_close(ours.expand_as(expected), expected, rtol=1e-6, atol=1e-6, check_dtype=False)


def test_infidelity_is_that_of_captum() -> None:
    metrics = pytest.importorskip("captum.metrics", reason="captum is not installed")
    network, batch = shipped_digits().double().requires_grad_(False), digit_batch(10)
    inputs, targets = batch.inputs.double(), batch.targets
    batch = ExplainedInputs(batch.ids, inputs, targets)
    maps = GradientTimesInput().attribute(network, batch, Context())
    parts = torch.rand(6, 10, 64, generator=torch.Generator().manual_seed(0)) < 0.3
    with torch.no_grad():
        ours, _, _ = infidelity(network, inputs, targets, parts, maps.flatten(1))
    given = iter(parts.reshape(6, 10, 1, 8, 8).double())

    def one_part(points: Tensor) -> tuple[Tensor, Tensor]:
        # Sums over a part of a map of contributions: captum is told to multiply by the part itself.
        part = next(given)
        return part, points * (1 - part)

    theirs = sum(
        metrics.infidelity(network, one_part, inputs, maps, target=targets, n_perturb_samples=1) for _ in range(6)
    )
    torch.testing.assert_close(ours, theirs / 6, rtol=1e-6, atol=1e-6)


def test_sensitivity_is_that_of_captum() -> None:
    metrics = pytest.importorskip("captum.metrics", reason="captum is not installed")
    network, batch, draws, radius = shipped_digits().requires_grad_(False), digit_batch(10), 3, 0.05
    ours = explained(network, Gradient(), batch, neighbours=draws, radius=radius, steps=1, parts=0).records
    # Those that the task draws; in the box, as those of the task.
    drawn = Context().uniform(batch.ids, (draws, 1, 8, 8), "neighbours")
    moved = iter((batch.inputs[:, None] + (2 * drawn - 1) * radius).clamp(0, 1).unbind(dim=1))

    def maps(inputs: Tensor | tuple[Tensor]) -> tuple[Tensor]:
        points = inputs[0] if isinstance(inputs, tuple) else inputs
        return (Gradient().attribute(network, ExplainedInputs(batch.ids, points, batch.targets), Context()),)

    theirs = [
        metrics.sensitivity_max(maps, batch.inputs, lambda *_: next(moved), radius, n_perturb_samples=1)
        for _ in range(draws)
    ]
    np.testing.assert_allclose(ours["sensitivity"], torch.stack(theirs).amax(dim=0).numpy(), rtol=1e-5)


def test_deletion_is_the_area_of_quantus_curves() -> None:
    quantus = pytest.importorskip("quantus", reason="quantus is not installed")
    network, batch = shipped_digits().eval().requires_grad_(False), digit_batch(12)
    records = explained(network, RandomMap(), batch, steps=64, parts=0, neighbours=0, baselines=("zero",)).records
    maps = RandomMap().attribute(network, batch, Context())
    flipping = quantus.PixelFlipping(features_in_step=1, normalise=False, perturb_baseline=0.0, disable_warnings=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        curves = np.array(
            flipping(
                model=network,
                x_batch=batch.inputs.numpy(),
                y_batch=batch.targets.numpy(),
                a_batch=maps.numpy(),
                device="cpu",
                softmax=True,
                channel_first=True,
            )
        )
    # Its curves leave out the whole image.
    areas = (records["probability"] / 2 + curves[:, :-1].sum(axis=1) + curves[:, -1] / 2) / 64
    np.testing.assert_allclose(records["deletion.zero"], areas, atol=1e-6)


def test_pointing_and_mass_are_those_of_quantus() -> None:
    quantus = pytest.importorskip("quantus", reason="quantus is not installed")
    data, model = planted_pattern(), PatternDetector()
    causes = np.asarray(data.columns["cause"][:20])
    columns = {name: data.columns[name][:20] for name in ("inputs", "labels", "cause")}
    few = Examples(data.ids[:20], columns, facts=data.facts)
    records = Explain(steps=1, parts=0, neighbours=0, randomised="none").run(model, few, RandomMap(), Context()).records
    batch = ExplainedInputs(few.ids, torch.as_tensor(columns["inputs"]), torch.as_tensor(columns["labels"]))
    given = {
        "model": model,
        "x_batch": columns["inputs"],
        "y_batch": columns["labels"],
        "a_batch": RandomMap().attribute(model, batch, Context()).numpy(),
        "s_batch": causes,
        "device": "cpu",
        "channel_first": True,
    }
    metrics = {"pointing": quantus.PointingGame, "cause_mass": quantus.RelevanceMassAccuracy}
    for name, metric in metrics.items():
        theirs = metric(normalise=False, disable_warnings=True)(**given)
        np.testing.assert_allclose(records[name], np.asarray(theirs, dtype=float), atol=1e-6)
