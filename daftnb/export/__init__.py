"""A recording in other forms: a page that opens without a kernel, and files that other tools read."""
