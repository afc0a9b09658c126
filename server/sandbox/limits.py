"""Everything that bounds a child process: memory, processor time, file size, descriptors, threads. The child applies it to itself.

MEDLENS_READER_MEMORY_MB and MEDLENS_READER_TIMEOUT_S bound the readers of PDF, DICOM and image files; the other numbers are here.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024

# What a reader gets on top of what is loaded already, however small its limit: enough to say what went wrong.
LEAST_MEMORY_MB = 256
# Processor seconds that a reader may use beyond its timeout before the system kills it.
CPU_SLACK_S = 5.0
# Descriptors: the pipe to its parent, and a library that is loaded late. A reader has about eight.
MAX_DESCRIPTORS = 64
# Threads and processes of a reader's own user: decoders of AVIF start one for each core.
MAX_THREADS = 128


@dataclass(frozen=True, slots=True)
class Limits:
    """`memory_mb` of address space, MiB; `cpu_s` of processor time, after which the system kills the process, parent or not."""

    memory_mb: int
    cpu_s: float


# One decoder of images (server/dedupe/decode_pool.py). The worst allowed image, 50 megapixels of RGBA in 16 bits, needs 700 MiB
# while it shrinks. The hour of processor time ends children whose parent has ended; a new decoder replaces them.
DECODER = Limits(memory_mb=1536, cpu_s=3600)
# The reader that only says which guards are missing (check.py).
PROBE = Limits(memory_mb=256, cpu_s=5.0)


def reader_limits(memory_mb: int, timeout_s: float) -> Limits:
    """Limits of the reader of one file, from MEDLENS_READER_MEMORY_MB and MEDLENS_READER_TIMEOUT_S."""
    return Limits(memory_mb, timeout_s + CPU_SLACK_S)


def apply_limits(limits: Limits) -> None:
    """Bound this process and those that it starts, irrevocably."""
    seconds = max(1, int(limits.cpu_s) + 1)
    allowed = max(limits.memory_mb, _mapped_mb() + LEAST_MEMORY_MB) * MIB
    for kind, most in (
        (resource.RLIMIT_CORE, 0),  # a core dump would hold an untrusted file, and our data
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, allowed),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, MAX_DESCRIPTORS),
    ):
        resource.setrlimit(kind, (most, most))


def limit_threads() -> None:
    """Bound threads and processes. The system counts them by user: call it only as a user that no other process has."""
    resource.setrlimit(resource.RLIMIT_NPROC, (MAX_THREADS, MAX_THREADS))


def _mapped_mb() -> int:
    """Address space in use, MiB; 0 where the system does not say (there RLIMIT_AS is not kept either)."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize() // MIB
    except OSError:
        return 0
