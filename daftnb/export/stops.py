"""Chooses the moments of a recording that a file shows.

A kernel can show a recording at any moment. A file holds a snapshot for each moment that it shows, so they are chosen:
each place of the page's slider, each decision that the page can go to, where each query begins and ends, and, as far as
there is room, each moment at which something changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from daftnb.telemetry.stage import SavedRecording

STEPS = 200  # of the slider: frontend/src/replay.tsx has the same
LEAST_STEP = 0.01  # seconds
MOST_CHANGES = 200  # moments beside those that must be there


def stops_of(recording: SavedRecording, moments: Iterable[float], changes: Iterable[float]) -> list[float]:
    """Return the moments that a file shows, in their order: seconds since the epoch, all within the recording.

    ``moments`` are those of the decisions, ``changes`` those at which an event came. Of more than ``MOST_CHANGES``
    changes, some are taken, evenly.
    """
    start, end = recording.start, recording.end
    step = max(LEAST_STEP, (end - start) / STEPS)
    slider = (start + place * step for place in range(STEPS + 1))
    queries = (t for query in recording.queries for t in (query.started, query.started + query.seconds))
    some = evenly(sorted({t for t in changes if start <= t <= end}), MOST_CHANGES)
    found = {start, end, *slider, *queries, *moments, *some}
    return sorted(t for t in found if start <= t <= end)


def evenly(values: Sequence[float], most: int) -> Sequence[float]:
    """Return at most ``most`` of some values, the first and the last among them, as evenly as they come."""
    if len(values) <= most:
        return values
    return [values[place * (len(values) - 1) // (most - 1)] for place in range(most)]
