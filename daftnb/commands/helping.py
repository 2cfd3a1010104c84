"""Writes the texts of ``%daft help`` and ``%daft help VERB`` from what the verbs declare."""

from __future__ import annotations

from daftnb.commands.meant import topic
from daftnb.commands.registry import modes, verbs
from daftnb.commands.verb import GROUPS, Mode, Verb
from daftnb.errors import DaftnbError
from daftnb.settings import SETTINGS, AutoscalingSettings
from daftnb.text.spelling import shown

WHOLE_CELL = "%%daft"  # the topic of the mode that has no name
_WIDTH = 14


def help_text() -> str:
    """Return all verbs by group, the modes of cells and the settings, a line each."""
    lines: list[str] = []
    for group, heading in GROUPS.items():
        members = [verb for verb in verbs().values() if verb.group == group]
        if members:
            lines += ["", heading]
            lines += [f"  %daft {verb.name:<{_WIDTH - 2}} {verb.help}" for verb in members]
    if modes():
        lines += ["", "Whole cells, by their first line"]
        lines += [f"  {mode.title:<{_WIDTH + 4}} {mode.help}" for mode in modes().values()]
    lines += ["", "Settings (each is an environment variable; a change acts on the next query)"]
    defaults = AutoscalingSettings()
    for name, setting in SETTINGS.items():
        lines.append(f"  {name:<13} {setting.help} Default {defaults.text(name)}. {setting.env}")
    return "\n".join(["Type %daft VERB …; Tab completes it. %daft help VERB explains one.", *lines])


def topic_text(name: str) -> str:
    """Return usage, options and examples of a verb, and of the mode of that name.

    Raises DaftnbError, with the nearest name, where there is neither.
    """
    name = "" if name == WHOLE_CELL else name
    found: list[Verb | Mode] = [
        *([verbs()[name]] if name in verbs() else []),
        *([modes()[name]] if name in modes() else []),
    ]
    if not found:
        near = topic(name, [*verbs(), *modes()])
        raise DaftnbError(f"there is no help on {shown(name)}.", f"Try %daft help {near or ''}".rstrip())
    return "\n\n".join(_topic(each) for each in found)


def _topic(topic: Verb | Mode) -> str:
    text = f"{topic.title}: {topic.help}\n\n{topic.parser().format_help().strip()}"
    examples = "".join("\n  " + example.replace("\n", "\n  ") for example in topic.examples)
    return f"{text}\n\nexamples:{examples}" if examples else text
