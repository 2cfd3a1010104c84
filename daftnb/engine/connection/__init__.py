"""Which Ray this kernel uses: addresses, checks before connecting, connecting, adopting and leaving."""
