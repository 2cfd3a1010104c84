"""The Ray cluster that belongs to this kernel: how it is started, supervised, grown and ended."""
