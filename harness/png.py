"""Arrays as small PNG pictures, and pictures as data URIs, so that a page needs no other file."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""`[height, width]` for grey or `[height, width, 3]` for colours."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB = 0, 2


def pixels(image: npt.NDArray[Any], low: float, high: float) -> Pixels:
    """A picture `[channels, height, width]` with values in the box [low, high], black to white."""
    scaled = np.rint((image.astype(np.float64) - low) / (high - low) * 255).clip(0, 255).astype(np.uint8)
    return scaled[0] if len(scaled) == 1 else np.ascontiguousarray(scaled.transpose(1, 2, 0))


def png(picture: Pixels) -> bytes:
    """A picture as a PNG file of 8 bits per channel (ISO/IEC 15948), every line unfiltered."""
    height, width = picture.shape[:2]
    colour = _GREY if picture.ndim == 2 else _RGB
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    lines = b"".join(b"\0" + line.tobytes() for line in picture)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def data_uri(content: bytes) -> str:
    """A PNG file as the text that stands for it in `src`."""
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")


def read_png(path: Path) -> bytes | None:
    """The content of a PNG file; None if it cannot be read or is something else."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return content if content.startswith(SIGNATURE) else None
