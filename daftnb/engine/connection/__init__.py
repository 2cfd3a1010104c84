"""Connects this kernel to Ray: addresses, checks before connecting, taking over, leaving."""
