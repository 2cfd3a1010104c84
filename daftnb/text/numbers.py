"""Numbers as people read them; the TypeScript twin is ``frontend/src/format.ts``. ``None`` is always "—"."""

from __future__ import annotations

from datetime import datetime, timezone

UNKNOWN = "—"
_ROWS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_BYTES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def _three(value: float) -> str:
    """Return a number with three significant digits, without an exponent: 1.50, 15.0, 150."""
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def _scaled(value: float, units: tuple[tuple[float, str], ...]) -> str | None:
    """Return a value in the largest unit that it fills; None if it fills none."""
    return next((f"{_three(value / scale)} {unit}" for scale, unit in units if value >= scale * 0.9995), None)


def number(value: float | None) -> str:
    """Return a count as text: 999, 1.50 k, 5.98 M."""
    return UNKNOWN if value is None else _scaled(value, _ROWS) or f"{value:.0f}"


def rows(value: int | None) -> str:
    """Return a count of rows as text: "1 row", "5.98 M rows"."""
    if value is None:
        return UNKNOWN
    return f"{number(value)} {noun(value, 'row')}"


def noun(value: float, one: str, many: str = "") -> str:
    """Return the noun for so many: "worker" for one, "workers" for any other number."""
    return one if value == 1 else many or f"{one}s"


def plural(value: int, one: str, many: str = "") -> str:
    """Return a number and its noun: "1 worker", "2 workers"."""
    return f"{value} {noun(value, one, many)}"


def size(value: int | None) -> str:
    """Return bytes as text, in decimal units: "512 B", "61.0 MB"."""
    return UNKNOWN if value is None else _scaled(value, _BYTES) or f"{value} B"


def duration(seconds: float | None) -> str:
    """Return seconds as text: "350 µs", "12.0 ms", "1.25 s", "2 min 05 s", "1 h 02 min"."""
    if seconds is None:
        return UNKNOWN
    if seconds < 0.0009995:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.9995:
        return f"{_three(seconds * 1e3)} ms"
    if seconds < 59.95:
        return f"{_three(seconds)} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def ratio(value: float | None) -> str:
    """Return a backlog ratio as text: two decimals below ten, else one, without trailing zeros: 1.25, 2.8, 11."""
    if value is None:
        return UNKNOWN
    text = f"{value:.2f}" if value < 10 else f"{value:.1f}"
    return text.rstrip("0").rstrip(".")


def clock(t: float) -> str:
    """Return a time (seconds since the epoch) as the time of day, UTC."""
    return datetime.fromtimestamp(t, timezone.utc).strftime("%H:%M:%S UTC")
