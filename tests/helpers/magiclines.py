"""Lines of ``%daft``, good and bad."""

from __future__ import annotations

from hypothesis import strategies as st

from daftnb.commands import registry
from daftnb.commands.verb import Mode, Verb
from daftnb.settings import SETTINGS

EVERY: list[Verb | Mode] = [*registry.verbs().values(), *registry.modes().values()]
WORDS = st.sampled_from(
    [*registry.verbs(), *filter(None, registry.modes()), *SETTINGS, "threshold=2", "=", "--", "-", "-1", "#", "'", '"']
    + [option for each in EVERY for action in each.parser()._actions for option in action.option_strings]
)


LINES = st.one_of(st.text(max_size=40), st.lists(st.one_of(WORDS, st.text(max_size=8)), max_size=8).map(" ".join))
