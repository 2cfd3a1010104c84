"""A report as a table in text: ours beside what a user would use instead, and what each figure should be."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from tests.benchmarks.figures import Figure, Report, ours, ratio, spread, wanted

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
    yield f"goals: {len(goals) - len(missed)} of {len(goals)} met"
    yield from (f"  NOT MET: {figure.area}, {figure.name}: {ours(figure)} {figure.unit}" for figure in missed)
    if report.unmeasured:
        yield "not measured:"
        yield from (f"  {each.area}, {each.name}: {each.why}" for each in report.unmeasured)


def _row(figure: Figure) -> tuple[str, ...]:
    mine = f"{ours(figure)} {figure.unit}".rstrip()
    if figure.slope is not None:
        mine += f"; exponent {figure.slope:.2f}"
    beside = f"{figure.peer}: {spread(figure.theirs)}" if figure.theirs else ""
    return figure.name, mine, beside, ratio(figure) if figure.ratio is not None else "", wanted(figure)
