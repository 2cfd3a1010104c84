"""The ground floor: text and numbers made fit to show. Pure; imports nothing else of daftnb's."""
