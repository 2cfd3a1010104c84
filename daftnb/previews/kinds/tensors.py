"""Tensors in a preview, and embeddings: lists of one length whose numbers mean something together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from daftnb.previews.fields import Field, Level, Prepared
from daftnb.previews.forms import tree_detail
from daftnb.previews.kinds.kind import CellKind
from daftnb.previews.tree import DEEPEST, Tree
from daftnb.previews.wire import Node
from daftnb.previews.writing import Text, span, storage, write

if TYPE_CHECKING:
    import numpy as np
    from daft import DataType

# -- tensors ----------------------------------------------------------------------------------------------------------


def _parts(array: Any, index: int, dtype: DataType) -> tuple[Any, int, tuple[int, ...]]:
    """Return the values of the whole column, the place where this tensor's begin, and its shape."""
    if dtype.is_fixed_shape_tensor():
        begin, _ = span(array, index)
        return array.values, begin, tuple(dtype.shape)
    data = array.field("data")
    return data.values, span(data, index)[0], tuple(array.field("shape")[index].as_py())


def _is_sparse(dtype: DataType) -> bool:
    """Return True for a tensor that is shown as the struct that it is made of."""
    return dtype.is_sparse_tensor() or dtype.is_fixed_shape_sparse_tensor()


def _write(text: Text, array: Any, index: int, dtype: DataType) -> None:
    if _is_sparse(dtype):
        return write(text, array, index)
    values, begin, shape = _parts(storage(array), index, dtype)

    def part(dimension: int, at: int, size: int) -> None:
        if dimension == len(shape):
            write(text, values, at)
            return
        step = size // shape[dimension] if shape[dimension] else 0
        text.add("[")
        for i in range(shape[dimension]):
            if i:
                text.add(", ")
            part(dimension + 1, at + i * step, step)
        text.add("]")

    size = 1
    for length in shape:
        size *= length
    part(0, begin, size)


def _node(tree: Tree, array: Any, index: int, dtype: DataType, depth: int) -> Node:
    if _is_sparse(dtype):
        tree.nodes += 1  # it is the same node
        return tree.node(array, index, None, depth)
    values, begin, shape = _parts(storage(array), index, dtype)
    return _grid(tree, values, begin, shape, depth)


def _grid(tree: Tree, values: Any, begin: int, shape: tuple[int, ...], depth: int) -> Node:
    if not shape:
        return tree.node(values, begin, None, depth)
    size = 1
    for length in shape[1:]:
        size *= length
    items = []
    for i in range(shape[0] if depth < DEEPEST else 0):
        if not tree.has_room:
            break
        if len(shape) == 1:
            items.append(tree.node(values, begin + i, None, depth + 1))
        else:
            tree.nodes -= 1
            items.append(_grid(tree, values, begin + i * size, shape[1:], depth + 1))
    return {"t": "list", "n": shape[0], "items": items}


TENSOR = CellKind(
    "tensor",
    ("is_tensor", "is_fixed_shape_tensor", "is_sparse_tensor", "is_fixed_shape_sparse_tensor"),
    write=_write,
    node=_node,
    detail=tree_detail,
)

# -- embeddings -------------------------------------------------------------------------------------------------------


def _embedding(number: int, array: Any, dtype: DataType) -> Prepared:
    """Make embeddings ready. ``v``: a few points, each the average of its part; ``n``: the norm."""
    import numpy as np

    array = storage(array)
    size = array.type.list_size
    missing = ~np.asarray(array.is_valid().to_numpy(zero_copy_only=False))
    flat = array.values.slice(array.offset * size, len(array) * size).to_numpy(zero_copy_only=False)
    rows = np.where(missing[:, None], 0.0, flat.reshape(len(array), size).astype(np.float64))
    norms = pa.array(np.sqrt((rows * rows).sum(axis=1)), pa.float64(), mask=missing)

    def at(level: Level) -> Iterator[Field]:
        points = min(size, level.points)
        begins = np.arange(points) * size // points if points else np.arange(0)
        values = np.add.reduceat(rows, begins, axis=1) if points and len(rows) else np.zeros((len(rows), points))
        counts = np.diff(np.append(begins, size)) if points else np.ones(0)
        averages: np.ndarray[Any, Any] = (values / counts).astype(np.float32)
        offsets = pa.array(np.arange(len(rows) + 1) * points, pa.int32())
        flat_averages = pa.array(averages.ravel(), pa.float32())
        yield f"v{number}", pa.ListArray.from_arrays(offsets, flat_averages, mask=pa.array(missing))
        yield f"n{number}", norms

    return Prepared(at)


EMBEDDING = CellKind(
    "embedding",
    ("is_embedding",),
    page=_embedding,
    empty=pa.list_(pa.float32()),
    detail=tree_detail,
    search=None,
)

KINDS = (EMBEDDING, TENSOR)
