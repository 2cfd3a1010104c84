"""Computes what changes from one JSON object to the next, exactly, and applies it.

A JSON Merge Patch (RFC 7386) cannot tell a member that is null from one that is gone. These differences can: applied,
they give an equal object. The page applies them with ``frontend/src/differences.ts``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Members that are new or have another value; members that are objects in both, and changed; members that are gone. The
# last ones are left out where they are empty.
Difference = list[Any]


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference | None:
    """Return what makes ``new`` of ``old``; None where they are equal."""
    values: dict[str, Any] = {}
    inner: dict[str, Difference] = {}
    for key, value in new.items():
        if key not in old:
            values[key] = value
            continue
        before = old[key]
        if before is value:
            continue
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            found = difference(before, value)
            if found is not None:
                inner[key] = found
        elif type(before) is not type(value) or before != value:  # True == 1, and JSON has both
            values[key] = value
    gone = [key for key in old if key not in new]
    if gone:
        return [values, inner, gone]
    if inner:
        return [values, inner]
    return [values] if values else None


def applied(old: Mapping[str, Any], change: Difference | None) -> Mapping[str, Any]:
    """Return ``old`` with a change; what the change does not touch is shared with ``old``."""
    if change is None:
        return old
    values: Mapping[str, Any] = change[0]
    inner: Mapping[str, Difference] = change[1] if len(change) > 1 else {}
    gone = set(change[2]) if len(change) > 2 else set()
    kept = {key: value for key, value in old.items() if key not in gone}
    return {**kept, **{key: applied(old[key], each) for key, each in inner.items()}, **values}
