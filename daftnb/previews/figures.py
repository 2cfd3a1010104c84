"""The figures of one column, from its values as Arrow arrays: pure, and in pieces, so that others get a turn.

Each figure says how it came about: exact (of all values), approximate (of all, by a sketch or in floats), sampled (of
some). NaN is no number: it is left out of all of them and counted in the note.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from daftnb.previews import writing as w
from daftnb.previews.kinds import Kind

if TYPE_CHECKING:
    import numpy as np

How: TypeAlias = Literal["exact", "approximate", "sampled"]
Summary: TypeAlias = dict[str, Any]

BINS = 20
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
QUANTILE_ROWS = 50_000  # of a sample that quantiles are of; also of the one that tells how many values are distinct
TOP = 10
MANY = 0.5  # distinct values of a sample, as a share: above it, values are not counted
BLOCK = 32_768  # values
LONGEST = 100  # characters of a value
EXACT_INTEGER = 2**53
TEMPORAL: frozenset[Kind] = frozenset(("date", "time", "timestamp", "duration"))
COUNTED: frozenset[Kind] = frozenset(("string", "boolean"))
MEASURED: frozenset[Kind] = frozenset(("integer", "float", "decimal", *TEMPORAL))


def figure(value: Any, how: How) -> dict[str, Any]:
    """A number or a text, with how it came about."""
    return {"value": plain(value), "how": how}


def plain(value: Any) -> Any:
    """A value as JSON can hold it, exact: what a page's numbers cannot hold is text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value if -EXACT_INTEGER <= value <= EXACT_INTEGER else str(value)
    if isinstance(value, float):
        return value if value - value == 0 else repr(value)
    text = str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def counted(arrays: Sequence[Any], rows: int, how: How) -> Summary:
    """Rows and nulls."""
    nulls = sum(array.null_count for array in arrays)
    return {"rows": figure(rows, "exact"), "nulls": figure(nulls, how)}


def measured(arrays: Sequence[Any], kind: Kind, how: How, check: Callable[[], None]) -> Summary:
    """Least, most, mean, quantiles and histogram of numbers and times."""
    import numpy as np

    if not arrays:
        return {}
    with np.errstate(all="ignore"):  # what overflows is told as infinite
        return _measured(arrays, kind, how, check)


def _measured(arrays: Sequence[Any], kind: Kind, how: How, check: Callable[[], None]) -> Summary:
    ticks = _Ticks(arrays[0].type, kind)
    pieces = [ticks.numbers(array) for array in arrays]
    found: Summary = {}
    if kind == "float":
        there = [piece if len(piece) and not math.isnan(piece.min()) else piece[piece == piece] for piece in pieces]
        left_out = sum(map(len, pieces)) - sum(map(len, there))
        pieces = there
        if left_out:
            found["note"] = f"{left_out:,} NaN"
    pieces = [piece for piece in pieces if len(piece)]
    check()
    if not pieces:
        return found
    least, most = min(piece.min() for piece in pieces), max(piece.max() for piece in pieces)
    in_floats: How = "approximate" if kind == "decimal" and how == "exact" else how
    count = sum(map(len, pieces))
    found["min"], found["max"] = ticks.extremes(arrays, least, most, how)
    if kind not in TEMPORAL:
        mean = sum(float(piece.mean(dtype="float64")) * (len(piece) / count) for piece in pieces)
        found["mean"] = figure(mean, in_floats)
    check()
    sampled, all_of_it = _sample(pieces, count)
    quantiles = _quantiles(sampled)
    how_many: How = in_floats if all_of_it else "sampled"
    found["quantiles"] = [
        {"q": q, "value": ticks.value(value), "how": how_many} for q, value in zip(QUANTILES, quantiles, strict=True)
    ]
    check()
    histogram = _histogram(pieces, least, most, check)
    if histogram is not None:
        edges, counts = histogram
        found["histogram"] = {"edges": [ticks.value(edge) for edge in edges], "counts": counts, "how": in_floats}
    return found


