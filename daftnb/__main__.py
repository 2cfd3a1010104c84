"""``python -m daftnb``: the ``daftnb`` command."""

import sys

from daftnb.cli import main

sys.exit(main())
