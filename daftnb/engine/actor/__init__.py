"""The code that runs inside Daft's runner actor, sent there by value as one package.

It imports the standard library, Daft and Ray, and of daftnb only itself, and :mod:`daftnb.clock` and
:mod:`daftnb.variables`, which go with it: the cluster need not have daftnb.
"""
