"""The Ray cluster that belongs to this kernel: starts, supervises, grows and ends it."""
