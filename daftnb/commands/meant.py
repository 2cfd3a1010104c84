"""Suggests the verb that a person meant: from a table of words people type, then by spelling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from daftnb.text.spelling import nearest

# These end or change something: none of them is named for a mere likeness.
ENDING = {
    "stop": "ends this kernel's cluster, or its connection to one",
    "cancel": "ends a running query",
    "reset": "puts the settings back to Daft's defaults",
}
SQL = "sql"  # no verb, but the mode of a cell

_MEANT: dict[str, str] = {
    "preview": "show display head tail view table print peek browse look see data df dataframe frame rows sample",
    "workers": "clusters cluster nodes node ps pool worker actors actor top htop executors machines",
    "cockpit": "dashboard ui monitor live watch gui panel progress web",
    "status": "info state stat stats summary runner whoami",
    "history": "queries query log logs list ls past recent runs",
    "settings": "config configure conf options params parameters setting",
    "controls": "scale resize autoscale autoscaler autoscaling sliders",
    "plan": "explain dag graph tree physical optimized",
    "decisions": "why events scaling scheduler",
    "backlog": "pending queue tasks load",
    "stop": "kill shutdown disconnect close end exit quit terminate down destroy teardown halt",
    "cancel": "abort interrupt",
    "open": "replay import play",
    "save": "record recording write dump",
    "version": "versions about",
    "help": "? man usage commands doc docs clear clean reload refresh rerun",
    "doctor": "check diagnose test health verify debug",
    "start": "up launch init begin create boot",
    "connect": "attach join address ray login",
    "native": "local",
    "job": "submit",
    "env": "environment",
    "compare": "diff versus vs",
    SQL: "run execute exec select with",
}
_VERB_OF = {word: verb for verb, words in _MEANT.items() for word in words.split()}


def remedy(name: str, words: Sequence[str], verbs: Iterable[str]) -> str:
    """Return what to type instead of a verb that does not exist; ``words`` are those that came after it."""
    there = set(verbs)
    verb = _VERB_OF.get(name.lower())
    if verb == SQL:
        return "Try %%daft sql as a cell's first line, with the SQL below it"
    if verb is not None and verb in there:
        if verb in ENDING:
            return f"Try %daft {verb}, which {ENDING[verb]}"
        if verb == "preview":
            return f"Try %daft preview {words[0] if len(words) == 1 and words[0].isidentifier() else 'df'}"
        return f"Try %daft {verb}"
    near = nearest(name, there)
    if near in ENDING:
        return f"Try %daft help {near}"
    return f"Try %daft {near or 'help'}"


def topic(name: str, topics: Iterable[str]) -> str | None:
    """Return the topic of the help that is meant by a name; None where none is."""
    there = list(topics)
    verb = _VERB_OF.get(name.lower())
    return verb if verb in there else nearest(name, there)


def harmless(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice that is most like a name, of those that end nothing."""
    return nearest(name, [choice for choice in choices if choice not in ENDING])
