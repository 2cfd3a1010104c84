"""Samples the backlog: as many samples as a chart of a long query needs, and never more."""

from __future__ import annotations

from dataclasses import replace

from daftnb.telemetry import events as e
from daftnb.telemetry.model import State

KEPT_SAMPLES = 600
SAMPLE_SECONDS = 0.1  # samples closer than this are merged into one, which keeps the higher backlog


def keep(state: State, event: e.BacklogSample) -> None:
    """Take in a sample, with what was asked and granted at that moment."""
    _count_node_seconds(state, event)
    if state.samples:
        number, last = next(reversed(state.samples.items()))
        same_pool = (last.workers, last.capacity) == (event.workers, event.capacity)
        if event.t - last.t < SAMPLE_SECONDS and last.pending >= event.pending and same_pool:
            # The moment before says more. What is so now is of this one: it may be the last, as at a query's end.
            state.samples[number] = replace(
                last,
                pending_now=event.pending_now,
                running=event.running,
                observed=event.observed,
                pending_gpus=event.pending_gpus,
                gpus=event.gpus,
            )
            return
    state.samples[state.sample_count] = event
    state.demand[state.sample_count] = (state.request.cpus if state.request else None, state.granted)
    state.sample_count += 1
    if len(state.samples) > KEPT_SAMPLES:
        _thin(state)


def _thin(state: State) -> None:
    """Make room for samples.

    Those before the current query go first. Then, of those that are close together, only the one with the highest
    backlog stays, so that a long query's axis is filled from its beginning.
    """
    number, first = next(iter(state.samples.items()))
    if state.current is None or first.t < state.current.started:
        del state.samples[number], state.demand[number]
        return
    last = next(reversed(state.samples.values()))
    apart = (last.t - first.t) / (KEPT_SAMPLES * 2 // 3) or 1.0
    kept: dict[int, int] = {}  # by part of the time
    for number, sample in list(state.samples.items())[:-1]:  # the last says what is so now
        part = int((sample.t - first.t) / apart)
        other = kept.setdefault(part, number)
        if other == number:
            continue
        gone = number if sample.pending <= state.samples[other].pending else other
        kept[part] = number + other - gone
        del state.samples[gone], state.demand[gone]


def _count_node_seconds(state: State, sample: e.BacklogSample) -> None:
    """Add to the node-seconds of the queries: between two samples, as many workers as at the first.

    The last sample stands until the query's end.
    """
    for query in state.queries.values():
        if query.runner != "ray" or query.state == "planning":
            continue
        until = sample.t if query.ended is None else min(sample.t, query.ended)
        if query.sampled is not None and until > query.sampled:
            before = next(reversed(state.samples.values())).workers if state.samples else sample.workers
            query.node_seconds += (until - query.sampled) * before
        if query.sampled is None or until > query.sampled:
            query.sampled = until
