"""The kinds of cells. A kind is one record, :class:`~daftnb.previews.kinds.kind.CellKind`, with all about its type.

Each module has the records of one kind, or of a few that share what they do, and nothing outside of this package asks
which kind a value is of. ``frontend/src/preview/kinds/`` is its twin on the page. To add a kind, write its record into
``KINDS`` of the module that it belongs to, and its name into ``previews/wire.py``.
"""
