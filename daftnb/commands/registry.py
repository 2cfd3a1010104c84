"""Lists all verbs and modes. Their modules are imported when one of them is first used."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from types import MappingProxyType

from daftnb.commands.meant import remedy
from daftnb.commands.parsing import around, split
from daftnb.commands.verb import GROUPS, Mode, Verb
from daftnb.errors import DaftnbError
from daftnb.text.spelling import nearest, shown

# Each has VERBS, MODES or both; the order is that of the help.
MODULES = (
    "daftnb.commands.cluster",
    "daftnb.commands.views",
    "daftnb.commands.preview",
    "daftnb.commands.tuning",
    "daftnb.commands.queries",
    "daftnb.commands.keeping",
    "daftnb.commands.sending",
    "daftnb.commands.cell",
    "daftnb.commands.sql",
    "daftnb.commands.job",
    "daftnb.commands.about",
)
DEFAULT = "cockpit"  # %daft alone


@cache
def verbs() -> MappingProxyType[str, Verb]:
    """Return the verbs of ``%daft`` by name, in the order of the help."""
    found: dict[str, Verb] = {}
    for module in MODULES:
        for verb in getattr(import_module(module), "VERBS", ()):
            assert verb.name not in found, f"two verbs are called {verb.name}"
            found[verb.name] = verb
    return MappingProxyType(dict(sorted(found.items(), key=lambda item: list(GROUPS).index(item[1].group))))


@cache
def modes() -> MappingProxyType[str, Mode]:
    """Return the modes of ``%%daft`` by name; that of a Python cell has the empty one."""
    found: dict[str, Mode] = {}
    for module in MODULES:
        for mode in getattr(import_module(module), "MODES", ()):
            assert mode.name not in found, f"two modes are called {mode.name!r}"
            found[mode.name] = mode
    return MappingProxyType(found)


def find_verb(name: str, words: Sequence[str] = ()) -> Verb:
    """Return the verb of that name; ``words`` are those that came after it.

    Raises DaftnbError, with the verb that is meant, where there is none.
    """
    found = verbs().get(name)
    if found is not None:
        return found
    if name in modes():
        raise DaftnbError(f"{name!r} is a mode of the cell magic.", f"Try %%daft {name} as a cell's first line")
    raise DaftnbError(f"%daft has no verb {shown(name)}.", remedy(name, words, verbs()))


def words_of(line: str) -> tuple[str, list[str]]:
    """Return what a ``%daft`` line begins with, and the words after it; where they are code, that is one word."""
    first, _, rest = line.strip().partition(" ")
    verb = verbs().get(first)
    if verb is not None and verb.verbatim:
        return first, around(rest)
    name, *words = split(line) or [DEFAULT]
    return name, words


def find_mode(words: list[str]) -> tuple[Mode, list[str]]:
    """Return the mode that a ``%%daft`` line begins with, and the words after it.

    Raises DaftnbError, with the nearest mode, where there is none.
    """
    if not words or words[0].startswith("-"):
        name, rest = "", words
    else:
        name, rest = words[0], words[1:]
    found = modes().get(name)
    if found is not None:
        return found, rest
    if name in verbs():
        raise DaftnbError(f"{name!r} is a verb of the line magic.", f"Try %daft {name}, with one % and no cell")
    near = nearest(name, [mode for mode in modes() if mode])
    there = ", ".join(mode.title for mode in modes().values())
    raise DaftnbError(
        f"%%daft has no mode {shown(name)} (there are {there}).", f"Try %%daft {near}" if near else "Try %daft help"
    )
