"""The code that runs inside Daft's runner actor, sent there by value as one package.

It imports the standard library, Daft and Ray, and of daftnb only itself, and :mod:`daftnb.clock`,
:mod:`daftnb.variables` and :mod:`daftnb.engine.meter`, which go with it: the cluster need not have daftnb.
"""
