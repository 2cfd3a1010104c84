"""What a preview is made of: pages, summaries, views and the static form of a dataframe.

``daftnb.preview`` shows one.
"""
