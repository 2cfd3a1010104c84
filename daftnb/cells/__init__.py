"""What shows by itself while a cell runs: the line under it, the terminal's line, and watching a block."""
