"""Keeps our own frames out of the tracebacks that users are shown of their functions' exceptions."""

from __future__ import annotations

import os
from types import FrameType, TracebackType

HERE = os.path.dirname(__file__) + os.sep  # of all of the meter's modules, also where they are there by value


def set_traceback(error: BaseException, trace: TracebackType | None) -> None:
    """Set an exception's traceback; not by assignment, which its class may forbid, as a frozen dataclass does."""
    BaseException.__dict__["__traceback__"].__set__(error, trace)


def is_ours(trace: TracebackType) -> bool:
    """Return True if a traceback begins in the meter."""
    return trace.tb_frame.f_code.co_filename.startswith(HERE)


def without_our_frames(error: BaseException) -> None:
    """Take our own frames out of an exception's traceback."""
    first = beyond_ours(error.__traceback__)
    set_traceback(error, first)
    trace = first
    while trace is not None:
        trace.tb_next = beyond_ours(trace.tb_next)
        trace = trace.tb_next


def beyond_ours(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from its first frame on that is not ours."""
    while trace is not None and is_ours(trace):
        trace = trace.tb_next
    return trace


def as_raised_by(error: BaseException, caller: FrameType) -> TracebackType:
    """Return an exception's traceback as if ``caller`` had called, where it is now, what raised it: without us."""
    without_our_frames(error)
    return TracebackType(error.__traceback__, caller, caller.f_lasti, caller.f_lineno)
