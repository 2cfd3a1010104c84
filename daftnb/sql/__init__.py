"""SQL cells: a notebook's dataframes as tables, its values as literals, Daft's errors at their place in the text.

``tokens`` reads the text, ``literals`` writes values, ``binding`` puts them in, ``statement`` hands it to ``daft.sql``,
``problems`` says what Daft said. None of them knows IPython.
"""
