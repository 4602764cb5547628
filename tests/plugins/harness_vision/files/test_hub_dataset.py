"""Data sets of the Hugging Face libraries: what they wrote, on disk and behind an endpoint, and what is refused."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from harness.api import HarnessError, InvalidOutput, MissingData
from harness.testing import run_suite
from harness_vision.files.hub_dataset import hub_dataset

N = 20
BYTES = np.random.default_rng(0).integers(0, 256, (N, 8, 8, 3), dtype=np.uint8)
NAMES = ["cat", "dog"]
IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
FEATURES = {
    "image": {"_type": "Image"},
    "label": {"names": NAMES, "_type": "ClassLabel"},
    "sex": {"dtype": "string", "_type": "Value"},
}


def png(image: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def rows(start: int = 0, stop: int = N) -> Any:
    chosen = range(start, stop)
    return pa.table(
        {
            "image": [{"bytes": png(BYTES[i]), "path": None} for i in chosen],
            "label": [i % 2 for i in chosen],
            "sex": ["f" if i % 3 else "m" for i in chosen],
        }
    )


def saved_to_disk(folder: Path, table: Any, features: Any = FEATURES, shards: int = 2) -> Path:
    """As `save_to_disk` of the library writes a part: streams of Arrow, and two files about them."""
    folder.mkdir(parents=True)
    names = [f"data-{i:05d}-of-{shards:05d}.arrow" for i in range(shards)]
    length = -(-table.num_rows // shards)
    for i, name in enumerate(names):
        with pa.OSFile(str(folder / name), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table.slice(i * length, length))
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
    return folder


def parquet(folder: Path, table: Any, part: str = "train") -> Path:
    told = json.dumps({"info": {"features": FEATURES}})
    (folder / "data").mkdir(parents=True, exist_ok=True)
    file = folder / "data" / f"{part}-00000-of-00001.parquet"
    pq.write_table(table.replace_schema_metadata({"huggingface": told}), file)
    return folder


def check(data: Any, n: int = N) -> None:
    assert len(data.ids) == n
    assert data.facts["classes"] == NAMES
    taken = data.take(range(n))
    for name, image, label in zip(data.ids, taken["inputs"], taken["labels"].tolist(), strict=True):
        row = int(name.removeprefix("row-"))
        assert np.array_equal(image, BYTES[row].transpose(2, 0, 1) / np.float32(255))
        assert label == row % 2


def test_what_groups_hold_is_declared(tmp_path: Path) -> None:
    told = rows().append_column("country", pa.array(["NA", "DE"] * (N // 2)))
    folder = saved_to_disk(tmp_path / "set", told)
    with pytest.raises(InvalidOutput, match="'NA'"):
        hub_dataset(folder, groups=["country"])
    data = hub_dataset(folder, groups=["country"], values={"country": "text"})
    assert [group == "NA" for group in data.groups["country"]] == [int(name[4:]) % 2 == 0 for name in data.ids]
    numbers = hub_dataset(folder, features=["label"], groups=["country"], values={"country": ["NA", "DE"]})
    assert set(numbers.groups["country"]) == {"NA", "DE"}


def test_images_saved_on_disk(tmp_path: Path) -> None:
    data = hub_dataset(saved_to_disk(tmp_path / "set", rows()), groups=["sex"])
    check(data)
    assert [group == "m" for group in data.groups["sex"]] == [int(name[4:]) % 3 == 0 for name in data.ids]
    small: Any = hub_dataset(tmp_path / "set", size=[4, 4], resize="clean_fid")
    assert small.take([0])["inputs"].shape == (1, 3, 4, 4)
    parts = [hub_dataset(tmp_path / "set", split=part).ids for part in ("train", "validation", "test")]  # type: ignore[arg-type]
    assert sorted(name for part in parts for name in part) == sorted(data.ids)


def test_parts_of_a_saved_set(tmp_path: Path) -> None:
    saved_to_disk(tmp_path / "train", rows())
    saved_to_disk(tmp_path / "test", rows(0, 6), shards=1)
    (tmp_path / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    check(hub_dataset(tmp_path, part="test"), 6)
    with pytest.raises(InvalidOutput, match="holds several parts; say `part:`, which may be train, test"):
        hub_dataset(tmp_path)
    with pytest.raises(InvalidOutput, match="holds no part 'dev'; say `part:`, which may be train, test"):
        hub_dataset(tmp_path, part="dev")
    with pytest.raises(InvalidOutput, match="train is one part of a data set; leave `part:` out"):
        hub_dataset(tmp_path / "train", part="train")


def test_a_folder_of_parquet_files(tmp_path: Path) -> None:
    parquet(tmp_path, rows())
    check(hub_dataset(tmp_path))
    parquet(tmp_path, rows(0, 4), "test")
    check(hub_dataset(tmp_path, part="test"), 4)
    (tmp_path / "converted" / "default" / "train").mkdir(parents=True)
    pq.write_table(rows(), tmp_path / "converted" / "default" / "train" / "0000.parquet")
    assert len(hub_dataset(tmp_path / "converted", part="train").ids) == N


def test_as_the_library_writes_them(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=NAMES)})
    whole = datasets.Dataset.from_dict({"text": [f"text {i}" for i in range(N)], "label": [i % 2 for i in range(N)]})
    whole = whole.cast(features)
    whole.select([3, 1, 2]).save_to_disk(str(tmp_path / "some"))
    datasets.DatasetDict({"train": whole, "test": whole.select(range(4))}).save_to_disk(str(tmp_path / "all"))
    whole.to_parquet(str(tmp_path / "parquet" / "train-00000-of-00001.parquet"))
    for folder, part, n in (("some", None, 3), ("all", "train", N), ("parquet", None, N)):
        data = hub_dataset(tmp_path / folder, part=part)
        taken = data.take(range(n))
        assert data.facts["classes"] == NAMES
        assert [int(text.removeprefix("text ")) % 2 for text in taken["texts"]] == taken["labels"].tolist()
        assert len(data.ids) == n


def test_texts_and_tables(tmp_path: Path) -> None:
    table = pa.table(
        {"text": [f"line {i}" for i in range(6)], "x": np.arange(6.0), "y": [1, 2, 3, 4, 5, 6], "label": list("abcabc")}
    )
    saved_to_disk(tmp_path / "set", table, {}, 1)
    texts = hub_dataset(tmp_path / "set", groups=["label"])
    assert texts.facts["classes"] == ["a", "b", "c"]
    assert sorted(texts.take(range(6))["texts"]) == [f"line {i}" for i in range(6)]
    numbers = hub_dataset(tmp_path / "set", features=["x", "y"])
    taken = numbers.take(range(6))
    rows_of = [int(name.removeprefix("row-")) for name in numbers.ids]
    assert taken["inputs"].tolist() == [[row, row + 1] for row in rows_of]
    assert taken["labels"].tolist() == [row % 3 for row in rows_of]
    with pytest.raises(InvalidOutput, match=r"no column 'z' for features"):
        hub_dataset(tmp_path / "set", features=["z"])


def test_examples_of_the_training_part_are_refused_left_out_or_kept(tmp_path: Path) -> None:
    """Images by their pixels, though they are stored otherwise; without labels in the training set."""
    saved_to_disk(tmp_path / "pets" / "test", rows(), shards=1)
    stored = io.BytesIO()
    Image.fromarray(BYTES[3]).save(stored, "PNG", compress_level=1)
    seen = pa.table(
        {"image": [{"bytes": content, "path": None} for content in (stored.getvalue(), png(BYTES[8] // 2))]}
    )
    saved_to_disk(tmp_path / "pets" / "train", seen, {}, 1)
    (tmp_path / "pets" / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    how: dict[str, Any] = {"folder": tmp_path / "pets", "part": "test", "train_part": "train"}
    with pytest.raises(
        InvalidOutput,
        match=r"1 of 20 examples of pets \(test\) are in pets \(train\) too, such as row-0000003, which is row-0000000",
    ):
        hub_dataset(**how)
    left = hub_dataset(**how, overlap="leave_out")
    check(left, N - 1)
    assert "row-0000003" not in left.ids
    assert left.facts["overlap"] == hub_dataset(**how, overlap="keep").facts["overlap"] == 1


@pytest.mark.parametrize(("how", "n"), [({"text": "text"}, 2), ({"features": ["x"]}, 1)])
def test_texts_and_numbers_of_another_training_set(tmp_path: Path, how: Any, n: int) -> None:
    one = saved_to_disk(tmp_path / "one", pa.table({"text": list("abcd"), "x": [0.1, 1.0, 2.0, 3.0]}), {}, 1)
    two = saved_to_disk(tmp_path / "two", pa.table({"text": list("xbd"), "x": [5.0, 6.0, 0.1]}), {}, 1)
    with pytest.raises(InvalidOutput, match=f"{n} of 4 examples of one are in two too"):
        hub_dataset(one, train_folder=two, **how)
    left = hub_dataset(one, train_folder=two, overlap="leave_out", **how)
    assert sorted(left.ids) == {2: ["row-0000000", "row-0000002"], 1: ["row-0000001", "row-0000002", "row-0000003"]}[n]
    assert left.facts["overlap"] == n
    assert "overlap" not in hub_dataset(one, **how).facts


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="is no folder; name one that `save_to_disk` wrote"):
        hub_dataset(tmp_path / "absent")
    with pytest.raises(MissingData, match=r"holds neither dataset_dict.json or state.json"):
        hub_dataset(tmp_path)
    with pytest.raises(HarnessError, match="its folder with `folder`, or else its id with `hub`"):
        hub_dataset()
    folder = saved_to_disk(tmp_path / "set", rows())
    (folder / "data-00001-of-00002.arrow").write_bytes(b"cut")
    with pytest.raises(InvalidOutput, match=r"data-00001-of-00002.arrow cannot be read as Arrow"):
        hub_dataset(folder)
    (folder / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(MissingData, match=r"lacks data-00001-of-00002.arrow, which state.json names"):
        hub_dataset(folder)
    other = saved_to_disk(tmp_path / "other", pa.table({"words": ["a"]}), {}, 1)
    with pytest.raises(InvalidOutput, match=r"neither images nor texts under the usual names; .* of words"):
        hub_dataset(other)
    lost = pa.table({"image": pa.array([{"bytes": None, "path": "a.png"}], IMAGE)})
    with pytest.raises(InvalidOutput, match="row 1: the image is empty"):
        hub_dataset(saved_to_disk(tmp_path / "lost", lost, {}, 1))
    (folder / "state.json").write_text('{"_indices_data_files": [{"filename": "x"}]}')
    with pytest.raises(InvalidOutput, match="with an order of its own; call `flatten_indices"):
        hub_dataset(folder)


COMMIT = "0b2714987fa478483af9968de7c934580d0bb9a2"
FILE = "data/train-00000-of-00001.parquet"


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A stub of the hub on the loopback that has one data set at one commit."""
    pytest.importorskip("huggingface_hub")
    content = (parquet(tmp_path / "stub", rows()) / FILE).read_bytes()

    class Hub(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def _answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def do_GET(self) -> None:
            entry = {"type": "file", "path": FILE, "rfilename": FILE, "size": len(content), "oid": "0" * 40}
            about = {"id": "me/pets", "sha": COMMIT, "siblings": [entry]}
            if self.path.startswith(f"/api/datasets/me/pets/revision/{COMMIT}"):
                self._answer(json.dumps(about).encode(), "application/json")
            elif self.path.startswith(f"/api/datasets/me/pets/tree/{COMMIT}"):
                self._answer(json.dumps([entry]).encode(), "application/json")
            elif self.path.startswith(f"/datasets/me/pets/resolve/{COMMIT}/{FILE}"):
                self._answer(content, "application/octet-stream")
            else:
                self.send_error(404)

        def do_HEAD(self) -> None:
            self.do_GET()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("HF_ENDPOINT", address)
    yield address
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("endpoint")
def test_a_data_set_of_the_hub_at_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", _into(tmp_path / "cache"))
    check(hub_dataset(hub="me/pets", revision=COMMIT))
    # From the cache it comes without a network.
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    check(hub_dataset(hub="me/pets", revision=COMMIT, download=False))


@pytest.mark.usefixtures("endpoint")
def test_an_unknown_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", _into(tmp_path / "cache"))
    with pytest.raises(MissingData, match=r"me/pets \(revision f{40}\) is not in the cache and could not be fetched"):
        hub_dataset(hub="me/pets", revision="f" * 40)
    for moving in ("main", None, COMMIT[:7]):
        with pytest.raises(HarnessError, match="must be a commit of 40 hexadecimal digits"):
            hub_dataset(hub="me/pets", revision=moving)


def _into(cache: Path) -> Any:
    """The download of the library, into a cache of the test."""
    import huggingface_hub

    return lambda *given, real=huggingface_hub.snapshot_download, **how: real(*given, **how, cache_dir=cache)


SUITE = """suite: pets
task: {use: generate, with: {features: [random_conv]}}
data: {use: hub_dataset, with: {folder: FOLDER}, limit: 12}
models: [{use: copy_of, with: {samples: {use: hub_dataset, with: {folder: OTHER}}}}]
samplers: [one_shot]
metrics: [fid_proxy]
"""


def test_six_lines_of_a_suite(tmp_path: Path) -> None:
    one, two = (saved_to_disk(tmp_path / name, table) for name, table in (("a", rows(0, 13)), ("b", rows(8, 20))))
    suite = SUITE.replace("FOLDER", str(one)).replace("OTHER", str(two))
    (row,) = run_suite(suite, tmp_path / "results").rows
    assert row.status.is_measured, row.reason
    assert row.protocol["n_reference"] == 12
    assert row.protocol["classes"] == NAMES
