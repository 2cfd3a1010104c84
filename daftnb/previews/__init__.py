"""Builds a preview: pages of rows, summaries, views and the static form of a dataframe.

``daftnb.preview`` shows one.
"""
