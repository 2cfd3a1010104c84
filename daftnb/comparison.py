"""Shows two runs side by side, operator by operator and function by function, as tables."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from daftnb.telemetry.compare import compare_functions, compare_queries
from daftnb.telemetry.functions import Function
from daftnb.telemetry.model import Query
from daftnb.telemetry.wire import Compared
from daftnb.text import numbers as f
from daftnb.text.plain import printable
from daftnb.text.shorten import shortened
from daftnb.text.tables import ROOT, clean

if TYPE_CHECKING:
    import pandas

LONGEST_REASON = 300  # characters
MEASURES = ("rows", "bytes", "seconds", "tasks", "skew")
_NAMES = {"seconds": "duration_us"}  # as compare_queries has them
_SHOWN = {"rows": f.number, "bytes": f.size, "seconds": f.duration, "tasks": f.number, "skew": f.ratio}
UDF_MEASURES = ("rows", "calls", "seconds", "rows_per_second", "errors")
_SHOWN_UDFS = {"rows": f.number, "calls": f.number, "seconds": f.duration, "rows_per_second": f.number,
               "errors": f.number}  # fmt: skip
_SHOWN_TOTALS = {"seconds": f.duration, "peak_ratio": f.ratio}
Row = dict[str, Any]


class Comparison:
    """Two runs, ``a`` and ``b``, as DataFrames and, by :meth:`as_dict`, as plain data.

    They are :attr:`operators`, :attr:`udfs` and :attr:`totals`. Each measure is there three times: ``rows_a``,
    ``rows_b``, and ``rows_ratio``, b ÷ a (None where that says nothing). ``rows`` and ``bytes`` are what an operator
    gave, ``seconds`` the time in it (all threads together, with what is derived of it), ``tasks`` those that end in it,
    ``skew`` its longest task ÷ the median one (approximate).

    Attributes
    ----------
    runs
        Of a and b: number, id, state, and the error where there is one.
    settings
        By environment variable, the texts that were in effect for a and for b, where they differ.

    Parameters
    ----------
    a, b
        The queries, as :meth:`daftnb.Recording.query` returns them.
    now
        Seconds since the epoch up to which a query that runs is counted. None: as :func:`compare_queries` has it.

    Examples
    --------
    >>> from daftnb.telemetry.model import Query
    >>> a, b = Query("first", 1, "ray", 0.0, ended=4.0), Query("second", 2, "ray", 0.0, ended=2.0)
    >>> Comparison(a, b).totals.loc["seconds"].to_list()
    [4.0, 2.0, 0.5]
    """

    def __init__(self, a: Query, b: Query, now: float | None = None) -> None:
        found = compare_queries(a, b, now)
        self._rows = [_flat(row) for row in found["operators"].values()]
        self._udfs = [_flat_udf(*each) for each in compare_functions(a, b)]
        self.runs: tuple[Row, ...] = tuple(
            {
                "number": query.number,
                "id": query.id,
                "state": query.state,
                **({"error": query.error} if query.error is not None else {}),
            }
            for query in (a, b)
        )
        self._totals: list[Row] = [
            {"total": "seconds" if name == "elapsed" else name, "a": one, "b": other, "ratio": ratio}
            for name, (one, other, ratio) in found["totals"].items()
        ]
        self.settings: dict[str, tuple[str | None, str | None]] = {
            name: (one, other) for name, (one, other) in found["settings"].items()
        }

    @property
    def operators(self) -> pandas.DataFrame:
        """Return one row per operator, from the root down; ``depth`` is its distance from the root.

        Returns
        -------
        pandas.DataFrame
            The columns ``name``, ``depth``, ``in`` (both, a or b), ``id_a``, ``id_b``, and those of the measures.
        """
        import pandas

        return pandas.DataFrame(self._rows, columns=list(self._rows[0]) if self._rows else None)

    @property
    def udfs(self) -> pandas.DataFrame:
        """Return one row per function (UDF) that either run called, by its dotted name.

        ``rows`` are those that it was given, ``seconds`` those in the user's code, and ``rows_per_second`` is over all
        the time in which it ran. Missing is not known.

        Returns
        -------
        pandas.DataFrame
            The columns ``name``, ``in`` (both, a or b), and those of the measures.
        """
        import pandas

        columns = ["name", "in", *(f"{m}_{side}" for m in UDF_MEASURES for side in ("a", "b", "ratio"))]
        return pandas.DataFrame(self._udfs, columns=columns)

    @property
    def totals(self) -> pandas.DataFrame:
        """Return the totals of both runs, and the ratio b ÷ a.

        Returns
        -------
        pandas.DataFrame
            The columns ``a``, ``b`` and ``ratio``; one row each for time (seconds), rows, tasks, node-seconds, peak
            ratio and workers.
        """
        import pandas

        return pandas.DataFrame(self._totals).set_index("total")

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can say it: runs, operators, functions, totals, settings.

        Returns
        -------
        dict[str, Any]
            The keys ``runs``, ``operators``, ``udfs``, ``totals`` and ``settings``.
        """
        return {
            "runs": list(self.runs),
            "operators": self._rows,
            "udfs": self._udfs,
            "totals": self._totals,
            "settings": {name: list(pair) for name, pair in self.settings.items()},
        }

    def _tables(self) -> list[tuple[str, list[str], list[list[str]]]]:
        """Return title, heading and cells of what is shown."""
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
            f"{side}: query {run['number']} ({clean(run['id'])}, {run['state']}{_reason(run.get('error'))})"
            for side, run in zip("ab", self.runs, strict=True)
        )
        shown = [(title, ["", "a", "b", "b ÷ a"], totals + settings), ("Operators", heading, cells)]
        if self._udfs:
            words = (m.replace("rows_per_second", "rows/s") for m in UDF_MEASURES)
            heading = ["function", *(f"{word} {side}" for word in words for side in ("a", "b"))]
            cells = [
                [_mark(row) + clean(row["name"])]
                + [_SHOWN_UDFS[m](row[f"{m}_{side}"]) for m in UDF_MEASURES for side in ("a", "b")]
                for row in self._udfs
            ]
            shown.append(("Functions", heading, cells))
        return shown

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
        return printable("\n".join(line.rstrip() for line in lines))

    def _repr_html_(self) -> str:
        parts = []
        for title, heading, cells in self._tables():
            head = "".join(f"<th>{html.escape(cell)}</th>" for cell in heading)
            body = "".join("<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in cells[:200])
            more = f"<p>and {len(cells) - 200} more</p>" if len(cells) > 200 else ""
            parts.append(
                f"<p>{html.escape(title)}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"
            )
        return f"{ROOT}{''.join(parts)}</div>"


def _reason(error: str | None) -> str:
    """Return why a run failed, in one line, to follow its state; "" where it did not fail."""
    return f": {shortened(clean(error.partition(chr(10))[0]), LONGEST_REASON)}" if error else ""


def _cell(text: str) -> str:
    bare = text.lstrip(" ")
    return "&nbsp;" * (len(text) - len(bare)) + html.escape(bare)


def _mark(row: Row) -> str:
    return "" if row["in"] == "both" else f"[{row['in']} only] "


def _flat_udf(name: str, one: Function | None, other: Function | None) -> Row:
    """Return a function of two runs as a row of a table."""
    flat: Row = {"name": name, "in": "both" if one and other else "a" if one else "b"}
    for measure in UDF_MEASURES:
        a, b = _udf_measure(one, measure), _udf_measure(other, measure)
        flat[f"{measure}_a"], flat[f"{measure}_b"] = a, b
        flat[f"{measure}_ratio"] = None if a is None or b is None or not a else round(b / a, 4)
    return flat


def _udf_measure(function: Function | None, name: str) -> float | None:
    if function is None or function.figures is None:
        return None
    if name == "rows_per_second":
        return function.rate_overall()
    value: float = getattr(function.figures, "rows_in" if name == "rows" else name)
    return value


def _flat(row: Compared) -> Row:
    """Return one row of :func:`compare_queries` as a row of a table."""
    one, other = row["a"], row["b"]
    names = dict.fromkeys(side["name"] for side in (one, other) if side)
    ratios: Mapping[str, Any] | None = row["ratio"]
    flat: Row = {
        "name": " → ".join(names),
        "depth": row["depth"],
        "in": "both" if one and other else "a" if one else "b",
        "id_a": one and one["id"],
        "id_b": other and other["id"],
    }
    for name in MEASURES:
        for letter, side in (("a", one), ("b", other)):
            flat[f"{name}_{letter}"] = _measure(side, name)
        flat[f"{name}_ratio"] = ratios and ratios[_NAMES.get(name, name)]
    return flat


def _measure(side: Mapping[str, Any] | None, name: str) -> float | None:
    if side is None:
        return None
    value: float | None = side[_NAMES.get(name, name)]
    return value if value is None or name != "seconds" else value / 1e6
