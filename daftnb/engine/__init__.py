"""Everything that knows Daft and Ray: the table of private names, and the rooms that use it."""
