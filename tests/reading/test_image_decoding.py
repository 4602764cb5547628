"""Image files as arrays: colours, depth, transparency, rotation, size, and what is refused."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness.reading.image_decoding import Conversion, Damaged, Undeclared

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)
GREY = RNG.integers(0, 256, (6, 8), dtype=np.uint8)


def encoded(image: Image.Image | Any, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(content: bytes, **how: Any) -> Any:
    conversion = Conversion(**how)
    found = conversion.pixels_of(content)
    assert found.dtype == np.float32
    assert found.shape == conversion.shape_of(content)
    return found


def test_bytes_are_divided_by_255_and_channels_stand_first() -> None:
    assert np.array_equal(pixels(encoded(COLOURS)), COLOURS.transpose(2, 0, 1) / np.float32(255))
    assert np.array_equal(pixels(encoded(GREY)), GREY[None] / np.float32(255))
    assert pixels(encoded(Image.fromarray(GREY > 99))).max() == 1


def test_colours_by_declaration() -> None:
    assert np.array_equal(pixels(encoded(GREY), mode="rgb"), np.repeat(GREY[None] / np.float32(255), 3, axis=0))
    luma = COLOURS.astype(np.float64) @ [0.299, 0.587, 0.114]
    assert np.abs(pixels(encoded(COLOURS), mode="grey")[0] * 255 - luma).max() <= 1
    palette = Image.fromarray(COLOURS).quantize(8)
    assert np.array_equal(pixels(encoded(palette), mode="rgb"), pixels(encoded(palette.convert("RGB"))))
    assert pixels(encoded(Image.fromarray(COLOURS).convert("CMYK"), "TIFF"), mode="rgb").shape == (3, 6, 8)


@pytest.mark.parametrize("mode", ["P", "CMYK", "RGBA"])
def test_a_conversion_that_is_not_declared(mode: str) -> None:
    content = encoded(Image.fromarray(COLOURS).convert(mode), "TIFF" if mode == "CMYK" else "PNG")
    with pytest.raises(Undeclared, match=f"is a {mode} image; say `mode: rgb` or `mode: grey`"):
        Conversion().shape_of(content)


def test_transparency_needs_a_background() -> None:
    alpha = np.full((6, 8), 255, np.uint8)
    opaque = encoded(np.dstack([COLOURS, alpha]))
    assert np.array_equal(pixels(opaque, mode="rgb"), COLOURS.transpose(2, 0, 1) / np.float32(255))
    alpha[0, 0], alpha[1, 1] = 0, 102
    content = encoded(np.dstack([COLOURS, alpha]))
    with pytest.raises(Undeclared, match="transparent pixels; say what shows through with `background: white`"):
        Conversion("rgb").shape_of(content)
    found = pixels(content, mode="rgb", background="white") * 255
    assert found[:, 0, 0].tolist() == [255, 255, 255]
    assert np.abs(found[:, 1, 1] - (COLOURS[1, 1] * 0.4 + 255 * 0.6)).max() <= 1
    assert pixels(content, mode="rgb", background="black")[:, 0, 0].tolist() == [0, 0, 0]
    palette = encoded(Image.fromarray(COLOURS).quantize(8), transparency=0)
    with pytest.raises(Undeclared, match="transparent"):
        Conversion("rgb").shape_of(palette)


def test_more_than_8_bits_need_their_white() -> None:
    deep = RNG.integers(0, 4096, (6, 8), dtype=np.uint16)
    with pytest.raises(Undeclared, match=r"more than 8 bits or fractions \(I;16\); say which value is white"):
        Conversion().shape_of(encoded(deep))
    assert np.allclose(pixels(encoded(deep), white=4095.0)[0], deep / 4095)
    assert pixels(encoded(deep), white=4095.0, mode="rgb").shape == (3, 6, 8)
    fractions = encoded((deep / 4095).astype(np.float32), "TIFF")
    assert np.allclose(pixels(fractions, white=1.0)[0], deep / 4095)
    with pytest.raises(Undeclared, match=r"holds values from .*, beyond black at 0 and `white: 255`"):
        Conversion(white=255.0).pixels_of(encoded(deep))
    with pytest.raises(Undeclared, match="from -1 to"):
        Conversion(white=1.0).pixels_of(encoded(np.full((2, 2), -1, np.float32), "TIFF"))


def test_colour_of_16_bits_is_not_cut_to_8() -> None:
    """Pillow opens it as RGB and keeps the upper byte of each value."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + struct.pack(">6H", *range(6)) for _ in range(2))
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0))
    content += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    assert Image.open(io.BytesIO(content)).mode == "RGB"
    with pytest.raises(Undeclared, match="16 bits a channel in colour, of which only 8 can be read"):
        Conversion("rgb", white=65535.0).shape_of(content)


def test_a_rotation_of_exif() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(COLOURS, exif=exif)
    with pytest.raises(Undeclared, match=r"stored rotated \(EXIF\); say `orientation: upright`"):
        Conversion().shape_of(content)
    stored = COLOURS.transpose(2, 0, 1) / np.float32(255)
    assert np.array_equal(pixels(content, orientation="as_stored"), stored)
    # Orientation 6: turned by a quarter clockwise to be upright.
    assert np.array_equal(pixels(content, orientation="upright"), np.rot90(stored, -1, axes=(1, 2)))


def test_a_declared_size() -> None:
    block = np.zeros((4, 8), np.uint8)
    block[:, 2:6] = 255
    cut = pixels(encoded(block), size=(4, 4))
    assert cut.min() == 1
    stretched = pixels(encoded(block), size=(4, 4), fit="stretch")
    assert stretched[0, 0, 0] < 0.5 < stretched[0, 0, 1]
    checker = (np.indices((64, 64)).sum(axis=0) % 2).astype(np.uint8) * np.uint8(255)
    assert np.allclose(pixels(encoded(checker), size=(8, 8)), 0.5, atol=0.01)
    deep = np.full((4, 8), 1000, np.uint16)
    assert np.allclose(pixels(encoded(deep), size=(2, 2), white=4000.0), 0.25)


JPEG = encoded(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8), "JPEG")
PNG = encoded(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"<html>not found</html>", "is no image"),
        (JPEG[:700], "cannot be read whole"),
        (PNG[:3000], "cannot be read whole"),
        (PNG[:2000] + bytes([PNG[2000] ^ 255]) + PNG[2001:], "cannot be read whole"),
        (PNG[:40], "cannot be read whole|is no image"),
    ],
)
def test_damaged_files(content: bytes, problem: str) -> None:
    with pytest.raises(Damaged, match=problem):
        Conversion().pixels_of(content)


def test_a_picture_that_moves() -> None:
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    with pytest.raises(Undeclared, match="holds 2 pictures; save one of them"):
        Conversion("grey").shape_of(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))


def test_a_decompression_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(Damaged, match="is too large"):
        Conversion().shape_of(PNG)
