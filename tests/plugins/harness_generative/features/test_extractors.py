"""Extractors that bring no outside weights: what they compute, and that nothing but their parameters moves them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from harness.api import Context, Dataset, Examples, HarnessError
from harness_generative.features.extractors import DigitFeatures, PixelPCA, RandomConv
from harness_vision.digits import digits


def split(name: str) -> Dataset:
    return digits(name)  # type: ignore[arg-type]


def images(name: str = "test") -> Tensor:
    return torch.as_tensor(digits(name).columns["inputs"])  # type: ignore[arg-type]


def fitted(model: nn.Module, seed: int = 0) -> nn.Module:
    model.fit(split, Context(seed=seed))  # type: ignore[operator]
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def trained() -> nn.Module:
    return fitted(DigitFeatures())


MAKERS: list[Callable[[], nn.Module]] = [
    lambda: fitted(DigitFeatures(epochs=1)),
    lambda: fitted(PixelPCA()),
    RandomConv,
]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("batch", [1, 7, 64])
def test_features_do_not_depend_on_the_batch(make: Callable[[], nn.Module], batch: int) -> None:
    extractor, inputs = make(), images()[:130]
    whole = extractor(inputs)
    assert whole.dtype == torch.float32
    assert torch.equal(whole, torch.cat([extractor(part) for part in inputs.split(batch)]))
    extractor.train()
    assert torch.equal(whole, extractor(inputs)), "training mode changes nothing"


@pytest.mark.parametrize("make", MAKERS)
def test_no_images_have_no_features(make: Callable[[], nn.Module]) -> None:
    features = make()(images()[:0])
    assert features.shape[0] == 0
    assert features.dim() == 2


def test_pca_agrees_with_scikit_learn() -> None:
    train, test = (images(name).flatten(1).double().numpy() for name in ("train", "test"))
    reference = PCA(20, svd_solver="full").fit(train)
    ours = fitted(PixelPCA(20))
    theirs = reference.transform(test)
    signs = np.sign((ours(images()).numpy() * theirs).sum(0))
    assert np.abs(ours(images()).numpy() - signs * theirs).max() < 1e-5
    components = ours.components.numpy()  # type: ignore[union-attr,operator]
    largest = np.abs(components).argmax(1)
    assert (components[np.arange(20), largest] > 0).all()


def test_pca_of_points_on_a_line() -> None:
    """Two pixels that are always equal: the first component is their mean direction, the distances are kept."""
    values = np.array([0.0, 0.25, 0.75, 1.0], np.float32)
    data = Examples(list("abcd"), {"inputs": np.stack([values, values], 1).reshape(4, 1, 1, 2)})
    pca = PixelPCA(1)
    pca.fit(lambda _: data, Context())
    expected = (values - 0.5) * np.sqrt(2)
    assert np.allclose(pca(torch.as_tensor(data.columns["inputs"]))[:, 0].numpy(), expected, atol=1e-7)


def test_pca_is_loaded_into_one_that_has_seen_no_data() -> None:
    first, fresh = fitted(PixelPCA(5)), PixelPCA(5)
    fresh.load_state_dict(first.state_dict())
    assert torch.equal(first(images()), fresh(images()))


def test_pca_says_what_does_not_fit() -> None:
    with pytest.raises(HarnessError, match=r"at most 64 principal components; lower `dimensions` \(65\)"):
        PixelPCA(65).fit(split, Context())
    with pytest.raises(HarnessError, match="fitted to images of 64 values and was given some of 16"):
        fitted(PixelPCA(2))(torch.zeros(1, 1, 4, 4))


def test_digit_features_tell_digits_apart(trained: nn.Module) -> None:
    """A linear classifier on the features of the training split gets the test split right."""
    features = {name: trained(images(name)).numpy() for name in ("train", "test")}
    assert features["test"].shape == (360, 64)
    judge = LogisticRegression(max_iter=2000).fit(features["train"], digits("train").columns["labels"])
    assert judge.score(features["test"], digits("test").columns["labels"]) >= 0.975
    assert np.linalg.matrix_rank(np.cov(features["train"].T)) == 64, "no feature is dead"


def test_digit_features_have_mean_variance_one_on_their_training_split(trained: nn.Module) -> None:
    assert trained(images("train")).double().var(0).mean() == pytest.approx(1.0, abs=1e-5)


def test_digit_features_see_the_training_split_only() -> None:
    asked = []

    def data(name: str) -> Dataset:
        asked.append(name)
        return split(name)

    DigitFeatures(epochs=1).fit(data, Context())
    assert set(asked) == {"train"}


def test_an_instrument_does_not_depend_on_the_seed_of_the_cell() -> None:
    def weights(cell: int, own: int) -> dict[str, Tensor]:
        torch.manual_seed(cell)
        return dict(fitted(DigitFeatures(epochs=1, seed=own), cell).state_dict())

    first, second, other = weights(0, 0), weights(5, 0), weights(0, 1)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_random_weights_depend_on_their_own_seed_only() -> None:
    torch.manual_seed(0)
    first = RandomConv()
    torch.manual_seed(1)
    second, other = RandomConv(), RandomConv(seed=1)
    inputs = images()[:4]
    assert torch.equal(first(inputs), second(inputs))
    assert not torch.equal(first(inputs), other(inputs))
    assert {name: tuple(value.shape) for name, value in first.state_dict().items()} == {
        "stage_0": (32, 3, 3, 3),
        "stage_1": (64, 32, 3, 3),
        "stage_2": (64, 64, 3, 3),
        "projection": (64, 256),
    }, "every weight is in the state, which identifies the extractor"


def test_random_conv_against_scipy() -> None:
    """The documented network, written out with another library's correlation."""
    extractor = RandomConv(width=2, dimensions=5, channels=1, seed=3)
    state = {name: value.double().numpy() for name, value in extractor.state_dict().items()}
    image = images()[0].double().numpy()
    x = 2 * image - 1
    for i in range(3):
        kernels = state[f"stage_{i}"]
        x = np.stack(
            [
                sum(correlate2d(a, k, mode="same") for a, k in zip(x, kernel, strict=True))  # type: ignore[misc]
                for kernel in kernels
            ]
        )
        x = np.where(x > 0, x, 0.2 * x)
        if i < 2:
            x = x.reshape(len(x), x.shape[1] // 2, 2, -1, 2).mean((2, 4))
    assert x.shape == (4, 2, 2), "a 2x2 grid, which needs no further mean"
    assert np.allclose(extractor(images()[:1])[0].numpy(), state["projection"] @ x.reshape(-1), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 4, 4), (1, 8, 8), (3, 33, 17), (1, 64, 48)])
def test_random_conv_takes_any_size(shape: tuple[int, ...]) -> None:
    inputs = torch.rand(3, *shape, generator=torch.Generator().manual_seed(0))
    features = RandomConv(dimensions=7)(inputs)
    assert features.shape == (3, 7)
    assert features.std(0).min() > 0


def test_random_conv_says_what_it_cannot_take() -> None:
    with pytest.raises(HarnessError, match="1 or 3 channels and at least 4x4 pixels, not 4x8x8"):
        RandomConv()(torch.zeros(1, 4, 8, 8))
    with pytest.raises(HarnessError, match="not 1x3x8"):
        RandomConv()(torch.zeros(1, 1, 3, 8))
