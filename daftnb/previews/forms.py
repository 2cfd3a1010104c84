"""Makes the forms of an opened cell. All of them are bounded, whatever the value.

A *detail* is one of them with its buffers. A function for details takes an Arrow array of one value, which is no null.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from daftnb.previews.tree import NODE_CHARACTERS, Tree
from daftnb.previews.wire import LinkCell, Node, SentCell, TextCell, TreeCell
from daftnb.previews.writing import scalar_words, storage

if TYPE_CHECKING:
    from daft import DataType

TEXT_BYTES = 200_000
_WEB = re.compile(r"https?://[^\s\x00-\x1f\x7f]{1,2000}", re.ASCII)

Detail: TypeAlias = tuple[SentCell, list[bytes]]


def tree_cell(node: Node) -> TreeCell:
    """Return a tree."""
    return {"kind": "tree", "tree": node}


def text_cell(text: str, length: int | None = None) -> TextCell:
    """Return a text, cut at TEXT_BYTES; ``length`` is that of all of it."""
    shown = text.encode(errors="replace")[:TEXT_BYTES].decode(errors="ignore")
    return {"kind": "text", "text": shown, "length": len(text) if length is None else length}


def link_cell(text: str) -> LinkCell:
    """Return an address, with what a browser may open if it may."""
    return {"kind": "link", "text": text[:NODE_CHARACTERS], "href": web_address(text)}


def web_address(text: str) -> str | None:
    """Return ``text`` if all of it is an http or https address, else None: a browser is to open no other scheme."""
    return text if _WEB.fullmatch(text) else None


def scalar_detail(array: Any, dtype: DataType) -> Detail:
    """Return the detail of a value without parts: its exact words."""
    return text_cell(scalar_words(storage(array), 0, TEXT_BYTES)), []


def tree_detail(array: Any, dtype: DataType) -> Detail:
    """Return the detail of a value that has parts."""
    return tree_cell(Tree().node(array, 0, dtype)), []
