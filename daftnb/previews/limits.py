"""Numbers that the kernel and a preview's page go by; ``frontend/write_types.py`` writes them for the page."""

from __future__ import annotations

from typing import Final

#: Requests are numbered from 1 up to here.
LARGEST_ID: Final = 2_147_483_647
#: Columns of one request.
MOST_COLUMNS: Final = 64
#: Rows of one request for text.
COPIED_AT_ONCE: Final = 10_000
#: Columns that a view is sorted by.
MOST_SORTS: Final = 8
#: Filters of a view.
MOST_FILTERS: Final = 32
#: Characters of a search.
LONGEST_SEARCH: Final = 200
#: Characters of a filter's value.
LONGEST_VALUE: Final = 1_000
#: Columns of the first page, which comes with the table.
FIRST_COLUMNS: Final = 30
#: Rows of a preview of a frame that has not run.
RUN_ROWS: Final = 1_000
