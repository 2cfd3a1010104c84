"""A stand-in for NVIDIA's NVML: a library of that name with the few functions that are called, built where C can be."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

COMPILER = shutil.which("cc") or shutil.which("gcc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
SOURCE = """
#include <string.h>
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned int gpu, memory; } Rates;
int nvmlInitWithFlags(unsigned int flags) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle) { *handle = (void *)(long)(index + 1); return 0; }
int nvmlDeviceGetName(void *handle, char *name, unsigned int length) {
  strncpy(name, (long)handle == 1 ? "Stand-in A1" : "Stand-in part", length);
  return 0;
}
int nvmlDeviceGetUtilizationRates(void *handle, Rates *rates) {
  if ((long)handle == 2) return 3; /* not supported, as of a part of a device */
  rates->gpu = 37;
  return 0;
}
int nvmlDeviceGetMemoryInfo(void *handle, Memory *memory) {
  memory->total = 24000000000ULL;
  memory->used = 6000000000ULL;
  return 0;
}
const char *nvmlErrorString(int code) { return "stand-in"; }
"""
READINGS = [(0, "Stand-in A1", 37, 6 * 10**9, 24 * 10**9), (1, "Stand-in part", None, 6 * 10**9, 24 * 10**9)]


def build(folder: Path) -> dict[str, str]:
    """Build the library; return the variables of the environment with which a process finds it."""
    assert COMPILER is not None, "see needs_compiler"
    (folder / "nvml.c").write_text(SOURCE)
    library = folder / "libnvidia-ml.so.1"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", str(library), str(folder / "nvml.c")], check=True)
    return {"LD_LIBRARY_PATH": str(folder)}
