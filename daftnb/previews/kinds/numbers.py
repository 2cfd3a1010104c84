"""Whole numbers, floats and decimals in a preview: how cells show, filter and summarise them."""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from daftnb.previews.columnwords import joined
from daftnb.previews.fields import Prepared, as_it_is
from daftnb.previews.kinds.kind import CAST, CellKind, Search, Sign, cast_to_text
from daftnb.previews.ticks import Ticks
from daftnb.previews.typed import Unreadable, Value, cast_value, plain_value

if TYPE_CHECKING:
    from daft import DataType

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")

# -- whole numbers ----------------------------------------------------------------------------------------------------


def _read_integer(text: str, dtype: DataType) -> Value:
    if not _INTEGER.fullmatch(text):
        raise ValueError
    number = int(text)
    if dtype.is_uint64():
        if not 0 <= number < 2**64:
            raise Unreadable("this type holds 0 to 18446744073709551615")
        # Daft would compare it with a small literal as floats.
        return cast_value(number, str(number), dtype, "DataType.uint64()")
    if not -(2**63) <= number < 2**63:
        raise Unreadable("it does not fit into 64 bits")
    return plain_value(number)


class _Integers(Ticks):
    def extremes(self, arrays: Sequence[Any], least: Any, most: Any) -> tuple[Any, Any]:
        return int(least), int(most)


INTEGER = CellKind(
    "integer",
    ("is_integer",),
    texts=cast_to_text,
    page=as_it_is,
    empty=pa.int64(),
    is_right=True,
    is_ordered=True,
    read=_read_integer,
    search=CAST,
    ticks=_Integers(),
    aggregates=("distinct", "min", "max", "mean"),
)

# -- floats, as the page shows them (frontend/src/preview/cell.ts) ----------------------------------------------------


def _floats(number: int, array: Any, dtype: DataType) -> Prepared:
    # The browser has no halves.
    return as_it_is(number, array.cast(pa.float32()) if pa.types.is_float16(array.type) else array, dtype)


def _static_floats(array: Any, dtype: DataType, room: int) -> list[str | None]:
    return [None if value is None else _static_float(value) for value in array.cast(pa.float64()).to_pylist()]


def _static_float(value: float) -> str:
    if math.isnan(value):
        return Sign("NaN")
    return repr(value) if math.isfinite(value) else Sign("+∞" if value > 0 else "−∞")


def _read_float(text: str, dtype: DataType) -> Value:
    if "_" in text:
        raise ValueError
    number = float(text)
    plain = plain_value(number)
    return plain if number == number and abs(number) != float("inf") else Value(
        plain.expression, f'lit(float("{number}"))', plain.sql
    )  # fmt: skip


def _float_texts(array: Any, dtype: DataType) -> list[Any]:
    """Return floats in full, and in short form where they have another."""
    full = _full_floats(array)
    return [full, _short_floats(array, full)]


def _full_floats(array: Any) -> Any:
    whole = array.cast(pa.float32()) if pa.types.is_float16(array.type) else array
    texts = whole.cast(pa.large_string())
    plain = pc.match_substring_regex(texts, r"^-?\d+$")
    return pc.if_else(plain, joined([texts, ".0"]), texts)


def _short_floats(array: Any, full: Any) -> Any:
    """Return the short form of each float that has one other than the full form, else null."""
    other = pc.or_(pc.match_substring_regex(full, "[enif]"), pc.greater(pc.binary_length(full), 7))
    values = pc.if_else(other, array, None).to_pylist()
    return pa.array([None if each is None else short_float(each) for each in values], pa.large_string())


def short_float(value: float) -> str:
    """Return a float in six digits, or a few more where it is large; NaN and infinity as their cells show them."""
    size = abs(value)
    if 1e-4 <= size < 1e9:
        if not (size * 1024).is_integer():
            text = f"{value:.6g}" if size < 1e5 else f"{value:.1f}"
        else:  # it may be half-way: a page rounds that up, formatting to an even digit
            digits = max(6, len(str(int(size))) + 1)
            context = decimal.Context(prec=digits, rounding=decimal.ROUND_HALF_UP)
            text = format(context.create_decimal_from_float(value), "f")
            text = text.rstrip("0") if "." in text else text
        return text if "." in text[:-1] else text.rstrip(".") + ".0"
    if value == 0 or value != value:
        return "NaN" if value else "-0.0" if math.copysign(1, value) < 0 else "0.0"
    if size == math.inf:
        return "+∞" if value > 0 else "−∞"
    rounded = decimal.Context(prec=5, rounding=decimal.ROUND_HALF_UP).create_decimal_from_float(value)
    mantissa, _, exponent = f"{rounded:.4e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


class _Floats(Ticks):
    has_nan = True

    def arrow(self, array: Any) -> Any:
        return array.cast(pa.float64()) if pa.types.is_float16(array.type) else array

    def value(self, number: Any, type_: Any) -> Any:
        return float(number)


FLOAT = CellKind(
    "float",
    ("is_float16", "is_float32", "is_float64"),
    page=_floats,
    empty=pa.float64(),
    static=_static_floats,
    is_right=True,
    is_ordered=True,
    read=_read_float,
    checks=frozenset({"nan"}),
    search=Search(letters=frozenset("0123456789.e+-nainf∞−"), texts=_float_texts),
    ticks=_Floats(),
    aggregates=("distinct", "min", "max", "mean"),
)

# -- decimals ---------------------------------------------------------------------------------------------------------


def _read_decimal(text: str, dtype: DataType) -> Value:
    number = Decimal(text)
    if not number.is_finite() or "_" in text:
        raise ValueError
    precision, scale = dtype.precision, dtype.scale
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    if -exponent > scale and any(digits[len(digits) + exponent + scale :]):
        raise Unreadable(f"this type has {scale} digits after the point")
    if number.adjusted() + 1 > precision - scale:
        raise Unreadable(f"this type has {precision - scale} digits before the point")
    exact = format(number.quantize(Decimal(1).scaleb(-scale)) if scale else number.to_integral_value(), "f")
    type_ = f"DataType.decimal128({precision}, {scale})"
    value = Decimal(exact)
    return cast_value(value, repr(value), dtype, type_, f"cast('{exact}' as decimal({precision}, {scale}))")


class _Decimals(Ticks):
    is_rounded = True

    def arrow(self, array: Any) -> Any:
        return array.cast(pa.float64())

    def value(self, number: Any, type_: Any) -> Any:
        return float(number)

    def extremes(self, arrays: Sequence[Any], least: Any, most: Any) -> tuple[Any, Any]:
        """Return them as they are: floats would round them."""
        both = [pc.min_max(array) for array in arrays if array.null_count < len(array)]
        low, high = min(each["min"].as_py() for each in both), max(each["max"].as_py() for each in both)
        return format(low, "f"), format(high, "f")


DECIMAL = CellKind(
    "decimal",
    ("is_decimal128",),
    is_right=True,
    is_ordered=True,
    read=_read_decimal,
    search=CAST,
    ticks=_Decimals(),
    aggregates=("distinct", "min", "max"),
)

KINDS = (INTEGER, FLOAT, DECIMAL)
