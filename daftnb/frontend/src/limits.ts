// Written from daftnb/text/limits.py, daftnb/telemetry/limits.py and daftnb/previews/limits.py:
// make changes there, then run python -m daftnb.frontend.write_types

/** A task stands out that took so many times the median ... */
export const SKEW_TIMES = 2;
/** ... and so many seconds more. */
export const SKEW_SECONDS = 0.5;
/** Characters of a setting's value that a page may send. */
export const LONGEST_SETTING = 100;
/** A cell has a line once a query of it takes so long; shorter ones are counted, not listed. */
export const BRIEF_SECONDS = 0.3;
/** Charts begin so long before their query. */
export const LEAD_SECONDS = 1;
/** Charts end so long after their query: what the engine then lets go of belongs to it. */
export const TAIL_SECONDS = 3;
/** Requests are numbered from 1 up to here. */
export const LARGEST_ID = 2_147_483_647;
/** Columns of one request. */
export const MOST_COLUMNS = 64;
/** Rows of one request for text. */
export const COPIED_AT_ONCE = 10_000;
/** Columns that a view is sorted by. */
export const MOST_SORTS = 8;
/** Filters of a view. */
export const MOST_FILTERS = 32;
/** Characters of a search. */
export const LONGEST_SEARCH = 200;
/** Characters of a filter's value. */
export const LONGEST_VALUE = 1_000;
/** Columns of the first page, which comes with the table. */
export const FIRST_COLUMNS = 30;
/** Rows of a preview of a frame that has not run. */
export const RUN_ROWS = 1_000;
