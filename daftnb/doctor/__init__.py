"""The checks of ``%daft doctor`` and their report, as text and as HTML."""
