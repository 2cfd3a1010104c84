"""The live views: one widget class for each, and what they share."""
