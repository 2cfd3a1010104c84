"""Cleans events before they are kept or shown: without secrets and bounded, from an engine or a foreign file.

A name of a megabyte in a recording would make a page of millions of pixels; a plan that was recorded before may hold a
key. What is tidy comes back as it is, the same object.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, get_args, get_type_hints

from daftnb.telemetry import events as e
from daftnb.text.cleaning import NAME
from daftnb.text.reasons import told_line
from daftnb.text.redaction import redact
from daftnb.text.shorten import shortened

DETAIL = 2_000  # characters of what an operator does
TEXT = 1_000  # of a sentence
ERROR = 2_500
SOURCE = 8_192
COUNTERS = 100  # of a function
ATTRIBUTES = 20  # of a counter
_LONGEST = {"detail": DETAIL, "text": TEXT, "error": ERROR, "source": SOURCE}
# What others write, and what may therefore hold a secret; ids, states and the like are only bounded.
_WRITTEN = frozenset(("name", "detail", "text", "error", "address", "file", "source", "function"))


def tidy(event: Any) -> Any:
    """Return the event, or a fact inside one, with every text in it bounded, and redacted where others write it.

    Characters that cannot be shown stay, as what is recorded is what was said; what shows a text cleans it.
    """
    kind: Any = type(event)
    texts, parts = _texts_of(kind)
    changed: dict[str, Any] = {}
    for name, longest, written in texts:
        text = getattr(event, name)
        if text and (written or len(text) > longest):
            found = _tidy_text(name, text, longest) if written else shortened(text, longest)
            if found != text:
                changed[name] = found
    for name in parts:
        value = getattr(event, name)
        found = _tidy_part(value)
        if found is not value:
            changed[name] = found
    event = replace(event, **changed) if changed else event
    return _tidy_counters(event) if isinstance(event, e.UdfFigures) and event.counters else event


def _tidy_counters(event: e.UdfFigures) -> e.UdfFigures:
    """Return a function's figures with few enough counters, and no secret in their attributes."""
    kept = tuple(_tidy_attributes(counter) for counter in event.counters[:COUNTERS])
    left_out = event.left_out + len(event.counters) - len(kept)
    unchanged = left_out == event.left_out and all(new is old for new, old in zip(kept, event.counters, strict=True))
    return event if unchanged else replace(event, counters=kept, left_out=left_out)


def _tidy_attributes(counter: e.Counter) -> e.Counter:
    """Return a counter without a secret: as the name of an attribute may say that its value is one, both together."""
    found = tuple(_tidy_attribute(name, value) for name, value in counter.attributes[:ATTRIBUTES])
    return counter if found == counter.attributes else replace(counter, attributes=found)


def _tidy_attribute(name: str, value: str) -> tuple[str, str]:
    whole = f"{name}={value}"
    told = redact(whole)
    if told == whole:
        return name, value
    name, _, value = told.partition("=")
    return shortened(name, NAME), shortened(value, NAME)


def _tidy_text(name: str, text: str, longest: int) -> str:
    text = text[: 4 * longest + 4_000]
    if name == "text" and "ray::" in text:
        text = told_line(text)
    return shortened(redact(text), longest)


def _tidy_part(value: Any) -> Any:
    """Return a fact, or a tuple of facts or texts, tidy; the same object where nothing had to be done."""
    if is_dataclass(value):
        return tidy(value)
    if isinstance(value, str):
        return shortened(value, NAME)
    if isinstance(value, tuple):
        found = tuple(_tidy_part(part) for part in value)
        return value if all(new is old for new, old in zip(found, value, strict=True)) else found
    return value


@cache
def _texts_of(kind: Any) -> tuple[tuple[tuple[str, int, bool], ...], tuple[str, ...]]:
    """Return the fields of a kind of event that hold text, with their longest, and those that hold facts."""
    hints = get_type_hints(kind)
    texts, parts = [], []
    for each in fields(kind):
        hint = hints[each.name]
        kinds = get_args(hint) or (hint,)
        if hint is str or (str in kinds and tuple not in kinds):
            texts.append((each.name, _LONGEST.get(each.name, NAME), each.name in _WRITTEN))
        elif hint not in (int, float, bool) and any(_is_part(inner) for inner in (hint, *kinds)):
            parts.append(each.name)
    return tuple(texts), tuple(parts)


def _is_part(hint: Any) -> bool:
    """Return True if a value of this type may hold texts further in."""
    if is_dataclass(hint):
        return True
    return any(inner is str or _is_part(inner) for inner in get_args(hint))
