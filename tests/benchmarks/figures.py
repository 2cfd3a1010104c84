"""What a benchmark says: figures with their spread beside what a user would use instead, kept as JSON, compared."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from daftnb.engine import releases

MACHINE = ("daft", "ray", "jupyterlab", "ipykernel", "anywidget", "pyarrow")  # whose versions are kept with the figures


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be: ``of`` (the median of ours, its 95th percentile, or the ratio to the peer's median)
    is at most, or at least, ``value``."""

    of: Literal["median", "p95", "ratio"]
    value: float
    at: Literal["most", "least"] = "most"

    def met(self, found: float) -> bool:
        """Whether this is what it should be."""
        return found <= self.value if self.at == "most" else found >= self.value


@dataclass(frozen=True, slots=True)
class Figure:
    """``ours`` and ``theirs``: each measurement, in ``unit``. Of equal length, they were taken in turn, as pairs.

    ``peer``: what is measured beside ours (empty: nothing); ``at``: the sizes at which ours were measured, of a curve;
    ``note``: what a reader must know of how it came about, such as that the events were generated.
    """

    area: str
    name: str
    unit: str
    ours: tuple[float, ...]
    peer: str = ""
    theirs: tuple[float, ...] = ()
    goal: Goal | None = None
    note: str = ""
    at: tuple[float, ...] = ()

    @property
    def ratio(self) -> float | None:
        """Ours ÷ theirs, of the medians; None where there is no peer, or it took nothing."""
        base = statistics.median(self.theirs) if self.theirs else 0.0
        return statistics.median(self.ours) / base if base else None

    @property
    def ratios(self) -> tuple[float, ...]:
        """Of each pair; none where they are no pairs."""
        if len(self.ours) != len(self.theirs) or not all(self.theirs):
            return ()
        return tuple(a / b for a, b in zip(self.ours, self.theirs, strict=True))

    @property
    def slope(self) -> float | None:
        """Of a curve: the exponent with which ours grow; None of what is no curve."""
        return exponent(self.at, self.ours) if self.at else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        if self.goal is None:
            return None
        found = {"median": statistics.median(self.ours), "p95": percentile(self.ours, 0.95), "ratio": self.ratio}
        value = found[self.goal.of]
        return value is not None and self.goal.met(value)


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """What could not be measured, and why."""

    area: str
    name: str
    why: str


class Missing(Exception):
    """Raised by a benchmark: why the rest of it cannot be measured here, such as that there is no Chromium."""


