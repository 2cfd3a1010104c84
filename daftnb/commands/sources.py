"""What Tab offers for an argument. Nothing here asks a cluster, imports Daft or takes long."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from daftnb import options
from daftnb.commands.parsing import Place
from daftnb.settings import SETTINGS, find

MOST_FILES = 1000  # entries of a folder that are looked at


def dataframe_names(variables: dict[str, Any]) -> list[str]:
    """Return the names of the variables that are Daft dataframes, but for IPython's own (``_``, ``_3``)."""
    kind = getattr(sys.modules.get("daft"), "DataFrame", None)
    if kind is None:
        return []
    return [name for name, value in list(variables.items()) if not name.startswith("_") and isinstance(value, kind)]


def dataframes(place: Place) -> Iterable[str]:
    """Return the names of the notebook's dataframes."""
    return dataframe_names(place.variables)


def setting_names(place: Place) -> Iterable[str]:
    """Return the names of the settings, but for those that are on the line already."""
    return (name for name in SETTINGS if name not in place.before)


def setting_values(place: Place) -> Iterable[str]:
    """Return ``NAME=``, and after it what may follow: on and off, its words, or what is set and the default."""
    name, equals, _ = place.word.partition("=")
    if not equals:
        taken = {word.partition("=")[0] for word in place.before}
        return (f"{name}=" for name in SETTINGS if name not in taken)
    if name not in SETTINGS:
        return ()
    setting = find(name)
    if setting.kind != "number":
        return (f"{name}={word}" for word in setting.choices or ("on", "off"))
    return dict.fromkeys((f"{name}={place.session.settings.text(name)}", f"{name}={setting.default!r}"))


def option_names(place: Place) -> Iterable[str]:
    """Return the names of the settings, and once a letter is typed those of Daft's other options."""
    return [*setting_names(place), *(name for name in _options(place) if name not in place.before)]


def option_values(place: Place) -> Iterable[str]:
    """Return what :func:`setting_values` does, and the same for Daft's other options once a letter is typed."""
    name, equals, _ = place.word.partition("=")
    if not equals:
        taken = {word.partition("=")[0] for word in place.before}
        return [*setting_values(place), *(f"{each}=" for each in _options(place) if each not in taken)]
    if name in SETTINGS or name not in _options(place):
        return setting_values(place)
    return [f"{name}={text}" for text in options.suggested(name)]


def _options(place: Place) -> list[str]:
    return options.names() if place.word and "daft" in sys.modules else []


def addresses(place: Place) -> Iterable[str]:
    """Return ``auto``, the addresses of this session's Rays, and the one that the environment names."""
    named = os.environ.get("RAY_ADDRESS", "")
    return dict.fromkeys(("auto", *reversed(place.session.addresses), *([named] if named else [])))


def running(place: Place) -> Iterable[str]:
    """Return the ids of the queries that run, the latest first."""
    return [id_ for id_, (_, active) in reversed(_queries(place).items()) if active]


def queries(place: Place) -> Iterable[str]:
    """Return the numbers, then the ids, of this session's queries, the latest first."""
    known = _queries(place)
    return [*(str(number) for number, _ in reversed(known.values())), *reversed(known)]


def plans(place: Place) -> Iterable[str]:
    """Return the names of the notebook's dataframes, then the numbers of this session's queries."""
    return [*dataframes(place), *(number for number in queries(place) if number.isdecimal())]


def _queries(place: Place) -> dict[str, tuple[int, bool]]:
    return place.session.monitor.read(
        lambda state: {query.id: (query.number, query.active) for query in state.queries.values()}
    )


def runs(place: Place) -> Iterable[str]:
    """Return this session's queries, and files of recordings."""
    return [*queries(place), *recordings(place)]


def recordings(place: Place) -> Iterator[str]:
    """Yield Arrow files and folders under the path so far."""
    folder, _, start = place.word.rpartition("/")
    shown = f"{folder}/" if "/" in place.word else ""
    try:
        with os.scandir(os.path.expanduser(shown) or ".") as entries:
            found = sorted(
                (entry.name, entry.is_dir()) for entry in islice(entries, MOST_FILES) if entry.name.startswith(start)
            )
    except OSError:  # no such folder, or not ours to look into: there is nothing to offer
        return
    for name, is_folder in found:
        if not name.startswith(".") and (is_folder or name.endswith(".arrow")) and " " not in name:
            yield f"{shown}{name}{'/' if is_folder else ''}"


def topics(place: Place) -> Iterable[str]:
    """Return the topics that there is help on."""
    from daftnb.commands.helping import WHOLE_CELL
    from daftnb.commands.registry import modes, verbs

    return dict.fromkeys((*verbs(), *filter(None, modes()), WHOLE_CELL))
