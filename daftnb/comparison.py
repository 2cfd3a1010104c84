"""Two runs side by side, operator by operator.

Both are frames at a run's end. Their plans are read from the root down; what is the longest common sequence of names
belongs together, and an operator that only one of them has stands where it is there.
"""

from __future__ import annotations

import html
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from daftnb.settings import SETTINGS
from daftnb.telemetry.frames import Frame
from daftnb.widgets import format as f
from daftnb.widgets.static import clean, walk

if TYPE_CHECKING:
    import pandas

MEASURES = ("rows", "bytes", "seconds", "tasks", "skew")
TOTALS = ("seconds", "rows", "tasks", "node_seconds", "peak_ratio", "workers_from", "workers_to")
_SHOWN = {"rows": f.number, "bytes": f.size, "seconds": f.duration, "tasks": f.number, "skew": f.ratio}
_SHOWN_TOTALS = {"seconds": f.duration, "peak_ratio": f.ratio}
Row = dict[str, Any]


class Comparison:
    """Two runs, ``a`` and ``b``: :attr:`operators` and :attr:`totals` as DataFrames, :meth:`as_dict` as plain data.

    A measure is there three times: ``rows_a``, ``rows_b``, and ``rows_ratio``, b ÷ a (None where that says nothing).
    ``rows`` and ``bytes`` are what an operator gave, ``seconds`` the time in it (all threads together), ``tasks`` those
    that end in it, ``skew`` its longest task ÷ the median one (approximate). ``settings``: those in effect that differ.
    """

    def __init__(self, a: Frame, b: Frame) -> None:
        self._rows = _operators(a, b)
        one, other = _run(a), _run(b)
        self.runs: tuple[Row, Row] = (_named(one), _named(other))
        self._totals = [_measured({"total": name}, "", one[name], other[name]) for name in TOTALS]
        self.settings: dict[str, tuple[str | None, str | None]] = _settings(one["settings"], other["settings"])

    @property
    def operators(self) -> pandas.DataFrame:
        """One row per operator, from the root down; ``depth`` is its distance from the root."""
        import pandas

        return pandas.DataFrame(self._rows, columns=list(self._rows[0]) if self._rows else None)

    @property
    def totals(self) -> pandas.DataFrame:
        """Time, rows, tasks, node-seconds, peak ratio and workers of both, and the ratio b ÷ a."""
        import pandas

        return pandas.DataFrame(self._totals).set_index("total")

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON can say it: runs, operators, totals, settings."""
        return {
            "runs": list(self.runs),
            "operators": self._rows,
            "totals": self._totals,
            "settings": {name: list(pair) for name, pair in self.settings.items()},
        }

    def _tables(self) -> list[tuple[str, list[str], list[list[str]]]]:
        """Title, heading and cells of what is shown."""
        heading = ["operator", *(f"{m} {side}" for m in MEASURES for side in ("a", "b"))]
        cells = [
            ["  " * min(row["depth"], 12) + _mark(row) + clean(row["name"])]
            + [_SHOWN[m](row[f"{m}_{side}"]) for m in MEASURES for side in ("a", "b")]
            for row in self._rows
        ]
        totals = [
            [row["total"].replace("_", " ")]
            + [_SHOWN_TOTALS.get(row["total"], f.number)(row[side]) for side in ("a", "b")]
            + [f"{f.ratio(row['ratio'])} ×" if row["ratio"] is not None else f.UNKNOWN]
            for row in self._totals
        ]
        settings = [[name, a or f.UNKNOWN, b or f.UNKNOWN, ""] for name, (a, b) in self.settings.items()]
        title = " and ".join(
            f"{side}: query {run['number']} ({clean(run['id'])}, {run['state']})"
            for side, run in zip("ab", self.runs, strict=True)
        )
        return [(title, ["", "a", "b", "b ÷ a"], totals + settings), ("Operators", heading, cells)]

    def __repr__(self) -> str:
        lines: list[str] = []
        for title, heading, cells in self._tables():
            widths = [max(map(len, column)) for column in zip(heading, *cells, strict=True)]
            lines += ["", title] if lines else [title]
            lines += [
                "  ".join(
                    cell.rjust(width) if i else cell.ljust(width)
                    for i, (cell, width) in enumerate(zip(row, widths, strict=True))
                )
                for row in [heading, *cells]
            ]
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        parts = []
        for title, heading, cells in self._tables():
            head = "".join(f"<th>{html.escape(cell)}</th>" for cell in heading)
            body = "".join("<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in cells[:200])
            more = f"<p>and {len(cells) - 200} more</p>" if len(cells) > 200 else ""
            parts.append(
                f"<p>{html.escape(title)}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"
            )
        return f"<div>{''.join(parts)}</div>"


def _cell(text: str) -> str:
    bare = text.lstrip(" ")
    return "&nbsp;" * (len(text) - len(bare)) + html.escape(bare)


def _mark(row: Row) -> str:
    return "" if row["in"] == "both" else f"[{row['in']} only] "


def _run(frame: Frame) -> Row:
    query = frame["query"]
    row = frame["queries"][str(query["number"])]
    return {**row, "seconds": row["elapsed"]}


def _named(run: Row) -> Row:
    return {k: run[k] for k in ("number", "id", "state")}


def _operators(a: Frame, b: Frame) -> list[Row]:
    ones, others = _walked(a), _walked(b)
    names = [[operator["name"] for _, operator in side] for side in (ones, others)]
    rows = []
    for _, i, until_i, j, until_j in SequenceMatcher(None, names[0], names[1], autojunk=False).get_opcodes():
        pairs: list[tuple[Any, Any]]
        if names[0][i:until_i] == names[1][j:until_j]:
            pairs = list(zip(ones[i:until_i], others[j:until_j], strict=True))
        else:
            pairs = [*((one, None) for one in ones[i:until_i]), *((None, other) for other in others[j:until_j])]
        rows += [_pair(one, other) for one, other in pairs]
    return rows


def _walked(frame: Frame) -> list[tuple[int, Any]]:
    return list(walk(frame["plan"])) if frame["plan"] else []


def _pair(one: tuple[int, Any] | None, other: tuple[int, Any] | None) -> Row:
    depth, operator = one or other or (0, {})
    row = {
        "name": operator["name"],
        "depth": depth,
        "in": "both" if one and other else "a" if one else "b",
        "id_a": one[1]["id"] if one else None,
        "id_b": other[1]["id"] if other else None,
    }
    measured = [_measures(side[1]) if side else dict.fromkeys(MEASURES) for side in (one, other)]
    for name in MEASURES:
        _measured(row, f"{name}_", measured[0][name], measured[1][name])
    return row


def _measures(operator: Any) -> dict[str, float | None]:
    duration, skew = operator["duration_us"], operator["skew"]
    tasks = operator["tasks"] if operator["stage"] == operator["id"] else None
    return {
        "rows": operator["rows_out"],
        "bytes": operator["bytes_out"],
        "seconds": None if duration is None else duration / 1e6,
        "tasks": tasks["submitted"] if tasks else None,
        "skew": round(skew["longest"][0]["seconds"] / skew["median"], 3) if skew and skew["median"] else None,
    }


def _measured(row: Row, prefix: str, a: float | None, b: float | None) -> Row:
    row[f"{prefix}a"], row[f"{prefix}b"] = a, b
    row[f"{prefix}ratio"] = round(b / a, 4) if a and b is not None else None
    return row


def _settings(a: dict[str, str] | None, b: dict[str, str] | None) -> dict[str, tuple[str | None, str | None]]:
    pairs = {name: ((a or {}).get(s.env), (b or {}).get(s.env)) for name, s in SETTINGS.items()}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
