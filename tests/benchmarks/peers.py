"""Where the others are: environments of their own, given by their Python."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

from tests.benchmarks.figures import Missing

ASK = "import sys; from importlib.util import find_spec; sys.exit(not all(map(find_spec, sys.argv[1:])))"


def python_with(peers: Iterable[str], *modules: str) -> str:
    """The first of these Pythons that has all of these modules; raises Missing where there is none."""
    for python in peers:
        try:
            if subprocess.run([python, "-c", ASK, *modules], capture_output=True, timeout=60).returncode == 0:
                return python
        except OSError:
            continue
    raise Missing(f"{' and '.join(modules)} not installed (--peers PYTHON, of an environment that has it)")
