"""Columns in a preview that no other kind covers: of nulls alone, a union, an extension."""

from __future__ import annotations

import pyarrow as pa

from daftnb.previews.fields import as_it_is
from daftnb.previews.forms import tree_detail
from daftnb.previews.kinds.kind import CellKind, cast_to_text

NULL = CellKind("null", ("is_null",), texts=cast_to_text, page=as_it_is, empty=pa.null(), search=None)
OTHER = CellKind("other", (), detail=tree_detail)
KINDS = (NULL, OTHER)
