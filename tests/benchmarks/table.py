"""A report as a table in text: ours beside what a user would use instead, and what each figure should be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import median

from tests.benchmarks.figures import Figure, Report, ours, percentile, short, wanted

HEADS = ("figure", "ours", "beside", "ratio", "goal")


def table(report: Report) -> str:
    """All figures by area, then the goals that are not met and what could not be measured."""
    rows = [_row(figure) for figure in report.figures]
    widths = [max(map(len, column)) for column in zip(HEADS, *rows, strict=True)]
    return "\n".join(_lines(report, widths))


def _lines(report: Report, widths: list[int]) -> Iterator[str]:
    def laid(row: tuple[str, ...]) -> str:
        return "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()

    yield ", ".join(f"{name} {value}" for name, value in report.machine.items())
    yield laid(HEADS)
    for area, figures in groupby(report.figures, key=lambda figure: figure.area):
        seconds = report.took.get(area)
        yield area + (f" ({seconds:.0f} s)" if seconds else "")
        notes: dict[str, None] = {}
        for figure in figures:
            yield laid(_row(figure))
            notes |= {figure.note: None} if figure.note else {}
        yield from (f"    {note}" for note in notes)
    goals = [figure for figure in report.figures if figure.goal]
    missed = [figure for figure in goals if not figure.met]
    yield f"goals met: {len(goals) - len(missed)} of {len(goals)}" + ("; not met:" if missed else "")
    yield from (f"  {figure.area}, {figure.name}: {_row(figure)[1]}, {wanted(figure)}" for figure in missed)
    if report.unmeasured:
        yield "not measured:"
        yield from (f"  {each.area}, {each.name}: {each.why}" for each in report.unmeasured)


def _row(figure: Figure) -> tuple[str, ...]:
    mine = f"{ours(figure) if figure.at else _range(figure.ours)} {figure.unit}".rstrip()
    if figure.slope is not None:
        mine += f"; exponent {figure.slope:.2f}"
    if figure.goal is not None and figure.goal.of == "p95" and len(figure.ours) > 1:
        mine += f", p95 {short(percentile(figure.ours, 0.95))}"
    beside = f"{figure.peer}: {_range(figure.theirs)}" if figure.theirs else ""
    ratio = _range(figure.ratios, figure.ratio) if figure.ratio is not None else ""
    return figure.name, mine, beside, ratio, wanted(figure)


def _range(values: Sequence[float], middle: float | None = None) -> str:
    """The median (or another middle) and between what they lie."""
    said = short(median(values) if middle is None else middle)
    return f"{said} ({short(min(values))}–{short(max(values))})" if len(values) > 1 else said
