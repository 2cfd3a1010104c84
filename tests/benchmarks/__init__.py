"""Ratios against what a user would use instead, measured in one run. Not assertions: run, read, and quote."""
