"""What attribution methods and the task that measures them add to their own passes, as ratios; no timing is asserted.

Run with `make benchmarks`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from benchmarks.bare_passes import bare, passes_of, ratio
from benchmarks.test_attack_overhead import digit_cnn, resnet20
from harness.api import Attribution, Context, Examples, ExplainedInputs
from harness_capacity.attributions.grad_cam import GradCAM
from harness_capacity.attributions.gradients import Gradient, IntegratedGradients, SmoothGrad
from harness_capacity.attributions.occlusion import Occlusion
from harness_capacity.explaining.explain import Explain
from harness_capacity.explaining.maps import ranks
from harness_capacity.explaining.removal import removal_areas

METHODS: dict[str, Callable[[], Attribution]] = {
    "gradient": Gradient,
    "integrated gradients": IntegratedGradients,
    "SmoothGrad": SmoothGrad,
    "occlusion": Occlusion,
    "Grad-CAM": GradCAM,
}


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("name", ["digit_cnn", "resnet20"])
def test_a_method_against_its_bare_passes(
    benchmark: Any, name: str, method: str, request: pytest.FixtureRequest
) -> None:
    if name == "resnet20" and (not benchmark.enabled or method == "occlusion"):
        pytest.skip("timed only, and a window for each pixel takes long")
    network, images = digit_cnn() if name == "digit_cnn" else resnet20(request.getfixturevalue("data_folder"))
    inputs = torch.as_tensor(images)
    with torch.no_grad():
        labels = network(inputs).argmax(1)
    batch = ExplainedInputs([str(i) for i in range(len(inputs))], inputs, labels)
    data = Examples(batch.ids, {"inputs": images, "labels": labels.numpy()}, facts={"classes": list("0123456789")})

    def alone(model: nn.Module) -> None:
        METHODS[method]().attribute(model, batch, Context())

    def task(model: nn.Module) -> None:
        # A copy with random weights makes its passes elsewhere.
        Explain(steps=8, parts=16, neighbours=1, randomised="none").run(model, data, METHODS[method](), Context())

    found = {}
    for what, ours in (("method", alone), ("task", task)):
        passes = passes_of(network, ours)
        assert sum(one.size for one in passes) >= len(inputs)
        if benchmark.enabled:
            found[what] = ratio(lambda: ours(network), lambda: bare(network, inputs, labels, passes), pairs=5)  # noqa: B023
    benchmark.extra_info.update(found)
    if found:
        print(f"\n{method} on {name}: {found['method']:.3f} x its bare passes, the whole task {found['task']:.3f} x")
    benchmark.pedantic(alone, args=(network,), rounds=1)


def test_deletion_against_the_loop_of_quantus(benchmark: Any) -> None:
    quantus = pytest.importorskip("quantus", reason="quantus is not installed")
    if not benchmark.enabled:
        pytest.skip("timed only")
    network, images = digit_cnn()
    inputs = torch.as_tensor(images)
    classes = network(inputs).argmax(1)
    maps = torch.rand(len(images), 64, generator=torch.Generator().manual_seed(0))
    flipping = quantus.PixelFlipping(features_in_step=4, normalise=False, perturb_baseline=0.0, disable_warnings=True)

    def theirs() -> Any:
        given = {"x_batch": images, "y_batch": classes.numpy(), "a_batch": maps.reshape(images.shape).numpy()}
        return flipping(model=network, **given, device="cpu", softmax=True, channel_first=True)

    @torch.no_grad()
    def ours() -> Any:
        places = ranks(maps, torch.rand(maps.shape))
        return removal_areas(network, inputs, torch.zeros_like(inputs), classes, places, 16)

    times = benchmark.extra_info["throughput"] = 1 / ratio(ours, theirs, pairs=5)
    print(f"\ndeletion and insertion, 16 points each: {times:.1f} x the throughput of Quantus' deletion alone")
    benchmark.pedantic(ours, rounds=3)


def test_sensitivity_against_the_loop_of_quantus(benchmark: Any) -> None:
    quantus = pytest.importorskip("quantus", reason="quantus is not installed")
    if not benchmark.enabled:
        pytest.skip("timed only")
    network, images = digit_cnn()
    images = images[:64]
    inputs = torch.as_tensor(images)
    classes = network(inputs).argmax(1)
    ids = [str(i) for i in range(len(images))]
    data = Examples(ids, {"inputs": images, "labels": classes.numpy()}, facts={"classes": list("0123456789")})

    def explain(model: nn.Module, inputs: Any, targets: Any, **_: Any) -> Any:
        batch = ExplainedInputs(ids, torch.as_tensor(inputs), torch.as_tensor(targets))
        return Gradient().attribute(model, batch, Context()).numpy()

    metric = quantus.MaxSensitivity(nr_samples=8, lower_bound=0.02, normalise=False, disable_warnings=True)

    def theirs() -> Any:
        given = {"x_batch": images, "y_batch": classes.numpy(), "explain_func": explain}
        return metric(model=network, **given, device="cpu", channel_first=True)

    def ours() -> Any:
        task = Explain(baselines=("zero",), steps=1, parts=0, neighbours=8, randomised="none")
        return task.run(network, data, Gradient(), Context())

    times = benchmark.extra_info["throughput"] = 1 / ratio(ours, theirs, pairs=5)
    print(f"\nsensitivity by 8 neighbours: {times:.1f} x the throughput of Quantus")
    benchmark.pedantic(ours, rounds=3)
