"""The verbs of ``%daft`` and the modes of ``%%daft``, each declared in one place.

A module that has verbs or modes says so in ``VERBS`` and ``MODES`` (tuples of :class:`~daftnb.commands.verb.Verb` and
:class:`~daftnb.commands.verb.Mode`) and is named in :data:`daftnb.commands.registry.MODULES`. Parsing, help, errors
and Tab completion all come from there.
"""
