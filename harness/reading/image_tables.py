"""Encoded images in a column of a table, as bytes or as the Hugging Face hub has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.contract.errors import InvalidOutput
from harness.reading.image_decoding import Conversion, Damaged, Undeclared
from harness.reading.image_resizing import Pixels
from harness.reading.table import Table

_JPEG = b"\xff\xd8\xff"


@dataclass(frozen=True)
class TableImages:
    """Encoded images of a table, each decoded when it is asked for.

    Attributes:
        table: that they stand in.
        column: their bytes.
        conversion: what is done to each.
        shape: channels, height and width of each.
    """

    table: Table
    column: Any
    conversion: Conversion
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, table: Table, name: str, conversion: Conversion) -> TableImages:
        """The images of a column, each looked at. Raises InvalidOutput with the row."""
        import pyarrow as pa

        column = table.column(name, "images")
        if pa.types.is_struct(column.type) and column.type.get_field_index("bytes") >= 0:
            column = pa.chunked_array([chunk.field("bytes") for chunk in column.chunks])
        if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
            raise InvalidOutput(f"{table.name}: {name!r} holds {column.type}; encoded images as bytes are needed")
        first: tuple[int, int, int] | None = None
        for row, cell in enumerate(column):
            try:
                shape = conversion.shape_of(cell.as_py() or b"")
            except (Damaged, Undeclared) as error:
                table.refuse(row, f"the image {error}")
            first = first or shape
            if shape != first:
                sizes = " and ".join("x".join(map(str, one)) for one in (first, shape))
                table.refuse(row, f"images are {sizes} (channels, height, width); say `size:` and `mode:` of all")
        assert first is not None  # a table has rows
        return cls(table, column, conversion, first)

    def __len__(self) -> int:
        return self.table.n

    @property
    def white(self) -> float:
        """The stored value that is white."""
        return self.conversion.white or 255.0

    def content(self, row: int) -> bytes:
        """The file of an image."""
        content: bytes = self.column[row].as_py()
        return content

    def is_lossy(self, row: int) -> bool:
        """Whether an image was stored with loss, as JPEG does."""
        return self.content(row).startswith(_JPEG)

    def pixels(self, row: int) -> Pixels:
        """An image, float32 `[C, H, W]` in [0, 1]. Raises InvalidOutput with the row."""
        try:
            return self.conversion.pixels_of(self.content(row))
        except (Damaged, Undeclared) as error:
            self.table.refuse(row, f"the image {error}; take the row out")