@dataclass(slots=True)
class Report:
    """All that one run found. ``took``: seconds of each benchmark; ``peers``: Pythons of environments that have what a
    user would use instead (of this machine, so not kept)."""

    figures: list[Figure] = field(default_factory=list)
    unmeasured: list[Unmeasured] = field(default_factory=list)
    machine: dict[str, Any] = field(default_factory=lambda: machine())
    took: dict[str, float] = field(default_factory=dict)
    peers: tuple[str, ...] = field(default=(), compare=False)

    def add(self, *found: Figure | Unmeasured) -> None:
        """Keep what was found, and print it."""
        for each in found:
            if isinstance(each, Figure):
                self.figures.append(each)
                print(f"  {line(each)}", flush=True)
            else:
                self.unmeasured.append(each)
                print(f"  {each.name}: not measured, {each.why}", flush=True)

    def write(self, path: Path) -> None:
        """Keep it as JSON."""
        path.parent.mkdir(exist_ok=True)
        kept = {name: value for name, value in asdict(self).items() if name != "peers"}
        path.write_text(json.dumps(kept, indent=1))

    @classmethod
    def read(cls, path: Path) -> Report:
        """What :meth:`write` has kept."""
        kept = json.loads(path.read_text())
        figures = [
            Figure(
                **{
                    **each,
                    "ours": tuple(each["ours"]),
                    "theirs": tuple(each["theirs"]),
                    "at": tuple(each.get("at", ())),
                    "goal": Goal(**each["goal"]) if each["goal"] else None,
                }
            )
            for each in kept["figures"]
        ]
        return cls(figures, [Unmeasured(**each) for each in kept["unmeasured"]], kept["machine"], kept.get("took", {}))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of them is (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The exponent with which the values grow with the sizes: of the straight line through their logarithms, by least
    squares. 0: they do not grow; 1: in proportion."""
    if min(*sizes, *values) <= 0:
        raise ValueError(f"of positive numbers only (got {tuple(sizes)}, {tuple(values)})")
    return statistics.linear_regression([math.log(size) for size in sizes], [math.log(value) for value in values]).slope


def slope(points: Sequence[tuple[float, float, int]]) -> tuple[float, float]:
    """Least squares: the rise of y with x, and its standard error. Points (x, y, group): each group starts anew."""
    groups: dict[int, list[tuple[float, float]]] = {}
    for x, y, group in points:
        groups.setdefault(group, []).append((x, y))
    centred = []
    for members in groups.values():
        middle_x, middle_y = (sum(axis) / len(members) for axis in zip(*members, strict=True))
        centred += [(x - middle_x, y - middle_y) for x, y in members]
    square = sum(x * x for x, _ in centred)
    free = len(centred) - len(groups) - 1
    if not square or free < 1:
        raise ValueError("too few points for a slope")
    rise = sum(x * y for x, y in centred) / square
    rest = sum((y - rise * x) ** 2 for x, y in centred)
    return rise, (rest / free / square) ** 0.5


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        **{name: releases.installed(name) for name in MACHINE},
    }


def line(figure: Figure) -> str:
    """A figure as a line: medians, spreads, ratio, and whether it is what it should be."""
    parts = [f"{figure.name}: {ours(figure)} {figure.unit}"]
    if figure.slope is not None:
        parts.append(f"exponent {figure.slope:.2f}")
    if figure.theirs:
        parts.append(f"{figure.peer} {spread(figure.theirs)}")
    if figure.ratio is not None:
        parts.append(f"ratio {ratio(figure)}")
    if figure.goal is not None:
        parts.append(f"goal: {wanted(figure)}")
    if figure.note:
        parts.append(figure.note)
    return "; ".join(parts)


def ours(figure: Figure) -> str:
    """Ours without the unit: median and spread, or value by value where it is a curve."""
    if not figure.at:
        return spread(figure.ours)
    sizes = (f"{size / 1000:g}k" if size >= 1000 else f"{size:g}" for size in figure.at)
    return ", ".join(f"{size}: {short(value)}" for size, value in zip(sizes, figure.ours, strict=True))


def spread(values: Sequence[float]) -> str:
    """The median, and where there are several how they lie about it."""
    if len(values) == 1:
        return short(values[0])
    median, low, high = statistics.median(values), min(values), max(values)
    return f"{short(median)} ({short(low)} to {short(high)}, p95 {short(percentile(values, 0.95))})"


def short(value: float) -> str:
    """Three digits that count, and no exponents where a person would write none."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def ratio(figure: Figure) -> str:
    """That of the medians, and between which the pairs lie."""
    pairs = figure.ratios
    return f"{figure.ratio:.3g}" + (f" ({min(pairs):.3g} to {max(pairs):.3g})" if len(pairs) > 1 else "")


def wanted(figure: Figure) -> str:
    """What it should be, and whether it is."""
    goal = figure.goal
    return f"{goal.of} at {goal.at} {goal.value:,g}, {'met' if figure.met else 'NOT MET'}" if goal is not None else ""


def differences(one: Report, two: Report) -> Iterable[str]:
    """Two runs, figure by figure: by how much the second is more; those whose ranges do not touch are marked."""
    before = {(each.area, each.name, each.peer): each for each in one.figures}
    for key, old in one.machine.items():
        if two.machine.get(key) != old:
            yield f"{key}: {old} → {two.machine.get(key)}"
    for figure in two.figures:
        old_figure = before.pop((figure.area, figure.name, figure.peer), None)
        if old_figure is None:
            yield f"{figure.area}, {figure.name}: new"
            continue
        yield f"{figure.area}, {figure.name}: {_change(old_figure, figure)}"
    for area, name, _peer in before:
        yield f"{area}, {name}: not in the second"


def _change(old: Figure, new: Figure) -> str:
    if old.slope is not None and new.slope is not None:
        return f"{ours(old)} → {ours(new)} {new.unit}, exponent {old.slope:.2f} → {new.slope:.2f}"
    was, is_ = statistics.median(old.ours), statistics.median(new.ours)
    apart = min(new.ours) > max(old.ours) or max(new.ours) < min(old.ours)
    said = f"{was:.3g} → {is_:.3g} {new.unit}" + (f" ({is_ / was - 1:+.1%})" if was else "")
    if old.ratio is not None and new.ratio is not None:
        said += f", ratio {old.ratio:.3g} → {new.ratio:.3g}"
    return said + (", ranges apart" if apart else "")


def taken(action: Callable[[], Any]) -> float:
    """Seconds that an action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
