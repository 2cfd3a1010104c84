"""Pages, summaries, views and the static form of a dataframe: what a preview is made of. (``daftnb.preview`` is what
shows one.)
"""
