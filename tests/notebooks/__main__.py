"""``python -m tests.notebooks [NAME …]``: run the notebooks, and keep their outputs in ``notebooks/``."""

from __future__ import annotations

import sys

import nbformat

from tests.notebooks.running import NOTEBOOKS, run, tidy

for name in sys.argv[1:] or sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")):
    ran = run(name)
    nbformat.write(tidy(ran.document), NOTEBOOKS / f"{name}.ipynb")
    print(f"{name}: {ran.seconds:.0f} s, {(NOTEBOOKS / f'{name}.ipynb').stat().st_size / 1000:.0f} kB", flush=True)
