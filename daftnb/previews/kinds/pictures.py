"""Images in a preview: thumbnails in the cells, and the image in full when a cell opens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from daftnb.previews.fields import LEVELS, Field, Level, Prepared
from daftnb.previews.forms import Detail
from daftnb.previews.images import MODES, Picture, pictures, shrunk
from daftnb.previews.kinds.kind import CellKind
from daftnb.previews.writing import Text, storage

if TYPE_CHECKING:
    from daft import DataType

PIXELS = 1_600  # of the longer side of an opened image
SAMPLE = 4  # pictures of a column from which the size of all is guessed: making all of them first would take too long


def _pictures(array: Any, dtype: DataType) -> list[Picture | None]:
    return pictures(storage(array), dtype)


def _page(number: int, array: Any, dtype: DataType) -> Prepared:
    """Make images ready. ``v``: a PNG; ``n``: its size and mode in words."""
    images = _pictures(array, dtype)
    small = [None if image is None else Picture(shrunk(image.pixels, LEVELS[0].pixels), image.mode) for image in images]
    words = pa.array([None if image is None else image.words for image in images], pa.string())

    def at(level: Level) -> Iterator[Field]:
        thumbnails = [None if image is None else image.png(level.pixels) for image in small]
        yield f"v{number}", pa.array(thumbnails, pa.binary())
        yield f"n{number}", words

    there = [image for image in small if image is not None]
    sample = [len(image.png(LEVELS[0].pixels)) for image in there[:: max(1, len(there) // SAMPLE)][:SAMPLE]]
    return Prepared(at, len(there) * sum(sample) / len(sample) if sample else 0.0)


def _detail(array: Any, dtype: DataType) -> Detail:
    [image] = _pictures(array, dtype)
    assert image is not None
    return {"kind": "image", "text": image.words}, [image.png(PIXELS)]


def _words(array: Any, index: int, dtype: DataType) -> str:
    """Return the size and mode of an image in words: ``640×480 RGB``."""
    if dtype.is_fixed_shape_image():
        height, width = dtype.shape[:2]
        return f"{width}×{height} {str(dtype.image_mode).removeprefix('ImageMode.')}"
    height, width, mode = (array.field(name)[index].as_py() for name in ("height", "width", "mode"))
    return f"{width}×{height} {MODES.get(mode, ('?', 0))[0]}"


def _write(text: Text, array: Any, index: int, dtype: DataType) -> None:
    text.add(_words(storage(array), index, dtype))


IMAGE = CellKind(
    "image",
    ("is_image", "is_fixed_shape_image"),
    write=_write,
    page=_page,
    empty=pa.binary(),
    detail=_detail,
    pictures=_pictures,
    search=None,
)

KINDS = (IMAGE,)
