"""Published image sets from their original files: MNIST and Fashion-MNIST (idx), CIFAR-10 (binary batches)."""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from harness.api import Examples, Location, MissingData, PinnedFile, Uncounted, data_folder, read_pinned

Split = Literal["train", "test"]
Download = Annotated[bool, Uncounted()]

_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_IMAGES, _LABELS = "{}-images-idx3-ubyte.gz", "{}-labels-idx1-ubyte.gz"
_PREFIX = {"train": "train", "test": "t10k"}

# Per split, images and labels: digests of the published .gz, then of its content.
_MNIST_SHA256 = {
    "train": (
        (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
    ),
    "test": (
        (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
}
_FASHION_SHA256 = {
    "train": (
        ("3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",),
        ("a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",),
    ),
    "test": (
        ("346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",),
        ("67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",),
    ),
}
_FASHION_CLASSES = ["T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"]

_CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
_CIFAR10_ARCHIVE = PinnedFile(
    "cifar-10-binary.tar.gz", _CIFAR10_URL, ("c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",)
)
_CIFAR10_FOLDER = "cifar-10-batches-bin"
_CIFAR10_SHA256 = {
    "train": (
        ("data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
        ("data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
        ("data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
        ("data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
        ("data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
    ),
    "test": (("test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),),
}
_CIFAR10_ARRAYS = "cifar10_test_official_order.npz"
_CIFAR10_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def mnist(split: Split = "test", folder: Location | None = None, download: Download = True) -> Examples:
    """MNIST handwritten digits (LeCun 1998): 28x28 grey images in [0, 1], 60,000 for training, 10,000 for tests.

    Args:
        split: the part, in the original order.
        folder: where the idx files lie, packed or not; by default $HARNESS_DATA/robustness/mnist, else a cache.
        download: fetch them if they are not there.
    """
    return _idx_set("mnist", _MNIST, _MNIST_SHA256[split], split, folder, download, [str(i) for i in range(10)])


def fashion_mnist(split: Split = "test", folder: Location | None = None, download: Download = True) -> Examples:
    """Fashion-MNIST (Xiao 2017): 28x28 grey images of clothes in [0, 1], 60,000 for training, 10,000 for tests.

    Args:
        split: the part, in the original order.
        folder: the folder where the .gz idx files lie; by default the user's cache.
        download: fetch them if they are not there.
    """
    return _idx_set("fashion-mnist", _FASHION, _FASHION_SHA256[split], split, folder, download, _FASHION_CLASSES)


def cifar10(split: Split = "test", folder: Location | None = None, download: Download = True) -> Examples:
    """CIFAR-10 (Krizhevsky 2009): 32x32 colour images in [0, 1], 50,000 for training, 10,000 for tests.

    Args:
        split: the part, in the original order.
        folder: where cifar-10-batches-bin/, cifar-10-binary.tar.gz or, for the test set, the arrays x and y in
            cifar10_test_official_order.npz lie; by default $HARNESS_DATA/robustness/cifar10, else the user's cache.
        download: fetch the archive (170 MB) if it is not there.
    """
    holding = (_CIFAR10_FOLDER, _CIFAR10_ARCHIVE.name, *([_CIFAR10_ARRAYS] if split == "test" else []))
    source = data_folder("cifar-10", "robustness/cifar10", holding, folder)
    raw = b"".join(_cifar10_files(split, source, download))
    rows = np.frombuffer(raw, np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    return _examples(f"cifar10-{split}", rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0], _CIFAR10_CLASSES)


def read_idx(content: bytes, name: str) -> npt.NDArray[np.uint8]:
    """An array from the idx format (LeCun 1998): unsigned bytes with up to three dimensions.

    Raises:
        MissingData: the header or the length is wrong.
    """
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise MissingData(f"{name} is not an idx file of unsigned bytes")
    dimensions = content[3]
    shape = struct.unpack(f">{dimensions}I", content[4 : 4 + 4 * dimensions])
    body = np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions)
    if body.size != int(np.prod(shape)):
        raise MissingData(f"{name} holds {body.size} bytes, its header says {'x'.join(map(str, shape))}")
    return body.reshape(shape)


def _idx_set(
    name: str,
    url: str,
    digests: Sequence[Sequence[str]],
    split: str,
    folder: Path | None,
    download: bool,
    classes: list[str],
) -> Examples:
    source = data_folder(name, f"robustness/{name}", (_IMAGES.format(_PREFIX[split]),), folder)
    arrays = []
    for pattern, accepted in zip((_IMAGES, _LABELS), digests, strict=True):
        file = pattern.format(_PREFIX[split])
        arrays.append(read_idx(read_pinned(PinnedFile(file, url + file, accepted), source, download=download), file))
    return _examples(f"{name}-{split}", arrays[0][:, None], arrays[1], classes)


def _cifar10_files(split: str, folder: Path, download: bool) -> list[bytes]:
    wanted = _CIFAR10_SHA256[split]
    for below in (folder / _CIFAR10_FOLDER, folder):
        if (below / wanted[0][0]).is_file():
            return [read_pinned(PinnedFile(name, _CIFAR10_URL, (sha,)), below, download=False) for name, sha in wanted]
    if split == "test" and (folder / _CIFAR10_ARRAYS).is_file():
        return [_batch_of_arrays(folder / _CIFAR10_ARRAYS)]
    # read_pinned has unpacked the gzip layer; what is left is a tar archive.
    archive = read_pinned(_CIFAR10_ARCHIVE, folder, download=download)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = [tar.extractfile(f"{_CIFAR10_FOLDER}/{name}") for name, _ in wanted]
        return [member.read() for member in members if member is not None]


def _batch_of_arrays(path: Path) -> bytes:
    """Rebuild the official test batch, byte for byte, from arrays `x` [n, 32, 32, 3] and `y` [n]."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images, labels = arrays["x"].transpose(0, 3, 1, 2), arrays["y"].astype(np.uint8)
        batch = np.concatenate([labels[:, None], images.reshape(len(labels), -1)], axis=1).tobytes()
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise MissingData(f"{path} cannot be read as arrays x and y: {error}") from error
    ((name, expected),) = _CIFAR10_SHA256["test"]
    found = hashlib.sha256(batch).hexdigest()
    if found != expected:
        raise MissingData(f"{path} makes a {name} with sha256 {found}, expected {expected}; it is another set or order")
    return batch


def _examples(name: str, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8], classes: list[str]) -> Examples:
    return Examples(
        ids=[f"{name}-{i:05d}" for i in range(len(images))],
        columns={"inputs": images.astype(np.float32) / 255.0, "labels": labels.astype(np.int64)},
        facts={"classes": classes, "box": [0.0, 1.0], "levels": 256},
    )
