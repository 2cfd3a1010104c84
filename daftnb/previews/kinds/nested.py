"""Lists, structs and maps in a preview: cells open them as a tree."""

from __future__ import annotations

from daftnb.previews.forms import tree_detail
from daftnb.previews.kinds.kind import CellKind

LIST = CellKind("list", ("is_list", "is_fixed_size_list"), detail=tree_detail)
STRUCT = CellKind("struct", ("is_struct",), detail=tree_detail)
MAP = CellKind("map", ("is_map",), detail=tree_detail)
KINDS = (LIST, MAP, STRUCT)
