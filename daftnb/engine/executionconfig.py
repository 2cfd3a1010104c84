"""Reads and sets the fields of Daft's execution config: those that the installed Daft takes, by inspection.

Nothing here starts a query or sets a runner. A field that Daft takes and does not tell has no value.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from daftnb.engine import internals

Kind = Literal["switch", "whole number", "number", "text", "texts", "not known"]
_KINDS: dict[type, Kind] = {bool: "switch", int: "whole number", float: "number", str: "text", list: "texts"}
_ANNOTATED: dict[str, Kind] = {each.__name__: kind for each, kind in _KINDS.items()} | {"list[str]": "texts"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``value`` and ``default`` are tuples of one, as a value may be None; None where Daft tells none."""

    name: str
    kind: Kind
    value: tuple[Any] | None
    default: tuple[Any] | None


def fields() -> dict[str, Field]:
    """Return every argument of ``daft.set_execution_config`` with its value now and its default, in Daft's order.

    Empty where this Daft has no such function.
    """
    setter = internals.lookup("daft", "set_execution_config")
    context = internals.lookup("daft.context", "get_context")
    if setter is None or context is None:
        return {}
    config = context[0]().daft_execution_config
    try:
        fresh = type(config)()
    except TypeError:  # where it cannot be made, no default is known
        fresh = None
    found = {}
    for name, parameter in inspect.signature(setter[0]).parameters.items():
        if name != "config" and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            value, default = _told(config, name), _told(fresh, name)
            found[name] = Field(name, _kind(value, default, parameter.annotation), value, default)
    return found


def _told(config: Any, name: str) -> tuple[Any] | None:
    """Return what a config has under a name; one of Daft's getters is called by the name of its function."""
    for attribute in (name, f"get_{name}"):
        if hasattr(config, attribute):
            value = getattr(config, attribute)
            return (value() if callable(value) else value,)
    return None


def _kind(value: tuple[Any] | None, default: tuple[Any] | None, annotation: object) -> Kind:
    for told in (value, default):
        if told is not None and type(told[0]) in _KINDS:
            return _KINDS[type(told[0])]
    return _ANNOTATED.get(str(annotation).partition("|")[0].strip(), "not known")


def set_fields(values: Mapping[str, Any]) -> None:
    """Set fields for the queries that begin from now on. ValueError or TypeError, Daft's own, where one cannot be."""
    import daft

    daft.set_execution_config(**values)
