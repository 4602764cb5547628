"""From the bytes of an image file to an array; what would change the picture happens by declaration only."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

Mode = Literal["rgb", "grey"]
Fit = Literal["crop", "stretch"]
Orientation = Literal["upright", "as_stored"]
Background = Literal["white", "black"]
Pixels = npt.NDArray[np.float32]

_GREY, _DEEP = ("1", "L"), ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")
_CONVERTED = ("P", "PA", "RGBA", "LA", "CMYK", "YCbCr")
_CHANNELS = {"rgb": 3, "grey": 1}
_EXIF_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)


class Damaged(Exception):
    """The bytes are no image that can be read whole."""


class Undeclared(Exception):
    """The image must be changed to fit, and nothing says how."""


@dataclass(frozen=True)
class Conversion:
    """How images become arrays of one kind.

    Attributes:
        mode: the colours; None takes grey and RGB images as they are and nothing else.
        size: height and width; None takes images as they are.
        fit: what is done about other proportions: the middle is cut out, or the image is stretched.
        orientation: whether a rotation that EXIF asks for is made or ignored.
        background: what shows through transparent pixels.
        white: the stored value that is white, of images of more than 8 bits or of fractions.
    """

    mode: Mode | None = None
    size: tuple[int, int] | None = None
    fit: Fit = "crop"
    orientation: Orientation | None = None
    background: Background | None = None
    white: float | None = None

    def shape_of(self, content: bytes) -> tuple[int, int, int]:
        """Channels, height and width of the array, from the head of the file. Raises Damaged or Undeclared."""
        with _opened(content) as image:
            mode = self._mode(image)
            width, height = image.size
            if self._orientation(image) in _TURNED:
                width, height = height, width
            return _CHANNELS[mode], *(self.size or (height, width))

    def pixels_of(self, content: bytes) -> Pixels:
        """The image, float32 `[channels, height, width]` in [0, 1]. Raises Damaged or Undeclared."""
        from PIL import ImageOps

        with _opened(content) as image:
            mode = self._mode(image)
            image.load()
            upright = ImageOps.exif_transpose(image) if self._orientation(image) != 1 else image
            scaled = self._resized(self._coloured(upright, mode))
            stored, white = np.asarray(scaled), 255.0
            if image.mode in _DEEP:
                white = self._checked_white(stored)
        channels = stored[None] if stored.ndim == 2 else stored.transpose(2, 0, 1)
        pixels = np.empty((_CHANNELS[mode], *channels.shape[1:]), np.float32)
        np.divide(channels, np.float32(white), out=pixels, dtype=np.float32)
        return pixels

    def _mode(self, image: Image) -> Mode:
        """The colours that the image gets. Raises Undeclared."""
        if (bits := _lost_bits(image)) is not None:
            raise Undeclared(f"holds {bits} bits a channel in colour, of which only 8 can be read; save it with 8 bits")
        if image.mode in _DEEP and self.white is None:
            raise Undeclared(
                f"holds more than 8 bits or fractions ({image.mode}); say which value is white, such as `white: 65535`"
            )
        if getattr(image, "n_frames", 1) > 1:
            raise Undeclared(f"holds {image.n_frames} pictures; save one of them")  # type: ignore[attr-defined]
        if image.mode not in (*_GREY, *_DEEP, "RGB", *_CONVERTED):
            raise Undeclared(f"is a {image.mode} image; save it as grey or RGB")
        if _has_alpha(image) and self.background is None and _is_transparent(image):
            raise Undeclared("has transparent pixels; say what shows through with `background: white` or black")
        own: Mode = "grey" if image.mode in (*_GREY, *_DEEP) else "rgb"
        if self.mode is None and (image.mode in _CONVERTED or _has_alpha(image)):
            raise Undeclared(f"is a {image.mode} image; say `mode: rgb` or `mode: grey`")
        return self.mode or own

    def _orientation(self, image: Image) -> int:
        """The rotation to be made, as EXIF counts it; 1 for none. Raises Undeclared."""
        # Of a PNG without EXIF in its head Pillow would read all pixels, to look behind them.
        has_exif = image.format != "PNG" or "exif" in image.info
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1) if has_exif else 1
        if orientation not in range(2, 9) or self.orientation == "as_stored":
            return 1
        if self.orientation is None:
            raise Undeclared(
                "is stored rotated (EXIF); say `orientation: upright` to turn it as viewers do, or `as_stored`"
            )
        return int(orientation)

    def _coloured(self, image: Image, mode: Mode) -> Image:
        from PIL.Image import alpha_composite, new

        if image.mode in _DEEP:
            return image.convert("F")
        if _has_alpha(image):
            behind = new("RGBA", image.size, self.background or "black")
            image = alpha_composite(behind, image.convert("RGBA"))
        return image.convert("RGB" if mode == "rgb" else "L")

    def _resized(self, image: Image) -> Image:
        from PIL import ImageOps
        from PIL.Image import Resampling

        if self.size is None or image.size == self.size[::-1]:
            return image
        bilinear = Resampling.BILINEAR
        if self.fit == "stretch":
            return image.resize(self.size[::-1], bilinear)
        return ImageOps.fit(image, self.size[::-1], bilinear)

    def _checked_white(self, stored: npt.NDArray[Any]) -> float:
        """The value that is white. Raises Undeclared where there are values beyond it."""
        white, low, high = self.white or 1.0, float(stored.min()), float(stored.max())
        if not (low >= 0 and high <= white):
            raise Undeclared(f"holds values from {low:g} to {high:g}, beyond black at 0 and `white: {white:g}`")
        return white


@contextmanager
def _opened(content: bytes) -> Iterator[Image]:
    """The image in a file; whatever goes wrong inside while it is read makes it damaged."""
    import PIL.Image

    errors = (OSError, SyntaxError, ValueError, EOFError, OverflowError, struct.error, zlib.error)
    try:
        with PIL.Image.open(io.BytesIO(content)) as image:
            _check_size(image)
            yield image
    except PIL.UnidentifiedImageError:
        raise Damaged("is empty" if not content else "is no image") from None
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        raise Damaged(f"is too large: {error}") from None
    except errors as error:
        raise Damaged(f"cannot be read whole: {error}") from None


def _check_size(image: Image) -> None:
    """Raise Damaged where Pillow only warns; that its warnings are errors could not be said in one thread alone."""
    import PIL.Image

    pixels, most = image.width * image.height, PIL.Image.MAX_IMAGE_PIXELS
    if most is not None and pixels > most:
        raise Damaged(f"is too large: {pixels} pixels, above the limit of {most}")


def _lost_bits(image: Image) -> int | None:
    """The bits of a channel that Pillow would cut to 8; None if it reads all of them."""
    tiles: Any = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    raw = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return 16 if image.mode not in _DEEP and ";16" in str(raw) else None


def _has_alpha(image: Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def _is_transparent(image: Image) -> bool:
    return image.convert("RGBA").getchannel("A").getextrema() != (255, 255)
