"""What a cell shows by itself while it runs: the line under it, the line of a terminal, watched blocks."""