class _Ticks:
    """Values of a kind as numbers that NumPy computes with, and back."""

    def __init__(self, type_: Any, kind: Kind) -> None:
        self.type, self.kind = type_, kind

    def numbers(self, array: Any) -> np.ndarray[Any, Any]:
        """The values that are there."""
        if array.null_count:
            array = array.drop_null()
        if self.kind in TEMPORAL:
            array = array.view(pa.int32() if array.type.bit_width == 32 else pa.int64())
        elif self.kind == "decimal" or pa.types.is_float16(array.type):
            array = array.cast(pa.float64())
        found: np.ndarray[Any, Any] = array.to_numpy(zero_copy_only=False)
        return found

    def value(self, number: Any) -> Any:
        """A number as a page is told of it."""
        if self.kind in TEMPORAL:
            whole = int(number)
            if self.kind == "duration":
                return w.duration_words(whole, self.type.unit)
            size = pa.int32() if self.type.bit_width == 32 else pa.int64()
            return plain(w.temporal_texts(pa.array([whole], size).view(self.type))[0].as_py())
        return plain(float(number) if self.kind in ("float", "decimal") else number)

    def extremes(self, arrays: Sequence[Any], least: Any, most: Any, how: How) -> tuple[Any, Any]:
        if self.kind == "decimal":  # floats would round them
            both = [pc.min_max(array) for array in arrays if array.null_count < len(array)]
            low = min(each["min"].as_py() for each in both)
            high = max(each["max"].as_py() for each in both)
            return figure(format(low, "f"), how), figure(format(high, "f"), how)
        whole = self.kind == "integer"
        return tuple({"value": self.value(int(number) if whole else number), "how": how} for number in (least, most))  # type: ignore[return-value]  # two of two


