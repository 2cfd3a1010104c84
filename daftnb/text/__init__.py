"""Makes text and numbers fit to show. Pure; imports no other part of daftnb."""
