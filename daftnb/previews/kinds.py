"""What kind of column a Daft dtype makes, for a page that draws each kind in its own way; and the dtype in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from daft import DataType

Kind: TypeAlias = Literal[
    "integer", "float", "boolean", "decimal", "string", "binary", "date", "time", "timestamp", "duration", "interval",
    "list", "struct", "map", "tensor", "embedding", "image", "file", "python", "null", "other",
]  # fmt: skip

LONGEST_TYPE = 200  # characters

# In this order: an embedding is a fixed-size list of sorts, an image a tensor; the first that says yes has it.
_TESTS: tuple[tuple[str, Kind], ...] = (
    ("is_null", "null"),
    ("is_boolean", "boolean"),
    ("is_integer", "integer"),
    ("is_float16", "float"),
    ("is_float32", "float"),
    ("is_float64", "float"),
    ("is_decimal128", "decimal"),
    ("is_string", "string"),
    ("is_binary", "binary"),
    ("is_fixed_size_binary", "binary"),
    ("is_date", "date"),
    ("is_time", "time"),
    ("is_timestamp", "timestamp"),
    ("is_duration", "duration"),
    ("is_interval", "interval"),
    ("is_image", "image"),
    ("is_fixed_shape_image", "image"),
    ("is_embedding", "embedding"),
    ("is_tensor", "tensor"),
    ("is_fixed_shape_tensor", "tensor"),
    ("is_sparse_tensor", "tensor"),
    ("is_fixed_shape_sparse_tensor", "tensor"),
    ("is_list", "list"),
    ("is_fixed_size_list", "list"),
    ("is_map", "map"),
    ("is_struct", "struct"),
    ("is_file", "file"),
    ("is_python", "python"),
)

# Columns whose order means something to a person: a filter may say less or greater, and a summary least and most.
ORDERED: frozenset[Kind] = frozenset(
    ("integer", "float", "decimal", "string", "date", "time", "timestamp", "duration", "boolean")
)
NUMBERS: frozenset[Kind] = frozenset(("integer", "float", "decimal"))


def kind_of(dtype: DataType) -> Kind:
    """The kind of a column of this dtype; ``other`` for one that no kind is made for (a union, an extension)."""
    for test, kind in _TESTS:
        if getattr(dtype, test)():
            return kind
    return "other"


def type_words(dtype: DataType) -> str:
    """The dtype as Daft writes it, at most LONGEST_TYPE characters: a struct's may have thousands of fields."""
    text = str(dtype)
    return text if len(text) <= LONGEST_TYPE else text[: LONGEST_TYPE - 1] + "…"