def _sample(pieces: Sequence[np.ndarray[Any, Any]], count: int) -> tuple[np.ndarray[Any, Any], bool]:
    """Some values, evenly from all pieces; whether they are all."""
    import numpy as np

    step = -(-count // QUANTILE_ROWS)
    return np.concatenate([piece[::step] for piece in pieces]), step == 1


def _quantiles(values: np.ndarray[Any, Any]) -> list[Any]:
    """Values that are there, the nearest below each quantile: integers stay whole."""
    import numpy as np

    places = [min(len(values) - 1, int(q * len(values))) for q in QUANTILES]
    parted = np.partition(values, places)
    return [parted[place].item() for place in places]


def _histogram(
    pieces: Sequence[np.ndarray[Any, Any]], least: Any, most: Any, check: Callable[[], None]
) -> tuple[list[Any], list[int]] | None:
    """Edges and counts of BINS bins; fewer where there are fewer whole numbers. The last bin has its upper edge."""
    if pieces[0].dtype.kind in "iu":
        return _whole_histogram(pieces, int(least), int(most), check)
    import numpy as np

    low, high = float(least), float(most)
    if not math.isfinite(high - low):
        pieces = [piece for piece in (piece[np.isfinite(piece)] for piece in pieces) if len(piece)]
        if not pieces:
            return None
        low, high = float(min(p.min() for p in pieces)), float(max(p.max() for p in pieces))
        if not math.isfinite(high - low):
            return None
    if high == low:
        return [low, low], [sum(map(len, pieces))]
    scale = BINS / (high - low)
    if not math.isfinite(scale):
        return None
    counts = _counts(pieces, low, scale, BINS, check)
    return [low + i * (high - low) / BINS for i in range(BINS)] + [high], counts


def _whole_histogram(
    pieces: Sequence[np.ndarray[Any, Any]], low: int, high: int, check: Callable[[], None]
) -> tuple[list[int], list[int]]:
    import numpy as np

    width = max(1, -(-(high - low + 1) // BINS))
    bins = -(-(high - low + 1) // width)
    edges = [low + i * width for i in range(bins + 1)]
    edges[-1] = high if bins > 1 else max(high, low + 1)
    if abs(low) < 2**51 and abs(high) < 2**51:  # floats divide these exactly enough, and quickly
        return edges, _counts(pieces, low, 1 / width if width & (width - 1) == 0 else -width, bins, check)
    counts = np.zeros(bins, np.int64)
    for piece in pieces:
        check()
        # The distance to the least, as an unsigned number of 64 bits, cannot overflow.
        distance = piece.astype(np.int64 if piece.dtype.kind == "i" else np.uint64).view(np.uint64)
        places = (distance - np.uint64(low % 2**64)) // np.uint64(width)
        counts += np.bincount(places.astype(np.intp), minlength=bins)
    return edges, counts.tolist()


def _counts(
    pieces: Sequence[np.ndarray[Any, Any]], low: float, scale: float, bins: int, check: Callable[[], None]
) -> list[int]:
    """How many values are in each bin: (value - low) × scale, or ÷ -scale where that is negative.

    In blocks that stay in the processor's cache: twice as quick as all at once.
    """
    import numpy as np

    numbers, places = np.empty(BLOCK), np.empty(BLOCK, np.intp)
    counts = np.zeros(bins + 1, np.int64)
    for piece in pieces:
        check()
        for start in range(0, len(piece), BLOCK):
            block = piece[start : start + BLOCK]
            near, place = numbers[: len(block)], places[: len(block)]
            np.subtract(block, low, out=near, dtype=np.float64, casting="unsafe")
            if scale < 0:
                np.divide(near, -scale, out=near)
            else:
                np.multiply(near, scale, out=near)
            np.copyto(place, near, casting="unsafe")
            counts += np.bincount(place, minlength=bins + 1)
    counts[bins - 1] += counts[bins]  # the upper edge
    found: list[int] = counts[:bins].tolist()
    return found


def top(arrays: Sequence[Any], how: How, check: Callable[[], None]) -> Summary:
    """The commonest values of text or of true and false, how many distinct ones there are, the least and the most.

    Where hardly a value comes twice, the commonest are those of a sample, and the distinct ones are not counted.
    """
    rows = sum(map(len, arrays))
    step = -(-rows // QUANTILE_ROWS) if rows else 1
    sample = pa.chunked_array([array[::1] if step == 1 else array.take(_every(len(array), step)) for array in arrays]) \
        if arrays else None  # fmt: skip
    check()
    if sample is None or sample.null_count == len(sample):
        return {"distinct": figure(0, how)} if rows else {}
    counts = pc.value_counts(sample.drop_null())
    if step > 1 and len(counts) > MANY * (len(sample) - sample.null_count):
        check()
        lows = [pc.min_max(array) for array in arrays if array.null_count < len(array)]
        low, high = min(each["min"].as_py() for each in lows), max(each["max"].as_py() for each in lows)
        return {"min": figure(low, how), "max": figure(high, how), "top": _commonest(counts, "sampled")}
    if step > 1:
        check()
        counts = pc.value_counts(pa.chunked_array(arrays).drop_null())
    check()
    ends = pc.min_max(counts.field("values").cast(pa.large_string())) if pa.types.is_boolean(
        counts.field("values").type
    ) else pc.min_max(counts.field("values"))  # fmt: skip
    return {
        "distinct": figure(len(counts), how),
        "min": figure(ends["min"].as_py(), how),
        "max": figure(ends["max"].as_py(), how),
        "top": _commonest(counts, how),
    }


def _every(length: int, step: int) -> Any:
    import numpy as np

    return pa.array(np.arange(0, length, step))


def _commonest(counts: Any, how: How) -> dict[str, Any]:
    numbers = counts.field("counts")
    order = pc.select_k_unstable(pa.table({"n": numbers}), TOP, [("n", "descending")])
    values = counts.field("values")
    return {
        "values": [{"value": plain(values[i].as_py()), "count": numbers[i].as_py()} for i in order.to_pylist()],
        "how": how,
    }


def pieces_of(arrays: Iterator[Any], rows: int) -> Iterator[Any]:
    """Arrays of at most so many rows each."""
    for array in arrays:
        for start in range(0, len(array), rows):
            yield array.slice(start, rows)
