"""Writes images of a column as PNG, small or large, with NumPy and zlib alone."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from daft import DataType

# Daft's ImageMode by number (``daft-schema/src/image_mode.rs``), with the channels of each.
MODES: dict[int, tuple[str, int]] = {
    1: ("L", 1), 2: ("LA", 2), 3: ("RGB", 3), 4: ("RGBA", 4),
    5: ("L16", 1), 6: ("LA16", 2), 7: ("RGB16", 3), 8: ("RGBA16", 4),
    9: ("RGB32F", 3), 10: ("RGBA32F", 4),
}  # fmt: skip
_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}  # channels → PNG's colour type


@dataclass(frozen=True, slots=True)
class Picture:
    """An image. ``pixels``: height × width × channels, as the column has them."""

    pixels: np.ndarray[Any, Any]
    mode: str

    @property
    def words(self) -> str:
        """Return size and mode in words: ``640×480 RGB``."""
        height, width = self.pixels.shape[:2]
        return f"{width}×{height} {self.mode}"

    def png(self, longest: int) -> bytes:
        """Return this image as a PNG of at most ``longest`` pixels on the longer side."""
        return png(eight_bit(shrunk(self.pixels, longest)))


def pictures(array: Any, dtype: DataType) -> list[Picture | None]:
    """Return the images of an Arrow array of an image column (its storage); the pixels are not copied."""
    import numpy as np

    if dtype.is_fixed_shape_image():
        height, width = dtype.shape[:2]
        mode = str(dtype.image_mode).removeprefix("ImageMode.")
        channels = next(count for name, count in MODES.values() if name == mode)
        size = array.type.list_size
        flat = _samples(array.values)
        begin = array.offset * size
        return [
            Picture(flat[begin + i * size : begin + (i + 1) * size].reshape(height, width, channels), mode)
            if array[i].is_valid
            else None
            for i in range(len(array))
        ]
    data = array.field("data")
    flat = _samples(data.values)
    offsets = np.asarray(data.offsets)
    shapes = [array.field(name).to_pylist() for name in ("height", "width", "channel", "mode")]
    found: list[Picture | None] = []
    for i, (height, width, channels, mode) in enumerate(zip(*shapes, strict=True)):
        if not array[i].is_valid:
            found.append(None)
            continue
        pixels = flat[offsets[i] : offsets[i + 1]].reshape(height, width, channels)
        found.append(Picture(pixels, MODES.get(mode, ("?", channels))[0]))
    return found


def _samples(values: Any) -> np.ndarray[Any, Any]:
    """Return a flat Arrow array's numbers, not copied, also where some are marked null (those of images that are)."""
    import numpy as np

    kind = values.type.to_pandas_dtype()
    buffer = values.buffers()[1]
    if buffer is None or len(values) == 0:
        return np.zeros(0, kind)
    return np.frombuffer(buffer, kind, len(values), values.offset * np.dtype(kind).itemsize)


def shrunk(pixels: np.ndarray[Any, Any], longest: int) -> np.ndarray[Any, Any]:
    """Return fewer pixels, at most ``longest`` on the longer side; the same ones where they are no more.

    It takes every n-th pixel first, so that a large image costs no more than a small one, then averages of these.
    """
    import numpy as np

    side = max(pixels.shape[:2])
    if side <= longest:
        return pixels
    step = side // (longest * 2)
    if step > 1:
        pixels = pixels[::step, ::step]
    block = -(-max(pixels.shape[:2]) // longest)
    if block == 1:
        return pixels
    height, width, channels = pixels.shape
    rows, columns = -(-height // block), -(-width // block)
    # The last row and column of blocks are filled up with the edge.
    filled = np.pad(pixels, ((0, rows * block - height), (0, columns * block - width), (0, 0)), mode="edge")
    sums = np.zeros((rows, columns, channels), np.float32)
    for i in range(block):  # of which there are three at most, each way
        for j in range(block):
            sums += filled[i::block, j::block]
    averages: np.ndarray[Any, Any] = (sums / (block * block)).astype(pixels.dtype)
    return averages


def eight_bit(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return samples as bytes: the upper 8 of 16 bits; floats from 0 to 1 as 0 to 255."""
    import numpy as np

    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
        return (pixels >> 8).astype(np.uint8)
    scaled: np.ndarray[Any, Any] = (np.clip(np.nan_to_num(pixels), 0.0, 1.0) * 255).astype(np.uint8)
    return scaled


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    """Return a PNG of height × width × channels bytes (1 to 4 channels); of one pixel where there is none."""
    import numpy as np

    if pixels.size == 0:
        pixels = np.zeros((1, 1, 1), np.uint8)
    height, width, channels = pixels.shape
    # Each line is the difference to the one above (filter 2): smaller than as it is, and cheap.
    lines = np.empty((height, 1 + width * channels), np.uint8)
    lines[:, 0] = 2
    flat = np.ascontiguousarray(pixels).reshape(height, width * channels)
    lines[0, 1:] = flat[0]
    lines[1:, 1:] = flat[1:] - flat[:-1]
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOURS[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 3)), (b"IEND", b""))
    )
