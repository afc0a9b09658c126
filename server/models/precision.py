"""The arithmetic of the networks on a CPU: 32-bit floats, or bfloat16 where the processor multiplies it in tiles (AMX).

docs/performance.md has the measurements: how much faster bfloat16 is, and how many verdicts it changes.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

Precision: TypeAlias = Literal["f32", "bf16"]
Wanted: TypeAlias = Literal["auto", "f32", "bf16"]

CPU_INFO = Path("/proc/cpuinfo")
# The flag by which Linux names matrix tiles of bfloat16. With vector instructions alone (avx512_bf16) nothing was measured.
TILES = "amx_bf16"


def choose_precision(wanted: Wanted) -> Precision:
    """The precision of networks on this machine's CPU. `auto`: bf16 where the processor has tiles of it, else f32."""
    if wanted != "auto":
        return wanted
    return "bf16" if _has_tiles() else "f32"


def has_tiles(info: Path) -> bool:
    """Whether the Linux description of processors at `info` names TILES; False where there is no such file."""
    try:
        lines = info.read_text(errors="replace").splitlines()
    except OSError:
        return False
    return any(TILES in line.split() for line in lines if line.startswith("flags"))


@cache
def _has_tiles() -> bool:
    return has_tiles(CPU_INFO)
