"""Computes the statistics of one column from its Arrow arrays, in pieces, so that others get a turn.

Each figure says how it came about: exact (of all values), approximate (of all, by a sketch or in floats), sampled (of
some). NaN is no number: it is left out of all of them and counted in the note.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from daftnb.previews.kinds.registry import RECORDS
from daftnb.previews.ticks import Ticks
from daftnb.previews.wire import Figure, Kind, Summary, Top, Value
from daftnb.previews.wire import How as How
from daftnb.text.shorten import shortened

if TYPE_CHECKING:
    import numpy as np

BINS = 20
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
QUANTILE_ROWS = 50_000  # of a sample that quantiles are of; also of the one that tells how many values are distinct
TOP = 10
MANY = 0.5  # distinct values of a sample, as a share: above it, values are not counted
BLOCK = 32_768  # values
LONGEST = 100  # characters of a value
EXACT_INTEGER = 2**53


def figure(value: Any, how: How) -> Figure:
    """Return a number or a text, with how it came about."""
    return {"value": plain(value), "how": how}


def plain(value: Any) -> Value:
    """Return a value as JSON can hold it, exactly: a number that a browser cannot hold is text. Long text is cut."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value if -EXACT_INTEGER <= value <= EXACT_INTEGER else str(value)
    if isinstance(value, float):
        return value if value - value == 0 else repr(value)
    return shortened(str(value), LONGEST)


def counted(arrays: Sequence[Any], rows: int, how: How) -> Summary:
    """Count rows and nulls."""
    nulls = sum(array.null_count for array in arrays)
    return {"rows": figure(rows, "exact"), "nulls": figure(nulls, how)}


def measured(arrays: Sequence[Any], kind: Kind, how: How, check: Callable[[], None]) -> Summary:
    """Return least, most, mean (not of times), quantiles and histogram of numbers and times."""
    import numpy as np

    ticks = RECORDS[kind].ticks
    if not arrays or ticks is None:
        return {}
    with np.errstate(all="ignore"):  # what overflows is told as infinite
        return _measured(arrays, ticks, how, check)


def _measured(arrays: Sequence[Any], ticks: Ticks, how: How, check: Callable[[], None]) -> Summary:
    pieces = [ticks.numbers(array) for array in arrays]
    found: Summary = {}
    if ticks.has_nan:
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
    in_floats: How = "approximate" if ticks.is_rounded and how == "exact" else how
    count = sum(map(len, pieces))
    found["min"], found["max"] = (figure(value, how) for value in ticks.extremes(arrays, least, most))
    if ticks.has_mean:
        mean = sum(float(piece.mean(dtype="float64")) * (len(piece) / count) for piece in pieces)
        found["mean"] = figure(mean, in_floats)
    check()

    def value_of(number: Any) -> Value:
        return plain(ticks.value(number, arrays[0].type))

    sampled, all_of_it = _sample(pieces, count)
    quantiles = _quantiles(sampled)
    how_many: How = in_floats if all_of_it else "sampled"
    found["quantiles"] = [
        {"q": q, "value": value_of(value), "how": how_many} for q, value in zip(QUANTILES, quantiles, strict=True)
    ]
    check()
    histogram = _histogram(pieces, least, most, check)
    if histogram is not None:
        edges, counts = histogram
        found["histogram"] = {"edges": [value_of(edge) for edge in edges], "counts": counts, "how": in_floats}
    return found


def _sample(pieces: Sequence[np.ndarray[Any, Any]], count: int) -> tuple[np.ndarray[Any, Any], bool]:
    """Return some of the values, evenly from all pieces, and whether they are all."""
    import numpy as np

    step = -(-count // QUANTILE_ROWS)
    return np.concatenate([piece[::step] for piece in pieces]), step == 1


def _quantiles(values: np.ndarray[Any, Any]) -> list[Any]:
    """Return for each quantile one of the values, the nearest below it: integers stay whole."""
    import numpy as np

    places = [min(len(values) - 1, int(q * len(values))) for q in QUANTILES]
    parted = np.partition(values, places)
    return [parted[place].item() for place in places]


def _histogram(
    pieces: Sequence[np.ndarray[Any, Any]], least: Any, most: Any, check: Callable[[], None]
) -> tuple[list[Any], list[int]] | None:
    """Return edges and counts of BINS bins, of fewer where there are fewer whole numbers; None without a finite range.

    The last bin includes its upper edge.
    """
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
    """Count the values in each bin: (value - low) × scale, or ÷ -scale where that is negative.

    It works in blocks that stay in the processor's cache: twice as quick as all at once.
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
    """Return the commonest values of text or booleans, how many distinct ones there are, the least and the most.

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


def _commonest(counts: Any, how: How) -> Top:
    numbers = counts.field("counts")
    order = pc.select_k_unstable(pa.table({"n": numbers}), TOP, [("n", "descending")])
    values = counts.field("values")
    return {
        "values": [{"value": str(plain(values[i].as_py())), "count": numbers[i].as_py()} for i in order.to_pylist()],
        "how": how,
    }


def pieces_of(arrays: Iterator[Any], rows: int) -> Iterator[Any]:
    """Yield slices of the arrays, of at most ``rows`` rows each."""
    for array in arrays:
        for start in range(0, len(array), rows):
            yield array.slice(start, rows)
