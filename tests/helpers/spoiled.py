"""Messages of a page that are nearly right, or anything at all."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from daftnb.previews import grammar as g

VALID: list[tuple[dict[str, Any], g.Request]] = [
    (
        {"type": "page", "id": 1, "view": 0, "start": 0, "count": 500, "columns": [3, 0]},
        g.PageRequest(1, 0, 0, 500, (3, 0)),
    ),
    (
        {
            "type": "view",
            "id": 2,
            "sort": [{"column": 1, "descending": True}],
            "filters": [{"column": 0, "op": "eq", "value": "5"}, {"column": 2, "op": "null"}],
            "search": "x",
            "columns": [],
        },
        g.ViewRequest(2, (g.Sort(1, True),), (g.Comparison(0, "eq", "5"), g.Check(2, "null")), "x", ()),
    ),
    ({"type": "summary", "id": 3, "view": 1, "columns": [0]}, g.SummaryRequest(3, 1, (0,))),
    ({"type": "cell", "id": 4, "view": 0, "row": 9, "column": 2}, g.CellRequest(4, 0, 9, 2)),
    (
        {"type": "copy", "id": 5, "view": 0, "start": 1, "count": 10_000, "columns": [0]},
        g.CopyRequest(5, 0, 1, 10_000, (0,)),
    ),
    ({"type": "code", "id": 6}, g.CodeRequest(6)),
    ({"type": "download", "id": 7, "format": "csv"}, g.DownloadRequest(7, "csv")),
    ({"type": "run", "id": 2**31 - 1}, g.RunRequest(2**31 - 1)),
    ({"type": "cancel", "id": 9}, g.CancelRequest(9)),
]
MESSAGES = [message for message, _ in VALID]


ANY: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=4)
    | st.sampled_from(["page", "view", "eq", "null", "csv", "__class__", "import os", "$1; drop table x"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def spoiled(draw: st.DrawFn) -> Any:
    """A valid message in which something, anywhere, is another thing."""
    message = copy.deepcopy(draw(st.sampled_from(MESSAGES)))
    place: Any = message
    while True:
        key = draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
        if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
            place[key] = draw(ANY)
            return message
        place = place[key]
